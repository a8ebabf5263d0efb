//! What is known of a request when it has ended: the one thing that leaves it.
//!
//! The access line, the metrics and later the accounts all read this record; nobody else counts anything.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dialects::{Endpoint, Usage};

/// How one attempt went, in the few static words that the receipt, the log and the metrics share.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// `provider/upstream-model`.
    pub deployment: Arc<str>,
    /// `ok`, `429`, `503`, `connect`, `first_byte_timeout`, `cut`, `open`, `cooling`, `cancelled`, ...: static words of ours.
    pub outcome: &'static str,
    /// What the socket, the certificate or the provider said of a failure; masked and short.
    pub why: Option<Box<str>>,
}

/// How a request ended, as a label of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client got the whole answer of an upstream, whatever its status.
    Answered,
    /// The client got an error of ours.
    Refused,
    /// The answer broke after its first byte: the client got an error event or a cut connection.
    Cut,
    /// The client left first.
    ClientGone,
}

#[derive(Debug, Clone)]
pub struct Record {
    pub request_id: Arc<str>,
    /// The client token's name; None for a bare token.
    pub client: Option<Arc<str>>,
    /// Where the call came from; behind a trusted proxy what that says.
    pub address: Option<IpAddr>,
    /// None: not one of the model endpoints (a 404, /health, ...).
    pub endpoint: Option<Endpoint>,
    pub method: &'static str,
    /// The path as asked, without its query; cut at 128 bytes.
    pub path: Box<str>,
    /// The model that the routing table knows; `other` for one it does not, None where none was asked for.
    pub model: Option<Arc<str>>,
    /// Whether the routing table lists that model; the log names any that was asked for, labels only these.
    pub listed: bool,
    /// The deployment that answered.
    pub deployment: Option<Arc<str>>,
    pub attempts: Vec<Attempt>,
    /// Why the gateway refused it, or the answer broke: a static word.
    pub reason: Option<&'static str>,
    /// The model as it was asked for, where none is known by that name; cut at 100 bytes.
    pub asked: Option<Box<str>>,
    /// What is known of why an answer broke after its first content; masked and short.
    pub why: Option<Box<str>>,
    /// The status the client saw; 499 where it left before one was sent.
    pub status: u16,
    pub outcome: Outcome,
    pub stream: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub usage: Option<Usage>,
    /// From the request's head to the first byte for the client.
    pub first_byte: Option<Duration>,
    pub total: Duration,
    /// From the request's head until the head of the answer was ready, less all waits for the client's body, for providers
    /// and between attempts. Handing on the body is not in it.
    pub overhead: Duration,
}
