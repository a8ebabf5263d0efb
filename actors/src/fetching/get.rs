//! One GET of one hop, bounded in time and size.
//!
//! Always: the name is looked up here, its addresses are judged, and the connection is made to one of those very
//! addresses; TLS and the `host` header go by the name.

use std::cell::Cell;
use std::time::Instant;

use actix_http::body::None as NoBody;
use awc::{Client, ClientResponse, Connector};
use config::FetchUrls;
use futures::StreamExt;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderValue, LOCATION, USER_AGENT};

use super::place::Place;
use super::room::{Held, Room};
use super::{Fetcher, Why, turns};
use crate::connection::{self, Dialer};
use crate::exchange::{self, Framing};

/// What all fetches of a request may cost.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    pub limits: &'a FetchUrls,
    /// Bytes that came for the request so far, as often as they will be written.
    pub spent: &'a Cell<u64>,
    /// How often those of this fetch will be.
    pub places: u64,
    pub room: &'a dyn Room,
    pub until: Instant,
}

impl Budget<'_> {
    /// # Errors
    /// When there would be more than the request may have.
    pub fn spend(self, bytes: u64) -> Result<(), Why> {
        let spent = self.spent.get().saturating_add(bytes.saturating_mul(self.places));
        if spent > self.limits.max_total {
            return Err(Why::LargeTogether);
        }
        self.spent.set(spent);
        Ok(())
    }
}

/// What a GET came to.
pub enum Got<'a> {
    /// `held`: for the bytes and their base64.
    Body {
        content_type: String,
        bytes: Vec<u8>,
        held: Held<'a>,
    },
    Elsewhere(Place),
}

pub async fn get<'a>(fetcher: &Fetcher, place: &Place, budget: Budget<'a>) -> Result<Got<'a>, Why> {
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
    let (bytes, held) = body(response, budget).await?;
    Ok(Got::Body { content_type, bytes, held })
}

/// The whole body. What is known beforehand to be too large is not begun.
async fn body(mut response: ClientResponse, budget: Budget<'_>) -> Result<(Vec<u8>, Held<'_>), Why> {
    let framing = Framing::of(&response);
    let mut body = Body { bytes: Vec::new(), spent: 0, held: Held::none(budget.room), budget };
    if let Framing::Length(length) = framing {
        body.expect(length)?;
    }
    while let Some(piece) = response.next().await {
        match piece {
            Ok(piece) => body.push(&piece)?,
            Err(error) if framing == Framing::Close && connection::is_end(&error) => break,
            Err(_) => return Err(Why::Broken),
        }
    }
    Ok((body.bytes, body.held))
}

/// What has come of a body.
struct Body<'a> {
    bytes: Vec<u8>,
    /// So many are booked.
    spent: u64,
    held: Held<'a>,
    budget: Budget<'a>,
}

impl Body<'_> {
    /// So many bytes in all.
    fn expect(&mut self, length: u64) -> Result<(), Why> {
        if length > self.budget.limits.max_bytes {
            return Err(Why::Large);
        }
        self.budget.spend(length.saturating_sub(self.spent))?;
        self.spent = self.spent.max(length);
        let length = length as usize;
        let had = self.bytes.capacity();
        if length > had {
            // Without an announced length it grows by halves: each step copies it.
            let capacity = length.max((had + had / 2).min(self.budget.limits.max_bytes as usize));
            // Its base64 will be held beside it for a moment.
            self.held.grow((with_base64(capacity) - with_base64(had)) as u64)?;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        Ok(())
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), Why> {
        self.expect((self.bytes.len() + piece.len()) as u64)?;
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

fn with_base64(bytes: usize) -> usize {
    bytes + bytes.div_ceil(3) * 4
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
