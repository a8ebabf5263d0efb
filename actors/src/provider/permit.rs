//! The guard that holds a deployment's capacity until the body has ended, and carries the outcome back.
//!
//! Always: what was reserved and never sent is given back; a canary that ends without a verdict is given back; what
//! is in flight is counted down exactly once, whatever ends it.

mod hold;
mod told;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_http::header::HeaderMap;
use dialects::Usage;
use dialects::fault::{Fault, is_pause};
use smallvec::SmallVec;

use crate::clock;
use crate::error::{Cause, Refusal};
use crate::headers;
use crate::health::{KeyHealth, LastError};
use crate::policy::breaker::{Asker, EVERYBODY, Evidence};
use crate::policy::{Admission, Moment};
use crate::table::Deployment;

use hold::Hold;

use super::credential::Tokens;
use super::request::Sent;

/// Capacity of a deployment, held.
#[derive(Debug)]
pub struct Permit {
    deployment: Arc<Deployment>,
    /// Index of the key.
    key: usize,
    admission: Option<Admission>,
    asker: Asker,
    /// When it was taken, so about when the request was sent.
    taken: Moment,
    /// How long its answer takes is known, or will not be.
    timed: bool,
    /// When it was finished.
    over: Option<Moment>,
    /// The deployment's pause.
    pass: Option<Admission>,
    of_key: Hold,
    at_model: Hold,
    /// Something of the request has been sent: from there on the reservation counts, whatever comes of it.
    sent: Sent,
    /// Tokens that were reserved.
    tokens: u64,
}

impl Permit {
    /// Takes everything a request needs, or nothing.
    pub(super) fn take(deployment: &Arc<Deployment>, asker: Asker, tokens: u64, turn: usize) -> Result<Self, Refusal> {
        let now = clock::now();
        let provider = &deployment.provider;
        let health = &deployment.health;
        if let Some(max) = provider.config.max_in_flight
            && provider
                .health
                .in_flight
                .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |n| (n < max).then_some(n + 1))
                .is_err()
        {
            return Err(Refusal::Busy);
        }
        if provider.config.max_in_flight.is_none() {
            provider.health.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        let undo = undo_unless_disarmed(|| {
            provider.health.in_flight.fetch_sub(1, Ordering::AcqRel);
        });
        let (admission, pass) = {
            let mut state = health.state.lock();
            let pass = match state.pause.try_admit(now, asker.client) {
                Ok(pass) => pass,
                Err(at) => {
                    health.refresh(&state);
                    return Err(Refusal::Cooling(at));
                }
            };
            match state.breaker.try_admit(now, asker.client) {
                Ok(admission) => (admission, pass),
                Err(at) => {
                    state.pause.give_back(pass);
                    health.refresh(&state);
                    return Err(Refusal::Open(at));
                }
            }
        };
        let (key, of_key, at_model) = match Self::pick_key(deployment, asker, tokens, now, turn) {
            Ok(picked) => picked,
            Err(refusal) => {
                let mut state = health.state.lock();
                state.pause.give_back(pass);
                state.breaker.give_back(admission);
                health.refresh(&state);
                return Err(refusal);
            }
        };
        undo.disarm();
        health.in_flight.fetch_add(1, Ordering::Relaxed);
        let admission = Some(admission);
        Ok(Self {
            deployment: deployment.clone(),
            key,
            admission,
            asker,
            taken: now,
            timed: false,
            over: None,
            pass: Some(pass),
            of_key,
            at_model,
            sent: Sent::default(),
            tokens,
        })
    }

    /// The key with the most room that will have it; `turn` rotates among equals.
    fn pick_key(
        deployment: &Deployment,
        asker: Asker,
        tokens: u64,
        now: Moment,
        turn: usize,
    ) -> Result<(usize, Hold, Hold), Refusal> {
        let keys = &deployment.provider.health.keys;
        let count = keys.len();
        let hold = |index: usize| -> Result<(usize, Hold, Hold), Refusal> {
            let (Some(key), Some(at_model)) = (keys.get(index), deployment.health.keys.get(index)) else {
                return Err(Refusal::Busy);
            };
            let mut of_key = Hold::take(key, asker.client, tokens, now)?;
            match Hold::take(at_model, asker.client, tokens, now) {
                Ok(at_model) => Ok((index, of_key, at_model)),
                Err(refusal) => {
                    of_key.give_back(key, now);
                    Err(refusal)
                }
            }
        };
        if count == 1 {
            return hold(0);
        }
        let mut order: SmallVec<[(usize, f32); 8]> = (0..count)
            .map(|step| (turn.wrapping_add(step)) % count)
            .map(|index| (index, Self::room(deployment, index, now)))
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut soonest: Option<Refusal> = None;
        let allowed = |index: usize| {
            u32::try_from(index).is_ok_and(|bit| 1_u64.checked_shl(bit).unwrap_or(0) & asker.barred == 0)
        };
        for (index, _) in order.into_iter().filter(|(index, _)| allowed(*index)) {
            match hold(index) {
                Ok(held) => return Ok(held),
                Err(refusal) => {
                    let sooner = soonest.is_none_or(|known| refusal.ready_at() < known.ready_at());
                    if sooner {
                        soonest = Some(refusal);
                    }
                }
            }
        }
        Err(soonest.unwrap_or(Refusal::Busy))
    }

