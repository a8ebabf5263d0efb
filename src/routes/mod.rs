//! The endpoints, one a file: take the request apart, make one call, shape the reply.

mod admin;
mod caught;
mod elsewhere;
mod gemini;
mod inference;
mod models;
mod named;
mod near;
mod paging;
mod probes;
mod spelling;
mod unknown;
mod upgrade;

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard, web};
use dialects::error::ErrorKind;
use dialects::{Dialect, Endpoint};

use crate::app::State;
use crate::entry::Entry;
use crate::record::Outcome;
use crate::{auth, reply};
use caught::caught;
use inference::{Asked, InPath};
use spelling::Place;

/// Every route. What a new endpoint needs is a line here and a file beside this one.
pub fn configure(config: &mut web::ServiceConfig) {
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| Endpoint::from_path(endpoint.path()).is_some()) {
        for prefix in ["/v1", ""] {
            config.service(
                web::resource(format!("{prefix}{}", endpoint.path()))
                    .route(web::post().to(move |request, payload, state| {
                        inference::serve(request, payload, state, Asked { endpoint, in_path: InPath::Nothing })
                    }))
                    .default_service(web::to(move |request| wrong_method(request, endpoint))),
            );
        }
    }
    for path in ["/v1/models", "/models", "/v1beta/models"] {
        config.service(read_only(path, look().to(models::list)));
        let one = read_only(&format!("{path}/{{id:.+}}"), look().to(models::one));
        config.service(one.route(web::post().to(gemini::serve)));
    }
    for path in PROBES {
        config.service(read_only(path, look().to(probes::probe)).guard(guard::fn_guard(as_written)));
    }
    config.service(read_only("/metrics", look().to(admin::metrics)).guard(guard::fn_guard(as_written)));
    config.service(read_only("/", look().to(probes::root)));
    config.default_service(web::to(elsewhere::serve));
}

const PROBES: [&str; 5] = ["/health", "/healthz", "/ping", "/livez", "/readyz"];

/// What such a path takes.
const LOOKS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// A look by GET, or by HEAD, which the server answers without the body.
fn look() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// The router takes `/%6detrics` for `/metrics`; who shuts that in front of us may not.
fn as_written(context: &guard::GuardContext<'_>) -> bool {
    !context.head().uri.path().contains('%')
}

/// A path that is only looked at.
fn read_only(path: &str, look: Route) -> Resource {
    web::resource(path).route(look).default_service(web::to(wrong_read))
}

/// The probes alone, for an address of their own. HAProxy's check, as it comes, asks `OPTIONS /`.
pub fn configure_probes(config: &mut web::ServiceConfig) {
    let asked = || {
        let allowed = HeaderValue::from_static("GET, HEAD, OPTIONS");
        web::method(Method::OPTIONS)
            .to(move || std::future::ready(HttpResponse::NoContent().insert_header((ALLOW, allowed.clone())).finish()))
    };
    for path in PROBES {
        let wrong = || async { HttpResponse::MethodNotAllowed().insert_header((ALLOW, LOOKS)).finish() };
        let probe =
            web::resource(path).guard(guard::fn_guard(as_written)).route(look().to(probes::probe)).route(asked());
        config.service(probe.default_service(web::to(wrong)));
    }
    config.service(web::resource("/").route(asked()));
    config.default_service(web::to(HttpResponse::NotFound));
}

/// Whose shapes a caller understands: what its SDK sends beside the token tells where the path does not. Google's own asks
/// for /v1/models as OpenAI's does.
fn dialect(request: &HttpRequest) -> Dialect {
    let headers = request.headers();
    if headers.contains_key("anthropic-version") {
        return Dialect::Anthropic;
    }
    let google = || {
        ["x-goog-api-key", "x-goog-api-client"].iter().any(|name| headers.contains_key(*name))
            || request.query_string().split('&').any(|pair| pair.starts_with("key="))
    };
    spelling::dialect(request.path()).unwrap_or_else(|| if google() { Dialect::Gemini } else { Dialect::OpenAi })
}

/// The entry of what is answered without a look at a token; it tells all the same who asked.
fn entry(request: &HttpRequest, endpoint: Option<Endpoint>) -> Entry {
    let mut entry = Entry::open(request, endpoint);
    if let Some(state) = request.app_data::<web::Data<State>>() {
        let config = &state.worker.shard().table.config;
        entry.record.address = auth::address(request, &config.server.trusted_proxies);
        entry.conceal(config);
    }
    entry
}

async fn wrong_method(request: HttpRequest, endpoint: Endpoint) -> HttpResponse {
    caught(&request, async { not_post(&request, endpoint) }).await
}

async fn wrong_read(request: HttpRequest) -> HttpResponse {
    caught(&request, async { not_get(&request) }).await
}

fn not_post(request: &HttpRequest, endpoint: Endpoint) -> HttpResponse {
    let entry = entry(request, Some(endpoint));
    if *request.method() == Method::OPTIONS {
        return takes(entry, "POST, OPTIONS");
    }
    if upgrade::is_asked(request) {
        return upgrade::refused(entry, endpoint.dialect());
    }
    let message = format!("this path takes POST, not {}", named(request.method()));
    reply::error(entry, endpoint.dialect(), ErrorKind::MethodNotAllowed, &message)
}

fn not_get(request: &HttpRequest) -> HttpResponse {
    // Gemini's verbs stand where only a look would be served.
    if let Some(Place::Model(id)) = spelling::read(request.path())
        && let Some((endpoint, _)) = id.rsplit_once(':').and_then(|(_, verb)| Endpoint::from_verb(verb))
    {
        return not_post(request, endpoint);
    }
    let entry = entry(request, None);
    if *request.method() == Method::OPTIONS {
        return takes(entry, "GET, HEAD, OPTIONS");
    }
    let message = format!("this path takes GET, not {}", named(request.method()));
    let dialect = dialect(request);
    let mut response = reply::error(entry, dialect, ErrorKind::MethodNotAllowed, &message);
    response.headers_mut().insert(ALLOW, LOOKS);
    response
}

/// What a path takes, for who asks by OPTIONS; the preflights of browsers are answered before, where origins are
/// configured.
fn takes(mut entry: Entry, methods: &'static str) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((ALLOW, HeaderValue::from_static(methods)));
    response.insert_header((reply::REQUEST_ID, entry.id_header()));
    reply::book(&mut entry, 204, 0, Outcome::Answered);
    response.finish()
}

/// A method is only repeated where it is a known word.
fn named(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "that method",
    }
}
