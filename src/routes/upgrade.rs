//! Websockets: none are served, and who asks for one is told so that it goes on over HTTP.
//!
//! Codex opens one on /v1/responses before anything else. Of a 426 it makes one HTTP request at once; of any other refusal
//! five further tries with growing pauses (codex-rs, `responses_websocket`). Without a look at the token: the request that
//! follows has it too. No `upgrade` header names a protocol, for there is none to change to; the connection ends, as what
//! a client sends behind such a head is no request.

use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse};
use dialects::Dialect;
use dialects::error::ErrorKind;

use crate::entry::Entry;
use crate::reply;

/// Whether a request wants its connection to become a websocket.
pub fn is_asked(request: &HttpRequest) -> bool {
    let websocket = |value: &str| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket"));
    request.headers().get_all(UPGRADE).any(|value| value.to_str().is_ok_and(websocket))
}

pub fn refused(entry: Entry, dialect: Dialect) -> HttpResponse {
    let message =
        "websockets are not served here; send the same request by POST over HTTP, with \"stream\": true for events";
    let mut response = reply::error(entry, dialect, ErrorKind::UpgradeRequired, message);
    response.head_mut().set_connection_type(actix_http::ConnectionType::Close);
    response
}