    /// Room left at a key, in coarse steps so that near-equals take turns.
    fn room(deployment: &Deployment, index: usize, now: Moment) -> f32 {
        let room = |health: &KeyHealth| {
            if health.ready_at.get() > now { -1.0 } else { health.state.lock().windows.room(now) }
        };
        let of_key = deployment.provider.health.keys.get(index).map_or(0.0, |key| room(key));
        let at_model = deployment.health.keys.get(index).map_or(0.0, |key| room(key));
        (of_key.min(at_model) * 16.0).floor()
    }

    /// Which key was picked.
    pub fn key(&self) -> usize {
        self.key
    }

    /// Each hold with what it holds of.
    fn holds(&mut self) -> [(&mut Hold, Option<&Arc<KeyHealth>>); 2] {
        let Self { deployment, key, of_key, at_model, .. } = self;
        [(of_key, deployment.provider.health.keys.get(*key)), (at_model, deployment.health.keys.get(*key))]
    }

    /// For who sends the request, to mark.
    pub(crate) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    /// What the answer's headers say of quotas. Tells when they say to come back, in milliseconds.
    pub(crate) fn learn(&self, answer: &HeaderMap) -> Option<u64> {
        let hints = headers::quota_hints(answer)?;
        if let (Some(at_model), Some(reservation)) =
            (self.deployment.health.keys.get(self.key), &self.at_model.reservation)
        {
            let (requests, tokens) = (learned(&hints.requests), learned(&hints.tokens));
            at_model.state.lock().windows.learn(reservation, requests, tokens, clock::now());
        }
        hints.retry_after_ms
    }

    /// The first content came, `first_byte` after sending.
    pub(crate) fn answered(&mut self, first_byte: Duration) {
        let now = clock::now();
        self.deployment.health.latency.observe(first_byte, now);
        self.deployment.health.served.store(true, Ordering::Relaxed);
        self.timed = true;
        // A canary has found out what it was sent for. Any other admission waits for the answer's end: what always
        // breaks in the middle must not be forgiven at each beginning.
        let waits = self.admission.take_if(|admission| !admission.is_canary());
        self.well(now);
        self.admission = waits;
    }

    /// The deployment and the key did what they should. A late success may not end what began after it was sent, so
    /// the machines are asked what holds now.
    fn well(&mut self, now: Moment) {
        let health = &self.deployment.health;
        if self.admission.is_some() || self.pass.is_some() {
            let mut state = health.state.lock();
            if let Some(admission) = self.admission.take() {
                state.breaker.success(admission, now);
            }
            if let Some(pass) = self.pass.take() {
                state.pause.success(pass);
            }
            health.refresh(&state);
        }
        for (hold, health) in self.holds() {
            if let Some(health) = health {
                hold.well(health, now);
            }
        }
    }

