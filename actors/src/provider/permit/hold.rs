//! What a permit holds of a key: room in its windows, and the pass of its cooldown.
//!
//! Always: what has changed is told to the router under the lock that changed it.

use std::time::Duration;

use dialects::fault::Fault;

use crate::error::Refusal;
use crate::health::KeyHealth;
use crate::policy::breaker::{EVERYBODY, Whose};
use crate::policy::limits::Reservation;
use crate::policy::{Admission, Moment};

/// A reservation in one set of windows and the pass of one cooldown: a key's, or a key's at a deployment.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) reservation: Option<Reservation>,
    pass: Option<Admission>,
}

impl Hold {
    /// Both, or neither.
    pub(super) fn take(health: &KeyHealth, client: u64, tokens: u64, now: Moment) -> Result<Self, Refusal> {
        let mut state = health.state.lock();
        if let Some(until) = state.barred_to(client, now) {
            return Err(Refusal::Cooling(until));
        }
        let pass = match state.cooldown.try_admit(now) {
            Ok(pass) => pass,
            Err(at) => {
                health.refresh(&mut state, now);
                return Err(Refusal::Cooling(at));
            }
        };
        match state.windows.reserve(now, tokens) {
            Ok(reservation) => Ok(Self { reservation: Some(reservation), pass: Some(pass) }),
            Err(at) => {
                state.cooldown.give_back(pass);
                health.refresh(&mut state, now);
                Err(Refusal::Quota(at))
            }
        }
    }

    /// It worked. A late success may not end what began after it was sent: the machine is asked what holds now.
    pub(super) fn well(&mut self, health: &KeyHealth, now: Moment) {
        if let Some(pass) = self.pass.take() {
            let mut state = health.state.lock();
            (state.proven, state.doubted, state.barred) = (true, None, None);
            if state.cooldown.success(pass) {
                health.refresh(&mut state, now);
            }
        }
    }

    /// It failed by this fault: the key is out for a while. One that has served others is out for this client alone, until
    /// another has met it too: what a request names is often refused in the words of a bad key.
    pub(super) fn cool(
        &mut self,
        health: &KeyHealth,
        (fault, client): (Fault, u64),
        now: Moment,
        hint_ms: Option<u64>,
        cap: Duration,
    ) {
        let Some(pass) = self.pass.take() else { return };
        let mut state = health.state.lock();
        state.fault = Some(fault);
        let before = state.barred.filter(|(_, until)| *until > now).map_or(Whose::Nobodys, |(one, _)| Whose::One(one));
        let wait = state.cooldown.length(hint_ms, cap);
        if state.proven && state.cooldown.is_clear() && before.and(client) == Whose::One(client) {
            state.barred = Some((client, now.after_ms(wait)));
            state.cooldown.give_back(pass);
            return;
        }
        state.proven &= !pass.is_canary();
        let until = state.cooldown.cool(pass, now, hint_ms, cap);
        if pass.is_canary() && client != EVERYBODY {
            // The next canary is another client's, if one asks.
            state.barred = Some((client, until.after_ms(until.since(now).as_millis() as u64)));
        }
        health.refresh(&mut state, now);
    }

    /// It was sent, and has used so much: what was reserved beyond that is free again.
    pub(super) fn settle(&mut self, health: &KeyHealth, tokens: u64, now: Moment) {
        if let Some(reservation) = self.reservation.take() {
            let mut state = health.state.lock();
            state.windows.settle(reservation, tokens, now);
            health.refresh(&mut state, now);
        }
    }

    /// What has had no verdict: as if it had never been asked.
    pub(super) fn give_back(&mut self, health: &KeyHealth, now: Moment) {
        if self.reservation.is_none() && self.pass.is_none() {
            return;
        }
        let mut state = health.state.lock();
        if let Some(pass) = self.pass.take() {
            state.cooldown.give_back(pass);
        }
        if let Some(reservation) = self.reservation.take() {
            state.windows.give_back(reservation);
        }
        health.refresh(&mut state, now);
    }
}
