//! What can go wrong in a translation, and what an upstream's error means in any dialect.

use serde_json::error::Category;

use crate::bounds::TooMany;
use crate::error::ErrorKind;
use crate::fault::{Fault, Told, judge};
use crate::loss::Losses;
use crate::watch::Failure;

/// A request that cannot be read: a 400 of the client's making. Holds nothing of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    pub message: &'static str,
    /// The parameter to blame.
    pub param: Option<&'static str>,
    /// Line and column where reading stopped, counted from 1.
    pub at: Option<(usize, usize)>,
    /// There is more of something than is translated: this is then the message.
    pub many: Option<TooMany>,
}

impl Bad {
    pub const fn new(message: &'static str, param: Option<&'static str>) -> Self {
        Self { message, param, at: None, many: None }
    }

    /// JSON that is none, or that does not fit the format.
    pub fn json(body: &[u8], error: &serde_json::Error) -> Self {
        let at = (error.line(), error.column());
        let (message, param) = match error.classify() {
            Category::Data => ("A value has the wrong type", super::blame::param(body, at)),
            Category::Io | Category::Syntax | Category::Eof => ("The request body is not valid JSON", None),
        };
        Self { message, param, at: Some(at), many: None }
    }

    /// For the client.
    pub fn text(&self) -> String {
        if let Some(many) = &self.many {
            return many.text();
        }
        match (self.at, self.param) {
            (Some((line, column)), Some(param)) => {
                format!("{} in '{param}' (line {line}, column {column}).", self.message)
            }
            (Some((line, column)), None) => format!("{} (line {line}, column {column}).", self.message),
            (None, _) => self.message.to_owned(),
        }
    }
}

/// A request that cannot be written for an upstream: a 400 too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// These would be lost.
    Lost(Losses),
    /// The upstream's format has no way at all to say it.
    Impossible { message: &'static str, param: Option<&'static str> },
}

impl Refused {
    /// For the client; names of ours, and nothing of the body.
    pub fn text(&self) -> String {
        match self {
            Self::Lost(losses) => {
                let names = losses.names().collect::<Vec<_>>().join(", ");
                format!("The provider behind this model cannot be given: {names}.")
            }
            Self::Impossible { message, .. } => (*message).to_owned(),
        }
    }
}

/// An answer that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// Not JSON, or not what this format answers with.
    Foreign,
    /// It is an error, told in a 200.
    Failed(Box<Failure>),
}

impl Malformed {
    /// A body that does not parse as an answer: an error in a 200, or nothing of ours.
    pub(crate) fn of(body: &[u8]) -> Self {
        let told = Told::read(body);
        if told.message.is_empty() { Self::Foreign } else { Self::Failed(Box::new(Failure::read(body))) }
    }
}

/// An upstream's error, as the client is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub kind: ErrorKind,
    /// Masked and shortened; empty where the upstream gave no words.
    pub message: String,
}

/// Reads an error answer of an upstream, of whatever format: the shapes are told apart by themselves.
pub fn error(status: u16, body: &[u8]) -> Said {
    let kind = match (judge(status, body), status) {
        (Fault::Client, 413) => ErrorKind::TooLarge,
        (Fault::Client, 415) => ErrorKind::UnsupportedMediaType,
        (Fault::Forbidden, _) => ErrorKind::Forbidden,
        (Fault::Client | Fault::NotServed, _) => ErrorKind::InvalidRequest,
        (Fault::ModelMissing, _) => ErrorKind::ModelNotFound,
        (Fault::RateLimited, _) => ErrorKind::RateLimited,
        (Fault::Credit, _) => ErrorKind::InsufficientQuota,
        // The key is ours: that it is wrong is no business of the client's.
        (Fault::Key, _) => ErrorKind::BadGateway,
        (Fault::Upstream, 503 | 529) => ErrorKind::Unavailable,
        (Fault::Upstream, 408 | 504) => ErrorKind::UpstreamTimeout,
        (Fault::Upstream, 500) => ErrorKind::Internal,
        (Fault::Upstream, _) => ErrorKind::BadGateway,
    };
    let told = Told::read(body);
    Said { kind, message: crate::watch::shown(&told.message) }
}

/// The kind of an error that came within a stream or inside a 200.
pub fn kind_of(failure: &Failure) -> ErrorKind {
    match failure.fault {
        Fault::Forbidden => ErrorKind::Forbidden,
        Fault::Client | Fault::NotServed => ErrorKind::InvalidRequest,
        Fault::ModelMissing => ErrorKind::ModelNotFound,
        Fault::RateLimited => ErrorKind::RateLimited,
        Fault::Credit => ErrorKind::InsufficientQuota,
        Fault::Key => ErrorKind::BadGateway,
        Fault::Upstream if failure.status == Some(503) || failure.status == Some(529) => ErrorKind::Unavailable,
        Fault::Upstream => ErrorKind::BadGateway,
    }
}
