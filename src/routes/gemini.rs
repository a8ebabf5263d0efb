//! `POST /v1beta/models/{model}:verb`, under `/v1` and without a version: the model and the verb stand in the path.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actors::provider::Streaming;
use dialects::Endpoint;

use super::elsewhere;
use super::inference::{self, Asked, InPath};
use crate::app::{Probed, State};

pub async fn serve(
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
    state: Data<State>,
    probed: Data<Probed>,
) -> HttpResponse {
    match asked(&request, &id) {
        Some(asked) => inference::serve(request, payload, state, asked).await,
        None => elsewhere::serve(request, payload, state, probed).await,
    }
}

/// What follows `models/` in whatever spelling.
pub async fn named(request: HttpRequest, id: &str, payload: Payload, state: Data<State>) -> HttpResponse {
    match asked(&request, id) {
        Some(asked) => inference::serve(request, payload, state, asked).await,
        None if id.contains(':') => elsewhere::not_here(request).await,
        None => super::wrong_read(request).await,
    }
}

fn asked(request: &HttpRequest, id: &str) -> Option<Asked> {
    // A model's name may hold a colon; the verb is behind the last one.
    let (model, verb) = id.rsplit_once(':')?;
    let (endpoint, streams) = Endpoint::from_verb(verb)?;
    let streaming = match (streams, asks_for_events(request)) {
        (false, _) => Streaming::No,
        (true, true) => Streaming::Events,
        (true, false) => Streaming::Array,
    };
    Some(Asked { endpoint, in_path: InPath::Verb(model.to_owned(), streaming) })
}

fn asks_for_events(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair == "alt=sse")
}
