//! One question to a token endpoint, bounded in time and size.
//!
//! Always: no redirect is followed, and what went wrong is told in words of our own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use awc::{Client, Connector};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};

use super::grant::{self, Grant, Granted, Place};
use crate::connection::{Dialer, why};

/// For all of it. Google answers in a fraction of a second.
pub(super) const TIME: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER: usize = 256 * 1024;
/// Without it the metadata server refuses: nothing that is led astray sends such a header.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

pub(super) async fn fetch(grant: &Grant, place: &Place, dialer: &Dialer) -> Result<Granted, String> {
    // What dies in the middle of this is told as not in time.
    tokio::time::timeout(TIME, ask(grant, place, dialer)).await.map_err(|_| "no answer in time".to_owned())?
}

async fn ask(grant: &Grant, place: &Place, dialer: &Dialer) -> Result<Granted, String> {
    let connector = Connector::new().connector(dialer.clone()).timeout(TIME);
    let client = Client::builder().connector(connector).timeout(TIME).disable_redirects().no_default_headers().finish();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let form = grant.form(now)?;
    let host = if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.clone() };
    // awc is always told http: TLS is the dialer's.
    let url = format!("http://{host}:{}{}", place.port, place.path);
    let mut request = if form.is_some() { client.post(url) } else { client.get(url) };
    let headers = request.headers_mut();
    let authority = HeaderValue::from_str(&place.authority).map_err(|_| "its host cannot be named".to_owned())?;
    headers.insert(HOST, authority);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ai-proxy/", env!("CARGO_PKG_VERSION"))));
    let sent = match form {
        Some(form) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            request.send_body(form)
        }
        None => {
            headers.insert(FLAVOR, HeaderValue::from_static("Google"));
            request.send()
        }
    };
    let mut response = sent.await.map_err(|error| why::of_request(&error))?;
    let status = response.status();
    let body = response.body().limit(MAX_ANSWER).await.map_err(|_| "the answer broke off or is too long".to_owned())?;
    if !status.is_success() {
        return Err(match grant::refusal(&body) {
            Some(code) => format!("status {}, {code}", status.as_u16()),
            None => format!("status {}", status.as_u16()),
        });
    }
    grant::read(&body).ok_or_else(|| "the answer holds no token".to_owned())
}
