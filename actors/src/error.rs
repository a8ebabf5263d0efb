//! What went wrong with an attempt: what it was, whose fault, whether another attempt may help.

use bytes::Bytes;
use dialects::Dialect;
use dialects::fault::Fault;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::policy::Moment;

/// Why a deployment was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Its breaker is open.
    Open(Moment),
    /// It, or each of its keys, cools down.
    Cooling(Moment),
    /// Each key's quota is used up.
    Quota(Moment),
    /// The provider's `max_in_flight` is reached.
    Busy,
    /// The model's name or the request cannot be put into the provider's URL.
    Unfit,
    /// The actor died while it looked at the request.
    Panicked,
}

impl Refusal {
    /// The word of the receipt, the log and the metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Cooling(_) => "cooling",
            Self::Quota(_) => "quota",
            Self::Busy => "busy",
            Self::Unfit => "unfit",
            Self::Panicked => "panic",
        }
    }

    /// When it may serve again; None: any moment.
    pub const fn ready_at(self) -> Option<Moment> {
        match self {
            Self::Open(at) | Self::Cooling(at) | Self::Quota(at) => Some(at),
            Self::Busy | Self::Unfit | Self::Panicked => None,
        }
    }
}

/// What an attempt died of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection: refused, unreachable, name not found, TLS failed.
    Connect,
    /// No connection: this process may open no more files.
    NoFiles,
    ConnectTimeout,
    /// Connected, asked, and no byte of an answer in time.
    FirstByteTimeout,
    /// The request's own deadline passed.
    Deadline,
    /// The connection broke before an answer.
    Reset,
    /// The upstream stopped reading our body; an answer, if it sent one, was lost with the connection.
    UploadBroken,
    /// The client stopped sending its upload.
    UploadEnded,
    /// The client paused in the middle of its upload for longer than anyone waits.
    UploadStalled,
    /// The upload is larger than it may be, and its length had not been told before.
    UploadTooLarge,
    /// What came is not HTTP.
    Protocol,
    /// The key could not be exchanged for an access token, so nothing was sent.
    NoToken,
    /// A redirect: a key is never carried to another host.
    Redirect,
    /// An error status, and whose fault it is.
    Status(StatusCode, Fault),
    /// An error inside a 200, before any content.
    InBand(Fault),
    /// What came is no answer of the endpoint that was asked, and what it is instead: a web page, bare text.
    NotAnAnswer(&'static str),
    /// The answer ended or broke before any content.
    CutEarly,
    /// Nothing came for the idle time.
    Idle,
    /// The answer broke after content: too late for another attempt.
    Cut,
    /// An error event of the upstream's own after content.
    FailedLate,
    /// All that is held for requests would be more than the buffer budget.
    NoRoom,
    /// Our own code failed.
    Panic,
}

