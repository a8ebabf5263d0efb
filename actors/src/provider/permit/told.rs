//! What a failure says to the operator: in whose name it was asked, and why it failed.
//!
//! Always: a key is called by the variable or the place that holds it, never by its value; what a provider said is
//! masked before it gets here.

use dialects::fault::Fault;

use super::Permit;
use crate::error::{Cause, Failure};

impl Permit {
    /// After [`Permit::failed`]: names the key where it is at fault, and leaves the reason where /health tells it.
    pub(crate) fn told(&self, failure: &mut Failure) {
        let provider = &self.deployment.provider;
        if failure.cause.blames_key()
            && let Some(name) = provider.key_name(self.key)
        {
            let no_token = (failure.cause == Cause::NoToken).then(|| provider.why_no_token(self.key)).flatten();
            let why = failure.why.take().or(no_token.map(String::into_boxed_str));
            let why = why.as_deref().unwrap_or(failure.cause.label());
            let refused = failure.cause == Cause::NoToken
                || failure.cause.fault().is_some_and(|fault| fault != Fault::RateLimited);
            if refused {
                // Who is out is not asked for a while, so this is no flood.
                log::warn!("{}: {name} was refused: {why}", provider.config.id);
            }
            failure.why = Some(format!("{name}: {why}").into());
        }
        if !failure.cause.is_clients()
            && let Some(last) = &mut *provider.health.last_error.lock()
        {
            last.why.clone_from(&failure.why);
        }
    }
}
