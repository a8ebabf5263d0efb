//! The one call behind the routes: route, attempts, fallback, under one deadline.
//!
//! Always: nothing here has reached the client yet, so anything may still be tried; no attempt begins after the
//! deadline; dropping the call drops every exchange that it holds.

mod asking;
mod fetching;
mod hedge;
mod refused;
mod tally;
mod translating;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actors::error::{Cause, Failure, Refusal};
use actors::exchange::Answer;
use actors::fetching::Fetches;
use actors::heavy::LARGE;
use actors::policy::retry;
use actors::provider::Streaming;
use actors::query::Pair;
use actors::router::{self, Outlook, Plan};
use actors::shard::Shard;
use actors::share::Share;
use actors::table::{Deployment, Route};
use actors::{alarm, clock};
use dialects::Endpoint;
use dialects::envelope::Envelope;
use dialects::fault::Fault;
use dialects::loss::Losses;

use crate::entry::Attempts;
use crate::record::Attempt;
use crate::upload::Source;

use asking::Asked;
pub(crate) use asking::Unsayable;
pub use refused::{Refused, words};
use tally::Tally;

/// The longest that one request waits, in all, for what cools down: no byte goes to the client meanwhile, and with a
/// `retry-after` in hand it knows better than we do whether to wait. Our own backoff is the operator's to set.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client asks for, as far as every attempt needs it.
pub struct Call {
    pub shard: Rc<Shard>,
    pub route: Arc<Route>,
    /// The client's.
    pub endpoint: Endpoint,
    pub streaming: Streaming,
    /// Names what has no id of its own in an answer that is translated.
    pub request_id: Arc<str>,
    /// Only those that may pass.
    pub headers: Rc<Vec<(HeaderName, HeaderValue)>>,
    /// Likewise.
    pub query: Option<Pair>,
    pub body: CallBody,
    /// Tells clients apart, for who fails alone.
    pub client: u64,
    /// Keys of the deployment that was asked last which have refused the request: see [`Tally::barred`].
    pub barred: Cell<u64>,
    /// Estimate of the tokens it will use.
    pub tokens: u64,
    /// The first content must have come by then.
    pub deadline: Instant,
    /// What has been tried, in order: the entry's.
    pub attempts: Attempts,
    pub fetches: Fetches,
    /// Their part of the buffer budget.
    pub fetched: RefCell<Share>,
}

/// The body of a call.
pub enum CallBody {
    Json {
        body: Bytes,
        envelope: Envelope<'static>,
        share: Held,
    },
    /// Passes through, never held as a whole.
    Upload(Source),
}

/// A body's part of the buffer budget.
#[derive(Debug)]
pub enum Held {
    Alone {
        _share: Share,
    },
    /// A large body is held as well by who works on it beside the workers.
    Shared(Arc<Share>),
}

impl Held {
    pub fn of(share: Share, length: usize) -> Self {
        if length > LARGE { Self::Shared(Arc::new(share)) } else { Self::Alone { _share: share } }
    }

    /// For another holder.
    pub fn shared(&self) -> Option<Arc<Share>> {
        match self {
            Self::Alone { .. } => None,
            Self::Shared(share) => Some(share.clone()),
        }
    }
}

/// An answer worth handing on, and whose it is.
pub struct Granted {
    pub answer: Answer,
    pub deployment: Arc<Deployment>,
    /// What of the request its upstream was not told.
    pub losses: Losses,
}

impl Call {
    /// Tries what the route offers until something answers.
    ///
    /// # Errors
    /// When nothing does: what the client is to be told.
    pub async fn run(&self) -> Result<Granted, Refused> {
        let retry = self.shard.table.config.retry;
        let mut tally = Tally::of(self.client);
        if let Some((_, bucket)) = &self.route.hedge {
            bucket.earn();
        }
        loop {
            let mut plan = router::route(&self.route, clock::now(), fastrand::f64()).plan;
            plan.retain(|deployment| tally.may_try(deployment, retry.max_retries));
            plan.reverse(); // the best is popped first
            while let Some(deployment) = plan.pop() {
                if !tally.may_try(&deployment, retry.max_retries) {
                    continue;
                }
                let missed = match self.one(deployment, &mut plan, &tally).await {
                    Ok(granted) => return Ok(granted),
                    Err(missed) => missed,
                };
                let mut over = false;
                for missed in missed {
                    over |= self.note(missed, &mut tally, &mut plan);
                }
                if over {
                    return Err(refused::decide(&self.route, tally));
                }
            }
            // Everything that was ready has been tried; what cools down for a moment may be waited for.
            tally.rounds += 1;
            if tally.told.is_none() || !tally.may_repeat(retry.max_retries) || !self.pause(&mut tally).await {
                return Err(refused::decide(&self.route, tally));
            }
        }
    }

    /// Books why a deployment gave no answer. True: nothing more is to be tried.
    fn note(&self, missed: Missed, tally: &mut Tally, plan: &mut Plan) -> bool {
        match missed {
            Missed::Refused(refusal) => {
                tally.refused(refusal);
                false
            }
            Missed::Unsayable(unsayable, deployment) => {
                tally.cannot_say(unsayable, &deployment);
                false
            }
            Missed::Failed { failure, deployment, key, took } => {
                let cause = failure.cause;
                tally.failed(failure, &deployment, key, took);
                if cause.fault() == Some(Fault::Forbidden) {
                    self.barred.set(tally.barred(&deployment));
                }
                if cause.blames_key() && deployment.is_ready_for(self.client, clock::now()) {
                    plan.push(deployment); // it has another key
                }
                !cause.retryable() || self.cannot_be_sent_again() || Instant::now() >= self.deadline
            }
        }
    }

