//! Providers are asked for their models: at the start, after a reload, every ten minutes, and sooner while one cannot answer.
//!
//! Always: an answer of a provider that a reload has replaced changes nothing; only what is news is told.

use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, AsyncContext, Context, Handler, Message};

use super::Supervisor;
use crate::discovery::{self, NoList};
use crate::provider::{Provider, Unlisted};
use crate::table::Table;

/// How often a provider is asked for its models again.
const DISCOVER_EVERY: Duration = Duration::from_secs(600);
/// And how soon after it could not answer; each time in a row doubles it, up to [`DISCOVER_EVERY`].
const DISCOVER_AGAIN: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Asks every provider that may be asked; each answer that says something new makes a new table. Those in `old` are
    /// asked anyway in their time.
    pub(super) fn discover(&self, old: &[Arc<Provider>], context: &Context<Self>) {
        for provider in self.shared.table.load().providers.iter().filter(|provider| provider.is_discoverable()) {
            let is_known = old.iter().any(|known| Arc::ptr_eq(known, provider));
            discover(provider.clone(), (!is_known).then(Past::default), context.address());
        }
    }
}

/// `past`: None where it is asked once more and not again.
fn discover(provider: Arc<Provider>, past: Option<Past>, supervisor: Addr<Supervisor>) {
    actix_rt::spawn(async move {
        let answer = discovery::list(&provider).await;
        supervisor.do_send(Discovered { provider, past, answer });
    });
}

/// How a provider's answers went before: only what changes is told.
#[derive(Debug, Default)]
struct Past {
    /// In a row, until now.
    failures: u32,
    why: Option<String>,
}

impl Past {
    /// Takes up a failure: whether it is news, and when to ask again.
    fn failed(&mut self, why: String) -> (bool, Duration) {
        let again = DISCOVER_AGAIN.saturating_mul(1 << self.failures.min(16)).min(DISCOVER_EVERY);
        self.failures = self.failures.saturating_add(1);
        let news = self.why.as_deref() != Some(&*why);
        self.why = Some(why);
        (news, again)
    }
}

/// What a provider answered to `GET /models`.
#[derive(Message)]
#[rtype(result = "()")]
struct Discovered {
    provider: Arc<Provider>,
    past: Option<Past>,
    answer: Result<Vec<Box<str>>, NoList>,
}

impl Handler<Discovered> for Supervisor {
    type Result = ();

    fn handle(&mut self, asked: Discovered, context: &mut Self::Context) {
        let Discovered { provider, past, answer } = asked;
        let is_again = past.is_some();
        let mut past = past.unwrap_or_default();
        let table = self.shared.table.load_full();
        // A reload may have replaced it while it answered.
        if !table.providers.iter().any(|known| Arc::ptr_eq(known, &provider)) {
            return;
        }
        let again = match answer {
            Ok(names) => {
                let count = names.len();
                let differs = provider.set_discovered(names);
                let told = format!("{}: serves {count} models", provider.config.id);
                if differs {
                    let table = Table::build(table.config.clone(), table.providers.clone());
                    let taken_up = self.install(Arc::new(table));
                    // As after a reload: told once it is true.
                    actix_rt::spawn(async move {
                        taken_up.await;
                        log::info!("{told}");
                    });
                } else if past.failures > 0 {
                    log::info!("{told}");
                }
                past = Past::default();
                DISCOVER_EVERY
            }
            Err(NoList { why, how }) => {
                provider.set_undiscovered(how);
                if how == Unlisted::Unreached {
                    provider.unreached(&why);
                }
                let told = format!("{}: its models could not be listed: {why}", provider.config.id);
                let (news, again) = past.failed(why);
                if news && !is_again {
                    log::warn!("{told}");
                } else if news {
                    log::warn!("{told}; asking again in {} s, then less often, until it answers", again.as_secs());
                }
                again
            }
        };
        if !is_again {
            return;
        }
        context.run_later(again, move |supervisor, context| {
            if supervisor.shared.table.load().providers.iter().any(|known| Arc::ptr_eq(known, &provider)) {
                discover(provider, Some(past), context.address());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_when_it_is_news_and_asked_about_less_and_less_often() {
        let mut past = Past::default();
        let mut told = Vec::new();
        for why in ["no answer", "no answer", "no answer", "status 401", "status 401", "no answer", "no answer"] {
            let (news, again) = past.failed(why.to_owned());
            told.push((news, again.as_secs()));
        }
        assert_eq!(told, [(true, 30), (false, 60), (false, 120), (true, 240), (false, 480), (true, 600), (false, 600)]);
        for _ in 0..100 {
            assert_eq!(past.failed("no answer".to_owned()), (false, DISCOVER_EVERY));
        }
    }
}
