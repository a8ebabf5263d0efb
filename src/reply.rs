//! An error or an upstream answer becomes a status and a body in the client's dialect; the only place that does.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use actors::table::Receipt;
use dialects::error::{self, ErrorKind};
use dialects::{Dialect, translate};

use crate::entry::Entry;
use crate::gateway::{Granted, Refused};
use crate::record::{Attempt, Outcome};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-ai-proxy-deployment");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-ai-proxy-attempts");
const ROUTE: HeaderName = HeaderName::from_static("x-ai-proxy-route");
const ESTIMATED: HeaderName = HeaderName::from_static("x-ai-proxy-estimated");
const DROPPED: HeaderName = HeaderName::from_static("x-ai-proxy-dropped");
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Longest receipt in a header, in bytes.
const MAX_RECEIPT: usize = 512;

/// An error of ours, told and booked.
pub fn error(entry: Entry, dialect: Dialect, kind: ErrorKind, message: &str) -> HttpResponse {
    refusal(entry, dialect, kind, message, None, None)
}

/// An error of ours that names the parameter to blame, or when to come back.
pub fn refusal(
    mut entry: Entry,
    dialect: Dialect,
    kind: ErrorKind,
    message: &str,
    param: Option<&str>,
    retry_after: Option<u64>,
) -> HttpResponse {
    let body = error::body(dialect, kind, message, param, &entry.record.request_id);
    entry.record.reason.get_or_insert(reason(kind));
    let mut response = HttpResponse::build(status(kind));
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let Some(seconds) = retry_after {
        response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
    }
    if kind == ErrorKind::MethodNotAllowed {
        response.insert_header((ALLOW, HeaderValue::from_static("POST")));
    }
    receipt(&mut response, &entry);
    book(&mut entry, kind.status(), body.len(), Outcome::Refused);
    response.body(body)
}

/// A body in a coding that is not read: what is, stands in `accept-encoding` (RFC 9110, 15.5.16).
pub fn unread(entry: Entry, dialect: Dialect, message: &str, codings: &'static str) -> HttpResponse {
    let mut response = error(entry, dialect, ErrorKind::UnsupportedMediaType, message);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(codings));
    response
}

/// A guess of ours in place of a provider's count, marked as one.
pub fn estimate(mut entry: Entry, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    response.insert_header((ESTIMATED, HeaderValue::from_static("true")));
    receipt(&mut response, &entry);
    book(&mut entry, 200, body.len(), Outcome::Answered);
    response.body(body)
}

/// What is said after a panic, when the entry is closed already.
pub fn internal(dialect: Dialect, request_id: &str) -> HttpResponse {
    let body = error::body(dialect, ErrorKind::Internal, "an internal error; it has been logged", None, request_id);
    let mut response = HttpResponse::InternalServerError();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.insert_header((REQUEST_ID, id));
    }
    response.body(body)
}

/// What came of a call that nothing answered.
pub fn refused(mut entry: Entry, dialect: Dialect, refused: Refused) -> HttpResponse {
    match refused {
        Refused::Ours { kind: ErrorKind::Internal | ErrorKind::BadGateway, .. }
            if entry.record.reason.is_none() && !entry.attempts.borrow().is_empty() =>
        {
            entry.record.reason = Some("upstream_failed");
            self::refused(entry, dialect, refused)
        }
        // Nobody was asked, for all keys are out.
        Refused::Ours { kind: ErrorKind::BadGateway, ref message, .. } if entry.record.reason.is_none() => {
            entry.record.reason = Some("no_good_key");
            entry.record.why = Some(message.as_str().into());
            self::refused(entry, dialect, refused)
        }
        Refused::Ours { kind, message, retry_after } => refusal(entry, dialect, kind, &message, None, retry_after),
        // Another dialect's error: the client's SDK would not know what to raise.
        Refused::Relayed(answer) if answer.dialect != dialect => {
            entry.record.deployment = entry.attempts.borrow().last().map(|attempt| attempt.deployment.clone());
            let said = translate::error(answer.status.as_u16(), &answer.body);
            let message = if said.message.is_empty() { "the provider refused the request" } else { &said.message };
            error(entry, dialect, said.kind, message)
        }
        Refused::Relayed(answer) => {
            entry.record.deployment = entry.attempts.borrow().last().map(|attempt| attempt.deployment.clone());
            let mut response = HttpResponse::build(answer.status);
            for header in answer.headers {
                response.append_header(header);
            }
            receipt(&mut response, &entry);
            book(&mut entry, answer.status.as_u16(), answer.body.len(), Outcome::Answered);
            response.body(answer.body)
        }
    }
}

