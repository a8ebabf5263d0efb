//! One GET of one hop, bounded in time and size.
//!
//! Always: the name is looked up here, its addresses are judged, and the connection is made to one of those very
//! addresses; TLS and the `host` header go by the name.

use std::cell::Cell;
use std::time::Instant;

use actix_http::body::None as NoBody;
use awc::{Client, ClientResponse, Connector};
use bytes::Bytes;
use config::FetchUrls;
use futures::StreamExt;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderValue, LOCATION, USER_AGENT};

use super::place::Place;
use super::{Fetcher, Why, turns};
use crate::connection::{self, Dialer};
use crate::exchange::{self, Framing};

/// What all fetches of a request may cost.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    pub limits: &'a FetchUrls,
    /// Bytes that came for the request so far.
    pub spent: &'a Cell<u64>,
    /// Takes so many bytes of what all bodies may hold; false: there are not so many left.
    pub room: &'a dyn Fn(u64) -> bool,
    pub until: Instant,
}

impl Budget<'_> {
    fn take(self, bytes: u64) -> Result<(), Why> {
        let spent = self.spent.get().saturating_add(bytes);
        if spent > self.limits.max_total {
            return Err(Why::LargeTogether);
        }
        self.spent.set(spent);
        // As base64, in which it is held and sent.
        if (self.room)(bytes.div_ceil(3) * 4) { Ok(()) } else { Err(Why::NoRoom) }
    }
}

/// What a GET came to.
pub enum Got {
    Body { content_type: String, bytes: Vec<u8> },
    Elsewhere(Place),
}

pub async fn get(fetcher: &Fetcher, place: &Place, budget: Budget<'_>) -> Result<Got, Why> {
    let addresses = place.addresses(budget.limits, budget.until).await?;
    let _connection = turns::take(&turns::CONNECTIONS, budget.until).await?;
    let tls = if place.is_tls() { Some(fetcher.tls()?) } else { None };
    let left = budget.until.saturating_duration_since(Instant::now());
    let dialer =
        Dialer::to(place.host(), addresses, budget.limits.allow.clone(), left, tls).map_err(|_| Why::Unreachable)?;
    let connector = Connector::new().connector(dialer).timeout(left);
    let client = Client::builder().connector(connector).timeout(left).disable_redirects().no_default_headers().finish();
    // awc is always told http: TLS is the dialer's.
    let mut request = client.get(format!("http://{}:{}{}", place.host(), place.port(), place.target()));
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_str(&place.authority()).map_err(|_| Why::Url)?);
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ai-proxy/", env!("CARGO_PKG_VERSION"))));
    let response = request.force_close().send_body(NoBody::new()).await.map_err(|error| unsent(&error))?;
    match response.status() {
        StatusCode::OK => {}
        status if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) => {
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|location| std::str::from_utf8(location.as_bytes()).ok());
            return place.join(location.ok_or(Why::Redirects)?).map(Got::Elsewhere);
        }
        status => return Err(Why::Status(status.as_u16())),
    }
    if exchange::is_encoded(&response) {
        return Err(Why::Broken);
    }
    let content_type = exchange::content_type(&response).to_owned();
    Ok(Got::Body { content_type, bytes: body(response, budget).await? })
}

/// The whole body. What is known beforehand to be too large is not begun.
async fn body(mut response: ClientResponse, budget: Budget<'_>) -> Result<Vec<u8>, Why> {
    let framing = Framing::of(&response);
    if let Framing::Length(length) = framing {
        check(length, budget)?;
    }
    let mut body = Vec::new();
    while let Some(piece) = response.next().await {
        let piece: Bytes = match piece {
            Ok(piece) => piece,
            Err(error) if framing == Framing::Close && connection::is_end(&error) => break,
            Err(_) => return Err(Why::Broken),
        };
        if (body.len() + piece.len()) as u64 > budget.limits.max_bytes {
            return Err(Why::Large);
        }
        budget.take(piece.len() as u64)?;
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn check(length: u64, budget: Budget<'_>) -> Result<(), Why> {
    if length > budget.limits.max_bytes {
        return Err(Why::Large);
    }
    let left = budget.limits.max_total.saturating_sub(budget.spent.get());
    if length > left { Err(Why::LargeTogether) } else { Ok(()) }
}

fn unsent(error: &awc::error::SendRequestError) -> Why {
    use awc::error::{ConnectError, SendRequestError};
    match error {
        SendRequestError::Url(_) => Why::Url,
        SendRequestError::Connect(ConnectError::Io(error)) if connection::is_ours(error) => Why::Address,
        SendRequestError::Connect(ConnectError::Io(error)) if connection::is_out_of_files(error) => Why::Busy,
        SendRequestError::Connect(_) => Why::Unreachable,
        SendRequestError::Timeout => Why::Slow,
        _ => Why::Broken,
    }
}
