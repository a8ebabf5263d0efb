//! A request's entry in the books: opened with its head, closed once, whatever ends it.
//!
//! Always: exactly one record leaves a request, also when its future or its body is dropped because the client left.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use config::{Config, Secret};
use dialects::{Endpoint, mask};

use crate::app::State;
use crate::metrics::{self, InFlight};
use crate::record::{Attempt, Outcome, Record};
use crate::waits::Waits;
use crate::{auth, log, percent};

/// Longest path that is kept.
const MAX_PATH: usize = 128;

/// Longest name of an unknown model that is kept.
const MAX_ASKED: usize = 100;

/// So many letters of a token tell that it is one.
const TELLING: usize = 8;

/// What has been tried for a request, in order; shared by its call, which may be dropped at any time.
pub type Attempts = Rc<RefCell<Vec<Attempt>>>;

/// The open record of a request.
pub struct Entry {
    pub record: Record,
    pub attempts: Attempts,
    pub started: Instant,
    /// For the client's body and for providers, up to the head of the answer.
    pub waits: Waits,
    /// What was ours until then.
    ours: Option<Duration>,
    closed: bool,
    _in_flight: InFlight,
}

impl Entry {
    pub fn open(request: &HttpRequest, endpoint: Option<Endpoint>) -> Self {
        let path = request.path();
        let cut = path.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_PATH).last().unwrap_or(0);
        let path = if path.len() <= MAX_PATH { path } else { path.get(..cut).unwrap_or_default() };
        let record = Record {
            request_id: request_id(request),
            client: None,
            address: None,
            endpoint,
            method: method(request),
            path: path.into(),
            model: None,
            listed: false,
            deployment: None,
            attempts: Vec::new(),
            reason: None,
            asked: None,
            why: None,
            status: 499,
            outcome: Outcome::ClientGone,
            stream: false,
            bytes_in: 0,
            bytes_out: 0,
            usage: None,
            first_byte: None,
            total: Duration::ZERO,
            overhead: Duration::ZERO,
        };
        Self {
            record,
            attempts: Attempts::default(),
            started: Instant::now(),
            waits: Waits::default(),
            ours: None,
            closed: false,
            _in_flight: metrics::enter(),
        }
    }

    /// A model was asked for that nobody knows: the log tells it, cut where it gets long.
    pub fn asked_for(&mut self, model: &str) {
        let cut = model.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MAX_ASKED).last();
        self.record.asked = Some(model.get(..cut.unwrap_or(0)).unwrap_or_default().into());
    }

    /// To be called where the path or the model leads nowhere: then it may be a token or a key in the wrong place, and the
    /// log does not tell it.
    pub fn conceal(&mut self, config: &Config) {
        let tokens = config.clients.iter().map(|client| &client.token).chain(&config.admin_token);
        for text in [Some(&mut self.record.path), self.record.asked.as_mut()].into_iter().flatten() {
            let plain = percent::decoded(text.as_bytes());
            let plain = String::from_utf8_lossy(&plain);
            // By its beginning: its end may have been cut off.
            let begins = |token: &&str| token.get(..TELLING).is_some_and(|begin| plain.contains(begin));
            let told: Vec<&str> = tokens.clone().map(Secret::expose).filter(begins).collect();
            if let Cow::Owned(hidden) = mask::hide_all(plain.as_bytes(), &told) {
                *text = String::from_utf8_lossy(&hidden).into();
            }
        }
    }

    /// A provider's answer has come and is about to be handed on. Its pieces are not measured: each would cost two looks
    /// at the clock.
    pub fn answered(&mut self) {
        self.ours = Some(self.started.elapsed().saturating_sub(self.waits.sum()));
    }

    /// The first byte is about to go to the client.
    pub fn first_byte(&mut self) {
        if self.record.first_byte.is_none() {
            self.record.first_byte = Some(self.started.elapsed());
        }
    }

    /// Nothing more will happen to it.
    pub fn close(&mut self, outcome: Outcome) {
        if !self.closed {
            self.closed = true;
            self.record.attempts = self.attempts.take();
            self.record.outcome = outcome;
            self.record.total = self.started.elapsed();
            self.record.overhead = self.ours.unwrap_or_else(|| self.record.total.saturating_sub(self.waits.sum()));
            metrics::observe(&self.record);
            log::access(&self.record);
        }
    }

    pub fn id_header(&self) -> HeaderValue {
        // Its characters were checked or made by us.
        HeaderValue::from_str(&self.record.request_id).unwrap_or(HeaderValue::from_static("-"))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.closed {
            self.record.status = 500;
            self.close(Outcome::Refused);
        }
        self.close(Outcome::ClientGone);
    }
}

/// The client's own id where it is harmless and holds neither a token nor a key, else one of ours.
pub fn request_id(request: &HttpRequest) -> Arc<str> {
    let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    let is_secret = |id: &&str| {
        let state = request.app_data::<Data<State>>();
        let shard = state.map(|state| state.worker.shard());
        let words = id.bytes().enumerate().filter(|(_, byte)| !byte.is_ascii_alphanumeric()).map(|(at, _)| at + 1);
        let begins = |at: usize| id.as_bytes().get(at..).is_some_and(mask::begins_as_key);
        std::iter::once(0).chain(words).any(begins)
            || auth::holds_token(request, shard.as_ref().map(|shard| &*shard.table.config), id)
    };
    given.filter(harmless).filter(|id| !is_secret(id)).map_or_else(new_id, Into::into)
}

fn new_id() -> Arc<str> {
    let mut text = *b"req_000000000000000000000000";
    for eight in text.split_at_mut(4).1.chunks_exact_mut(8) {
        eight.copy_from_slice(&hex(fastrand::u32(..)));
    }
    str::from_utf8(&text).unwrap_or("req_0").into()
}

/// Eight digits at once: half a byte in each, and 39 more for those that become letters.
fn hex(bits: u32) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let mut digits = u64::from(bits);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & (0x0f * EACH);
    let letters = (digits + 6 * EACH) >> 4 & EACH;
    (digits + u64::from(b'0') * EACH + letters * 39).to_be_bytes()
}

fn method(request: &HttpRequest) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn digits_are_those_of_the_number() {
        for bits in [0, 1, 9, 10, 0x0123_4567, 0x89ab_cdef, 0xa9f0_0f9a, u32::MAX] {
            assert_eq!(hex(bits), format!("{bits:08x}").as_bytes());
        }
    }
}