/// The head of an upstream's answer; the body is the relay's.
pub fn head(granted: &mut Granted, entry: &Entry) -> HttpResponseBuilder {
    let Granted { answer, deployment, losses } = granted;
    let mut response = HttpResponse::build(answer.status);
    for header in answer.headers.drain(..) {
        response.append_header(header);
    }
    if answer.body.is_sse() {
        streaming(&mut response);
    }
    if !losses.is_empty()
        && let Ok(names) = HeaderValue::from_str(&losses.names().collect::<Vec<_>>().join(", "))
    {
        response.insert_header((DROPPED, names));
    }
    match (entry.attempts.borrow().as_slice(), &deployment.receipt) {
        ([_], Receipt { name: Some(name), at_once: Some(at_once) }) => {
            response.insert_header((REQUEST_ID, entry.id_header()));
            response.insert_header((DEPLOYMENT, name.clone()));
            response.insert_header((ATTEMPTS, HeaderValue::from_static("1")));
            response.insert_header((ROUTE, at_once.clone()));
        }
        _ => receipt(&mut response, entry),
    }
    response
}

/// The head of a stream that is still waited for.
pub fn waiting_head(entry: &Entry) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, HeaderValue::from_static("text/event-stream")));
    streaming(&mut response);
    response.insert_header((REQUEST_ID, entry.id_header()));
    response
}

/// What keeps proxies in between from gathering events.
fn streaming(response: &mut HttpResponseBuilder) {
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    response.insert_header((BUFFERING, HeaderValue::from_static("no")));
}

/// The request's id, and why it went where it went.
fn receipt(response: &mut HttpResponseBuilder, entry: &Entry) {
    response.insert_header((REQUEST_ID, entry.id_header()));
    let attempts = entry.attempts.borrow();
    if attempts.is_empty() {
        return;
    }
    if let Some(deployment) = &entry.record.deployment
        && let Ok(value) = HeaderValue::from_str(deployment)
    {
        response.insert_header((DEPLOYMENT, value));
    }
    response.insert_header((ATTEMPTS, HeaderValue::from(attempts.len())));
    if let Ok(value) = HeaderValue::from_str(&route(&attempts)) {
        response.insert_header((ROUTE, value));
    }
}

/// `groq/llama:429 -> local/qwen3:ok`, from names of ours; cut where it gets long.
fn route(attempts: &[Attempt]) -> String {
    let mut text = String::with_capacity(64);
    for attempt in attempts {
        if text.len() + attempt.deployment.len() + 32 > MAX_RECEIPT {
            text.push_str(" -> ...");
            break;
        }
        if !text.is_empty() {
            text.push_str(" -> ");
        }
        text.push_str(&attempt.deployment);
        text.push(':');
        text.push_str(attempt.outcome);
    }
    text
}

/// The record of an answer that is a whole already.
pub fn book(entry: &mut Entry, status: u16, bytes: usize, outcome: Outcome) {
    entry.record.status = status;
    entry.record.bytes_out = bytes as u64;
    entry.first_byte();
    entry.close(outcome);
}

/// The word of the log, where who refused knew none that says more.
fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest => "bad_request",
        ErrorKind::MissingToken => "no_token",
        ErrorKind::InvalidToken => "wrong_token",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::ModelNotFound => "unknown_model",
        ErrorKind::UnknownPath => "unknown_path",
        ErrorKind::MethodNotAllowed => "method_not_allowed",
        ErrorKind::RequestTimeout => "too_slow",
        ErrorKind::TooLarge => "too_large",
        ErrorKind::UnsupportedMediaType => "unsupported_media_type",
        ErrorKind::HeadersTooLarge => "headers_too_large",
        ErrorKind::UpgradeRequired => "upgrade_required",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::InsufficientQuota => "no_credit",
        ErrorKind::Internal => "internal",
        ErrorKind::BadGateway => "bad_gateway",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::UpstreamTimeout => "upstream_timeout",
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
