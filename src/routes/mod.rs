//! The endpoints, one a file: take the request apart, make one call, shape the reply.

mod admin;
mod caught;
mod gemini;
mod inference;
mod models;
mod probes;
mod unknown;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};
use dialects::error::ErrorKind;
use dialects::{Dialect, Endpoint};

use crate::app::State;
use crate::entry::Entry;
use crate::{auth, reply};
use caught::caught;
use inference::Asked;

/// Every route. What a new endpoint needs is a line here and a file beside this one.
pub fn configure(config: &mut web::ServiceConfig) {
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| Endpoint::from_path(endpoint.path()).is_some()) {
        for prefix in ["/v1", ""] {
            config.service(
                web::resource(format!("{prefix}{}", endpoint.path()))
                    .route(web::post().to(move |request, payload, state| {
                        inference::serve(request, payload, state, Asked { endpoint, in_path: None })
                    }))
                    .default_service(web::to(move |request| wrong_method(request, endpoint))),
            );
        }
    }
    for path in ["/v1/models", "/models", "/v1beta/models"] {
        config.service(read_only(path, look().to(models::list)));
        let one = read_only(&format!("{path}/{{id:.+}}"), look().to(models::one));
        config.service(if path == "/models" { one } else { one.route(web::post().to(gemini::serve)) });
    }
    for path in PROBES {
        config.service(read_only(path, look().to(probes::probe)));
    }
    config.service(read_only("/metrics", look().to(admin::metrics)));
    config.service(read_only("/", look().to(probes::root)));
    config.default_service(web::to(unknown_path));
}

const PROBES: [&str; 5] = ["/health", "/healthz", "/ping", "/livez", "/readyz"];

/// What such a path takes.
const LOOKS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A look by GET, or by HEAD, which the server answers without the body.
fn look() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// A path that is only looked at.
fn read_only(path: &str, look: Route) -> Resource {
    web::resource(path).route(look).default_service(web::to(wrong_read))
}

/// The probes alone, for the plain address beside TLS.
pub fn configure_probes(config: &mut web::ServiceConfig) {
    for path in PROBES {
        let wrong = || async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, LOOKS)).finish() };
        config.service(web::resource(path).route(look().to(probes::probe)).default_service(web::to(wrong)));
    }
    config.default_service(web::to(HttpResponse::NotFound));
}

/// Whose error shape a caller understands.
fn dialect(path: &str, headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") || path.starts_with("/v1/messages") {
        Dialect::Anthropic
    } else if path.starts_with("/v1beta/") {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    }
}

async fn unknown_path(request: HttpRequest) -> HttpResponse {
    caught(&request, async { not_here(&request) }).await
}

async fn wrong_method(request: HttpRequest, endpoint: Endpoint) -> HttpResponse {
    caught(&request, async { not_post(&request, endpoint) }).await
}

async fn wrong_read(request: HttpRequest) -> HttpResponse {
    caught(&request, async { not_get(&request) }).await
}

/// The entry of what is answered without a look at a token; it tells all the same who asked.
fn entry(request: &HttpRequest, endpoint: Option<Endpoint>) -> Entry {
    let mut entry = Entry::open(request, endpoint);
    if let Some(state) = request.app_data::<web::Data<State>>() {
        let trusted = &state.worker.shard().table.config.server.trusted_proxies;
        entry.record.address = auth::address(request, trusted);
    }
    entry
}

fn not_here(request: &HttpRequest) -> HttpResponse {
    let entry = entry(request, None);
    let dialect = dialect(request.path(), request.headers());
    let message = "this path is not served; what is: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, \
        /v1/moderations, /v1/rerank, /v1/images/generations, /v1/images/edits, /v1/images/variations, /v1/audio/speech, \
        /v1/audio/transcriptions, /v1/audio/translations, /v1/messages, /v1/messages/count_tokens, \
        /v1beta/models/{model}:generateContent, :streamGenerateContent, :countTokens, :embedContent, :batchEmbedContents; GET /v1/models, /v1/models/{id}, /health, /livez, /readyz, /metrics";
    reply::error(entry, dialect, ErrorKind::UnknownPath, message)
}

fn not_post(request: &HttpRequest, endpoint: Endpoint) -> HttpResponse {
    let entry = entry(request, Some(endpoint));
    let message = format!("this path takes POST, not {}", named(request.method()));
    reply::error(entry, endpoint.dialect(), ErrorKind::MethodNotAllowed, &message)
}

fn not_get(request: &HttpRequest) -> HttpResponse {
    let entry = entry(request, None);
    let message = format!("this path takes GET, not {}", named(request.method()));
    let dialect = dialect(request.path(), request.headers());
    let mut response = reply::error(entry, dialect, ErrorKind::MethodNotAllowed, &message);
    response.headers_mut().insert(ALLOW, LOOKS);
    response
}

/// A method is only repeated where it is a known word.
fn named(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "that method",
    }
}