    /// The attempt failed: who is to blame cools down.
    pub(crate) fn failed(&mut self, cause: Cause, retry_after_ms: Option<u64>) {
        let now = clock::now();
        let (client, cap) = (self.asker.client, self.deployment.provider.config.max_retry_after);
        self.timed = true;
        let fault = match cause {
            Cause::Status(_, fault) | Cause::InBand(fault) => Some(fault),
            _ => None,
        };
        match cause {
            // An error status costs a request and no tokens.
            Cause::Status(..) => self.tokens = 0,
            // So slow that nobody waited for it: that is a measurement too.
            Cause::FirstByteTimeout => {
                let health = &self.deployment.health;
                health.latency.observe(self.deployment.provider.config.timeouts.first_byte, now);
            }
            _ => {}
        }
        if !cause.is_clients() && cause != Cause::NoRoom {
            let told = LastError { what: cause.label(), at: now, why: None };
            *self.deployment.provider.health.last_error.lock() = Some(told);
        }
        if cause == Cause::NoToken
            && let [(of_key, Some(health)), _] = self.holds()
        {
            // Without a hint: soon at first, for a token endpoint is rarely away for long.
            of_key.cool(health, (Fault::Key, EVERYBODY), now, None, cap);
        }
        match fault {
            Some(Fault::Client) => return self.well(now),
            Some(fault @ Fault::RateLimited) => {
                if let [_, (at_model, Some(health))] = self.holds() {
                    at_model.cool(health, (fault, client), now, retry_after_ms, cap);
                }
            }
            Some(fault @ (Fault::Key | Fault::Credit)) => {
                if let Some(tokens) = self.tokens() {
                    tokens.doubt();
                }
                if let [(of_key, Some(health)), _] = self.holds() {
                    of_key.cool(health, (fault, client), now, Some(millis(cap)), cap);
                }
            }
            // Told at once and for nothing each time: there is nothing to wait for.
            Some(Fault::Forbidden | Fault::ModelMissing | Fault::NotServed) => self.well(now),
            Some(fault @ Fault::Upstream) if retry_after_ms.is_some() => {
                let asks = match cause {
                    Cause::Status(status, _) => is_pause(Some(status.as_u16()), fault),
                    // Of one inside a 200 nothing is read where it does not.
                    _ => true,
                };
                self.pause_deployment(asks, now, retry_after_ms, cap);
            }
            _ => {}
        }
        let Some(admission) = self.admission.take_if(|_| cause.blames_deployment()) else {
            return;
        };
        let health = &self.deployment.health;
        let mut state = health.state.lock();
        let evidence = Evidence { asker: self.asker, sent: self.taken, sure: cause.is_surely_deployments() };
        state.breaker.failure(admission, now, &evidence);
        health.refresh(&state);
    }

    fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.deployment.provider.credentials.get(self.key)?.tokens()
    }

    /// `asks`: by its status it is about the server and not about this request, of which alone a 500 may speak.
    fn pause_deployment(&mut self, asks: bool, now: Moment, hint_ms: Option<u64>, cap: Duration) {
        let health = &self.deployment.health;
        let mut state = health.state.lock();
        if !asks && state.breaker.has_worked(self.taken, now) {
            return;
        }
        let Some(pass) = self.pass.take() else { return };
        state.pause.begin(pass, now, self.asker.client, hint_ms, cap);
        health.refresh(&state);
    }

    /// The body has ended, whole or after [`Permit::failed`]: the tokens reserved by estimate are settled by what was
    /// used.
    pub(crate) fn finish(mut self, usage: Usage) {
        let now = clock::now();
        self.over = Some(now);
        self.well(now);
        self.settle(usage.input.saturating_add(usage.output), now);
    }

    fn settle(&mut self, tokens: u64, now: Moment) {
        for (hold, health) in self.holds() {
            if let Some(health) = health {
                hold.settle(health, tokens, now);
            }
        }
    }
}

fn learned(window: &dialects::quota::Window) -> crate::policy::limits::Learned {
    crate::policy::limits::Learned { limit: window.limit, remaining: window.remaining, reset_in_ms: window.reset_ms }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.deployment.provider.health.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.deployment.health.in_flight.fetch_sub(1, Ordering::Relaxed);
        let health = &self.deployment.health;
        if self.admission.is_some() || self.pass.is_some() {
            let mut state = health.state.lock();
            if let Some(admission) = self.admission.take() {
                state.breaker.give_back(admission);
            }
            if let Some(pass) = self.pass.take() {
                state.pause.give_back(pass);
            }
            health.refresh(&state);
        }
        let now = self.over.unwrap_or_else(clock::now);
        if !self.timed && self.sent.get() {
            // Who gives up, and whoever loses a race, has at least waited so long.
            self.deployment.health.latency.at_least(now.since(self.taken), now);
        }
        if self.sent.get() {
            self.settle(self.tokens, now);
        }
        for (hold, health) in self.holds() {
            if let Some(health) = health {
                hold.give_back(health, now);
            }
        }
    }
}

/// Runs when dropped, unless disarmed: a refusal halfway leaves nothing taken.
fn undo_unless_disarmed<F: FnMut()>(undo: F) -> Undo<F> {
    Undo(Some(undo))
}

struct Undo<F: FnMut()>(Option<F>);

impl<F: FnMut()> Undo<F> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        if let Some(undo) = &mut self.0 {
            undo();
        }
    }
}

#[cfg(test)]
mod tests;
