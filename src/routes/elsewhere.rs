//! What the router does not know: a path of ours in another spelling, or none.

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use dialects::Dialect;
use dialects::error::ErrorKind;

use super::caught::caught;
use super::inference::{self, Asked, InPath};
use super::spelling::{self, Place};
use super::{dialect, entry, gemini, models, near, probes, upgrade, wrong_method, wrong_read};
use crate::app::{Probed, State};
use crate::reply;

pub async fn serve(request: HttpRequest, payload: Payload, state: Data<State>, probed: Data<Probed>) -> HttpResponse {
    let posts = *request.method() == Method::POST;
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    match spelling::read(request.path()) {
        Some(Place::Endpoint { endpoint, model }) if posts => {
            let in_path = model.map_or(InPath::Nothing, InPath::Model);
            inference::serve(request, payload, state, Asked { endpoint, in_path }).await
        }
        Some(Place::Endpoint { endpoint, .. }) => wrong_method(request, endpoint).await,
        Some(Place::Model(id)) if posts => gemini::named(request, &id, payload, state).await,
        Some(Place::Model(id)) if looks => models::of_name(&request, &id, &state).await,
        Some(Place::Models) if looks => models::list(request, state).await,
        Some(Place::Probe) if looks => probes::probe(request, probed).await,
        Some(Place::Root) if looks => probes::root().await,
        Some(Place::Model(_) | Place::Models | Place::Probe | Place::Root) => wrong_read(request).await,
        Some(Place::Realtime) => {
            let refused = |request: &HttpRequest| upgrade::refused(entry(request, None), Dialect::OpenAi);
            caught(&request, async { if upgrade::is_asked(&request) { refused(&request) } else { unknown(&request) } })
                .await
        }
        // Of the server as a whole (RFC 9110, section 9.3.7).
        None if *request.method() == Method::OPTIONS && request.path() == "*" => wrong_read(request).await,
        None => not_here(request).await,
    }
}

/// A 404 that says what is here.
pub async fn not_here(request: HttpRequest) -> HttpResponse {
    caught(&request, async { unknown(&request) }).await
}

fn unknown(request: &HttpRequest) -> HttpResponse {
    let dialect = dialect(request);
    reply::error(entry(request, None), dialect, ErrorKind::UnknownPath, &near::told(request.path()))
}