impl Cause {
    /// The word of the receipt, the log and the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::NoFiles => "no_files",
            Self::ConnectTimeout => "connect_timeout",
            Self::FirstByteTimeout => "first_byte_timeout",
            Self::Deadline => "deadline",
            Self::Reset => "reset",
            Self::UploadBroken => "upload_broken",
            Self::UploadEnded => "upload_ended",
            Self::UploadStalled => "upload_stalled",
            Self::UploadTooLarge => "upload_too_large",
            Self::Protocol => "protocol",
            Self::NoToken => "no_token",
            Self::Redirect => "redirect",
            Self::Status(status, _) => status_label(status),
            Self::InBand(_) => "error_in_200",
            Self::NotAnAnswer(_) => "not_an_answer",
            Self::CutEarly => "cut_early",
            Self::Idle => "idle_timeout",
            Self::Cut => "cut",
            Self::FailedLate => "error_in_stream",
            Self::NoRoom => "no_room",
            Self::Panic => "panic",
        }
    }

    /// May another attempt help?
    pub fn retryable(self) -> bool {
        match self {
            Self::Connect
            | Self::NoFiles
            | Self::ConnectTimeout
            | Self::FirstByteTimeout
            | Self::Reset
            | Self::Protocol
            | Self::NoToken
            | Self::Redirect
            | Self::NotAnAnswer(_)
            | Self::CutEarly
            | Self::Idle
            | Self::UploadBroken => true,
            Self::Status(_, fault) | Self::InBand(fault) => fault.retryable(),
            Self::Deadline
            | Self::UploadEnded
            | Self::UploadStalled
            | Self::UploadTooLarge
            | Self::Cut
            | Self::FailedLate
            | Self::NoRoom
            | Self::Panic => false,
        }
    }

    /// Is it the client's doing, and says nothing of the upstream?
    pub fn is_clients(self) -> bool {
        matches!(self, Self::UploadEnded | Self::UploadStalled | Self::UploadTooLarge)
            || self.fault() == Some(Fault::Client)
    }

    /// Is it the key's fault, or its quota's: another key of the same deployment may do better?
    pub fn blames_key(self) -> bool {
        self == Self::NoToken
            || matches!(self.fault(), Some(Fault::Key | Fault::Credit | Fault::Forbidden | Fault::RateLimited))
    }

    /// Is the same deployment not to be asked again, whatever its health: would it say the same, or be paid for twice?
    /// What timed out was at work until then.
    pub fn is_in_vain(self) -> bool {
        matches!(self, Self::UploadBroken | Self::Redirect | Self::FirstByteTimeout | Self::Idle)
            || matches!(self.fault(), Some(Fault::ModelMissing | Fault::NotServed))
    }

    /// How much a client that is told of it has to hope for: of several failures the one that gives most is told. The
    /// client's own mistake is the last word in any case.
    pub fn hope(self) -> u8 {
        match self.fault() {
            None if self == Self::NoToken => 1,
            Some(Fault::Client) => 3,
            Some(Fault::RateLimited | Fault::Upstream) | None => 2,
            Some(Fault::Key | Fault::Credit | Fault::Forbidden) => 1,
            Some(Fault::ModelMissing | Fault::NotServed) => 0,
        }
    }

    /// Whose fault the upstream's own words say it is.
    pub fn fault(self) -> Option<Fault> {
        match self {
            Self::Status(_, fault) | Self::InBand(fault) => Some(fault),
            _ => None,
        }
    }

    /// Can no request have brought it about?
    pub fn is_surely_deployments(self) -> bool {
        matches!(self, Self::Connect | Self::ConnectTimeout)
    }

    /// Does it speak against the deployment's health (and not the client's, the key's or ours)?
    pub fn blames_deployment(self) -> bool {
        match self {
            Self::Connect
            | Self::ConnectTimeout
            | Self::FirstByteTimeout
            | Self::Reset
            | Self::Protocol
            | Self::Redirect
            | Self::NotAnAnswer(_)
            | Self::CutEarly
            | Self::Idle
            | Self::Cut
            | Self::FailedLate => true,
            Self::Status(_, fault) | Self::InBand(fault) => matches!(fault, Fault::Upstream),
            // An upstream that takes no more of a large body may well have refused it: that is no illness.
            Self::Deadline
            | Self::NoFiles
            | Self::NoToken
            | Self::UploadBroken
            | Self::UploadEnded
            | Self::UploadStalled
            | Self::UploadTooLarge
            | Self::NoRoom
            | Self::Panic => false,
        }
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "400",
        401 => "401",
        402 => "402",
        403 => "403",
        404 => "404",
        408 => "408",
        409 => "409",
        413 => "413",
        422 => "422",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        529 => "529",
        code if code < 400 => "odd_status",
        code if code < 500 => "4xx",
        _ => "5xx",
    }
}

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    pub cause: Cause,
    /// The upstream's own error, where it may be handed to the client as it is.
    pub answer: Option<Box<ErrorAnswer>>,
    /// The upstream's hint, in milliseconds, as it came.
    pub retry_after_ms: Option<u64>,
    /// Down to the socket, the certificate or the provider's own words: for the log and the operator. Masked and short.
    pub why: Option<Box<str>>,
}

impl Failure {
    /// Did whoever stands before the upstream, or it itself, say that time was up: as a status, or inside a 200?
    pub fn is_told_timeout(&self) -> bool {
        let status = match self.cause {
            Cause::Status(status, Fault::Upstream) => Some(status),
            Cause::InBand(Fault::Upstream) => self.answer.as_ref().map(|answer| answer.status),
            _ => None,
        };
        // 524 is Cloudflare's.
        status.is_some_and(|status| matches!(status.as_u16(), 408 | 504 | 524))
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self { cause, answer: None, retry_after_ms: None, why: None }
    }
}

/// An error that an upstream answered, read whole (up to a bound) and masked.
#[derive(Debug)]
pub struct ErrorAnswer {
    pub status: StatusCode,
    /// Only those that may pass.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
    /// In whose shape the body is.
    pub dialect: Dialect,
}
