//! What is told of an answer that failed: by whom it was, why, and with what words.

use dialects::Dialect;
use dialects::error;
use dialects::fault::Fault;
use dialects::watch;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::AnswerBody;
use crate::error::{Cause, ErrorAnswer, Failure};

/// A failure that was told after content: the upstream's, unless it says that it is the client's.
pub(super) fn late(fault: Fault) -> Cause {
    if fault == Fault::Client { Cause::InBand(fault) } else { Cause::FailedLate }
}

impl AnswerBody {
    /// The error that the upstream told of itself, if it told one: fit for the client.
    pub fn said(&self) -> Option<watch::Failure> {
        self.seen_by.failure().map(|failure| self.veil.over(failure))
    }

    /// The error that stood inside a 200, as an answer of its own.
    pub(super) fn told_error(&self, cause: Cause) -> Option<Box<ErrorAnswer>> {
        let Cause::InBand(fault) = cause else { return None };
        let failure = self.said()?;
        let status = failure.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.filter(|status| status.is_client_error() || status.is_server_error());
        let body = error::told(&failure.message, failure.code.as_deref());
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let status = status.unwrap_or(match fault {
            Fault::ModelMissing | Fault::NotServed => StatusCode::NOT_FOUND,
            Fault::Forbidden => StatusCode::FORBIDDEN,
            // It has said no other.
            Fault::Upstream => StatusCode::OK,
            Fault::Client | Fault::Key | Fault::Credit | Fault::RateLimited => StatusCode::BAD_REQUEST,
        });
        Some(Box::new(ErrorAnswer { status, headers, body: body.into(), dialect: Dialect::OpenAi }))
    }

    /// It never had content: an attempt that failed.
    pub(in super::super) fn failed(&mut self, failure: &mut Failure) {
        if let Some(permit) = &mut self.permit {
            permit.failed(failure.cause, failure.retry_after_ms);
            permit.told(failure);
        }
    }

    /// Why it failed, as far as anybody said.
    pub fn why(&self, cause: Cause) -> Option<Box<str>> {
        match (self.said(), cause) {
            (Some(failure), _) => Some(failure.message.into()),
            (None, Cause::NotAnAnswer(what)) => Some(format!("answered with {what}").into()),
            (None, Cause::Cut | Cause::CutEarly) => {
                Some(self.lost.clone().unwrap_or("its last event is missing".into()))
            }
            (None, Cause::Idle) => Some(format!("silent for {} s", self.idle.as_secs()).into()),
            (None, _) => None,
        }
    }

    /// After content: who was to blame, and why.
    pub(super) fn failed_late(&mut self, cause: Cause) {
        let why = self.why(cause);
        if let Some(permit) = &mut self.permit {
            permit.failed(cause, None);
            permit.told(&mut Failure { why, ..cause.into() });
        }
    }
}
