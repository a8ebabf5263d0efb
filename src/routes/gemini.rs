//! `POST /v1beta/models/{model}:verb`, and under `/v1`: the model and the verb stand in the path.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actors::provider::Streaming;
use dialects::Endpoint;

use super::inference::{self, Asked};
use crate::app::State;

pub async fn serve(request: HttpRequest, id: Path<String>, payload: Payload, state: Data<State>) -> HttpResponse {
    // A model's name may hold a colon; the verb is behind the last one.
    let asked = id.rsplit_once(':').and_then(|(model, verb)| {
        let (endpoint, streams) = Endpoint::from_verb(verb)?;
        let streaming = match (streams, asks_for_events(&request)) {
            (false, _) => Streaming::No,
            (true, true) => Streaming::Events,
            (true, false) => Streaming::Array,
        };
        Some(Asked { endpoint, in_path: Some((model.to_owned(), streaming)) })
    });
    match asked {
        Some(asked) => inference::serve(request, payload, state, asked).await,
        None if id.contains(':') => super::unknown_path(request).await,
        None => super::wrong_read(request).await,
    }
}

fn asks_for_events(request: &HttpRequest) -> bool {
    request.query_string().split('&').any(|pair| pair == "alt=sse")
}
