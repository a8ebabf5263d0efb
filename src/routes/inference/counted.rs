//! How many tokens a request has, where no deployment can count them: a guess.

use std::panic::resume_unwind;

use actix_web::HttpResponse;
use actors::heavy;
use actors::share::Share;
use dialects::error::ErrorKind;
use dialects::translate::Hints;
use dialects::{Dialect, Endpoint, Wire, count};

use super::bad::Bad;
use crate::entry::Entry;
use crate::gateway::CallBody;
use crate::reply;

/// The format of what is to be counted, where an endpoint counts.
pub(super) fn counts(endpoint: Endpoint) -> Option<Wire> {
    match endpoint {
        Endpoint::CountTokens => Some(Wire::Messages),
        Endpoint::GeminiCountTokens => Some(Wire::Gemini),
        _ => None,
    }
}

/// The guess at a count that the upstream cannot make.
pub(super) async fn estimated(
    entry: Entry,
    dialect: Dialect,
    wire: Wire,
    body: &CallBody,
    budget: u64,
) -> HttpResponse {
    let CallBody::Json { body, envelope, share } = body else {
        return reply::error(entry, dialect, ErrorKind::InvalidRequest, "this path takes a JSON body");
    };
    let count = move |body: &[u8], model: &str| {
        let hints = Hints { model: Some(model), stream: Some(false) };
        count::read(wire, body, &hints).map(|request| count::estimate(&request))
    };
    let counted = if body.len() > heavy::LARGE {
        let (body, model, share) = (body.clone(), envelope.model.clone().into_owned(), share.shared());
        let work = heavy::run(body.len(), move || {
            let mut held = Share::none();
            let counted = match count::held(wire, &body) {
                Ok(bytes) => held.cover(bytes as u64, budget).map(|()| count(&body, &model)),
                Err(many) => Ok(Err(many.into())),
            };
            drop(share);
            counted
        });
        let counted = match work {
            Ok(work) => work.await.unwrap_or_else(|panic| resume_unwind(panic)),
            Err(full) => Err(full),
        };
        match counted {
            Ok(counted) => counted,
            Err(full) => return Bad::Body(full.into()).reply(entry, dialect),
        }
    } else {
        count(body, &envelope.model)
    };
    match counted {
        Ok(tokens) => reply::estimate(entry, count::answer(dialect, tokens)),
        Err(bad) => reply::refusal(entry, dialect, ErrorKind::InvalidRequest, &bad.text(), bad.param, None),
    }
}
