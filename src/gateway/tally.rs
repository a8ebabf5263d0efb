//! What has come of a call so far: what was tried, what may still be tried, what the client would be told now.
//!
//! Always: the first try of a deployment is no retry, nor is that of a key which takes over from one at fault, so that
//! what is healthy is asked however much before it is not. `max_retries` bounds what is tried once more, and
//! [`MAX_ATTEMPTS`] all of it.

use std::sync::Arc;
use std::time::Duration;

use actors::clock;
use actors::error::{Cause, Failure, Refusal};
use actors::policy::Moment;
use actors::table::Deployment;
use dialects::fault::Fault;

use super::asking::Unsayable;

/// The most exchanges that one request may cost, whatever is configured: a bound where keys and targets are many.
const MAX_ATTEMPTS: u32 = 64;

/// Whatever fails after so long was at work until then, and would be paid for once more.
const LONG: Duration = Duration::from_secs(30);
/// A time-out that is told sooner than this is none: nobody has worked on the request.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Keys of one provider that may refuse one request: then it is the request that is the suspect.
const REFUSALS: usize = 2;

#[derive(Default)]
pub(super) struct Tally {
    /// The failure that says most to the client: not the last one, where an earlier one gives it more hope.
    pub told: Option<Failure>,
    /// Whose call it is.
    pub client: u64,
    pub refusal: Option<Refusal>,
    /// When the soonest of those that refused may serve again.
    pub soonest: Option<Moment>,
    /// Why one of them could not even be asked.
    pub unsayable: Option<Unsayable>,
    /// Plans that were gone through.
    pub rounds: u32,
    /// For cooldowns to end.
    pub waited: Duration,
    attempts: u32,
    /// Attempts at what had been tried before.
    repeats: u32,
    tries: Vec<Try>,
    /// Deployments that answered that they do not serve such a request: asking again would be in vain.
    useless: Vec<Arc<str>>,
}

/// What was tried, once.
struct Try {
    deployment: Arc<str>,
    /// Its place among the provider's; None where it did not come to that.
    key: Option<usize>,
    /// It failed by the key's fault: with another one this deployment is as good as new.
    blames_key: bool,
    fault: Option<Fault>,
}

impl Tally {
    pub fn of(client: u64) -> Self {
        Self { client, ..Self::default() }
    }

    /// Whether this deployment may be tried now, where so many repeats are allowed.
    pub fn may_try(&self, deployment: &Deployment, repeats: u32) -> bool {
        self.attempts < MAX_ATTEMPTS
            && !self.is_useless(deployment)
            && (self.repeats < repeats || self.is_new(deployment))
    }

    /// Whether there is any sense in another round.
    pub fn may_repeat(&self, repeats: u32) -> bool {
        self.attempts < MAX_ATTEMPTS && self.repeats < repeats && self.rounds <= repeats
    }

    fn tries_of<'a>(&'a self, deployment: &'a Deployment) -> impl Iterator<Item = &'a Try> {
        self.tries.iter().filter(|tried| tried.deployment == deployment.name)
    }

    /// Never tried, or only with keys that were at fault while another one is ready.
    fn is_new(&self, deployment: &Deployment) -> bool {
        if self.tries_of(deployment).next().is_none() {
            return true;
        }
        let unused = |key: usize| self.tries_of(deployment).all(|tried| tried.key != Some(key));
        self.tries_of(deployment).all(|tried| tried.blames_key)
            && deployment.health.ready_keys(&deployment.provider.health, clock::now()).any(unused)
    }

    /// The keys of this deployment that have refused the request, a bit each.
    pub fn barred(&self, deployment: &Deployment) -> u64 {
        let keys = self.refusals_of(deployment, Fault::Forbidden).filter_map(|tried| u32::try_from(tried.key?).ok());
        keys.fold(0, |barred, key| barred | 1_u64.checked_shl(key).unwrap_or(0))
    }

    pub fn refused(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
        self.soonest = [self.soonest, refusal.ready_at()].into_iter().flatten().min();
    }

    pub fn cannot_say(&mut self, unsayable: Unsayable, deployment: &Deployment) {
        self.useless.push(deployment.name.clone());
        self.unsayable = Some(unsayable);
    }

    /// `took`: how long it was tried before it failed.
    pub fn failed(&mut self, failure: Failure, deployment: &Deployment, key: Option<usize>, took: Duration) {
        let again = self.tries_of(deployment).any(|tried| tried.key == key || !tried.blames_key);
        self.attempts += 1;
        self.repeats += u32::from(again);
        let cause = failure.cause;
        let blames_key = cause.blames_key();
        self.tries.push(Try { deployment: deployment.name.clone(), key, blames_key, fault: cause.fault() });
        let bought = (took >= LONG && cause.blames_deployment()) || (took >= AT_ONCE && failure.is_told_timeout());
        let forbidden = cause.fault() == Some(Fault::Forbidden)
            && (self.refusals_of(deployment, Fault::Forbidden).count() >= REFUSALS || !self.is_new(deployment));
        if cause.is_in_vain() || bought || forbidden || self.is_suspect(&cause, deployment) {
            self.useless.push(deployment.name.clone());
        }
        if self.told.as_ref().is_none_or(|told| told.cause.hope() <= failure.cause.hope()) {
            self.told = Some(failure);
        }
        debug_assert!(self.repeats < self.attempts);
    }

    fn refusals_of<'a>(&'a self, deployment: &'a Deployment, fault: Fault) -> impl Iterator<Item = &'a Try> {
        self.tries_of(deployment).filter(move |tried| tried.fault == Some(fault))
    }

    /// Two keys in a row are said to be bad or without credit: more likely is that it is this request which no key may
    /// make. Both are given back, and no third one is tried. Those that are out for this client alone count as refused.
    fn is_suspect(&self, cause: &Cause, deployment: &Deployment) -> bool {
        let is_bad = |fault: Option<Fault>| matches!(fault, Some(Fault::Key | Fault::Credit));
        if !is_bad(cause.fault()) {
            return false;
        }
        let (health, now) = (&deployment.provider.health, clock::now());
        let tried: Vec<usize> =
            self.tries_of(deployment).filter(|tried| is_bad(tried.fault)).filter_map(|tried| tried.key).collect();
        let refused: Vec<_> = tried.iter().filter_map(|place| health.keys.get(*place)).collect();
        let others = health.keys.iter().enumerate().filter(|(place, _)| !tried.contains(place));
        let barred = others.filter(|(_, key)| key.is_barred_to(self.client, now)).count();
        if refused.len() + barred < REFUSALS {
            return false;
        }
        // A 401 says nothing else, nor does an empty account: they are believed of a key that has never worked.
        let sure =
            cause.fault() == Some(Fault::Credit) || matches!(cause, Cause::Status(status, _) if status.as_u16() == 401);
        let given_back = refused.iter().filter(|key| key.acquit(sure, self.client, now)).count();
        given_back + barred >= REFUSALS
    }

    pub fn is_useless(&self, deployment: &Deployment) -> bool {
        self.useless.contains(&deployment.name)
    }
}