    /// Waits before the next round. False: nothing will be ready soon enough, or not before the deadline.
    async fn pause(&self, tally: &mut Tally) -> bool {
        let retry = self.shard.table.config.retry;
        let now = clock::now();
        let outlook = router::outlook(&self.route, now, self.client, |deployment| tally.is_useless(deployment));
        let cools = match outlook {
            Outlook::Ready => None,
            Outlook::Later(soonest) => Some(soonest.since(now)),
            Outlook::Never => return false,
        };
        if let Some(cools) = cools {
            tally.waited += cools;
            if cools > retry.max_delay || tally.waited > PATIENCE {
                return false;
            }
        }
        let hint = cools.map(|cools| cools.as_millis() as u64 + 1);
        let until = Instant::now() + retry::backoff(tally.rounds.saturating_sub(1), &retry, fastrand::f64(), hint);
        if until >= self.deadline {
            return false;
        }
        tokio::time::sleep_until(until.into()).await;
        true
    }

    fn cannot_be_sent_again(&self) -> bool {
        matches!(&self.body, CallBody::Upload(source) if source.has_begun())
    }

    /// One deployment, with its hedge where the route has one.
    async fn one(&self, deployment: Arc<Deployment>, plan: &mut Plan, tally: &Tally) -> Result<Granted, AllMissed> {
        // Ahead of the race: that a client's host is slow is no reason to hedge.
        let begun = self.begin(deployment).await;
        match &self.route.hedge {
            Some((settings, bucket)) if self.may_hedge() => {
                // Boxed: two attempts side by side would make every call's future three times as large.
                Box::pin(hedge::race(self, settings.after, bucket, begun, plan, tally)).await
            }
            _ => self.attempt(begun).await.map_err(AllMissed::from),
        }
    }

    fn may_hedge(&self) -> bool {
        match &self.body {
            CallBody::Json { envelope, .. } => {
                // Responses are stored unless the client says otherwise; what is stored must not be made twice.
                let stored = envelope.store.unwrap_or(self.endpoint == Endpoint::Responses);
                self.endpoint.hedgeable() && !stored
            }
            CallBody::Upload(_) => false,
        }
    }

    async fn begin(&self, deployment: Arc<Deployment>) -> Begun<'_> {
        let noted = Noted { call: self, deployment, outcome: "cancelled", why: None };
        let asked = self.asked(&noted.deployment).await;
        Begun { noted, asked }
    }

    /// One attempt, noted with how it went.
    async fn attempt(&self, begun: Begun<'_>) -> Result<Granted, Missed> {
        let Begun { mut noted, asked } = begun;
        let deployment = noted.deployment.clone();
        let asked = match asked {
            Ok(asked) => asked,
            Err(unsayable) => {
                noted.outcome = unsayable.label();
                return Err(Missed::Unsayable(unsayable, deployment));
            }
        };
        let Asked { ask, losses, held: mut _held } = asked;
        let mut admitted = self.shard.admit(ask).await;
        if matches!(admitted, Err(Refusal::Panicked))
            // Boxed: it is rare, and would make every attempt larger.
            && let Ok(again) = Box::pin(self.ask(&deployment)).await
        {
            // The actor may have died of another request in its mailbox: a new one is there already.
            _held = again.held;
            admitted = self.shard.admit(again.ask).await;
        }
        let exchange = match admitted {
            Ok(exchange) => exchange,
            Err(refusal) => {
                noted.outcome = refusal.label();
                return Err(match refusal {
                    Refusal::Panicked => {
                        let failure = Cause::Panic.into();
                        Missed::Failed { failure, deployment, key: None, took: Duration::ZERO }
                    }
                    refusal => Missed::Refused(refusal),
                });
            }
        };
        let key = Some(exchange.key());
        let started = alarm::now();
        match exchange.run().await {
            Ok(answer) => {
                noted.outcome = "ok";
                drop(noted);
                Ok(Granted { answer, deployment, losses })
            }
            Err(failure) => {
                noted.outcome = failure.cause.label();
                noted.why.clone_from(&failure.why);
                drop(noted);
                let took = alarm::now().saturating_duration_since(started);
                Err(Missed::Failed { failure, deployment, key, took })
            }
        }
    }
}

/// Why a deployment gave no answer.
pub(crate) enum Missed {
    /// It was not asked.
    Refused(Refusal),
    /// It was, in vain. `key`: which one it was asked with, if it came to that.
    Failed { failure: Failure, deployment: Arc<Deployment>, key: Option<usize>, took: Duration },
    /// What the client says cannot be said to it.
    Unsayable(Unsayable, Arc<Deployment>),
}

/// Who gave no answer, in the order in which it was known: one, or two of a hedged attempt.
pub(crate) struct AllMissed(Missed, Option<Missed>);

impl From<Missed> for AllMissed {
    fn from(missed: Missed) -> Self {
        Self(missed, None)
    }
}

impl IntoIterator for AllMissed {
    type Item = Missed;
    type IntoIter = std::iter::Chain<std::iter::Once<Missed>, std::option::IntoIter<Missed>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.0).chain(self.1)
    }
}

/// An attempt that has its question, or the reason why there is none.
struct Begun<'a> {
    noted: Noted<'a>,
    asked: Result<Asked, Unsayable>,
}

/// Notes an attempt when it is over, and also when it is dropped: a cancelled loser is in the receipt too.
struct Noted<'a> {
    call: &'a Call,
    deployment: Arc<Deployment>,
    outcome: &'static str,
    why: Option<Box<str>>,
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let attempt = Attempt { deployment: self.deployment.name.clone(), outcome: self.outcome, why: self.why.take() };
        self.call.attempts.borrow_mut().push(attempt);
    }
}

/// How long until something may serve again, for `retry-after`: whole seconds, at least one.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1) as u64
}
