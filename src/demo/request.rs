//! A request as the endpoints of the demo see it, and the ways to answer one.

use actix_web::web::Bytes;
use serde_json::{Value, json};

/// A file of a multipart upload: counted, not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) name: String,
    pub(super) bytes: u64,
}

/// The JSON body, or the fields of a form as if they were one.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) body: Value,
    pub(super) uploads: Vec<Upload>,
}

impl Request {
    pub(super) fn get(&self, key: &str) -> &Value {
        self.body.get(key).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key).as_str().unwrap_or_default()
    }

    pub(super) fn model(&self) -> &str {
        self.text("model")
    }

    /// A number; forms have it as text.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let value = self.get(key);
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A truth; forms have it as text.
    pub(super) fn is(&self, key: &str) -> bool {
        let value = self.get(key);
        value.as_bool().unwrap_or_else(|| value.as_str() == Some("true"))
    }

    /// How many answers are wanted.
    pub(super) fn n(&self, most: u64) -> u64 {
        self.number("n").unwrap_or(1).clamp(1, most)
    }
}

/// What an endpoint answers.
#[derive(Debug)]
pub(super) enum Answer {
    Json(Value),
    /// A stream, event by event, each whole.
    Events(Vec<String>),
    Bytes {
        content_type: &'static str,
        body: Bytes,
    },
}

/// An error in OpenAI's shape.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    pub(super) param: Option<&'static str>,
}

impl Refusal {
    /// A 400 over a parameter.
    pub(super) fn param(param: &'static str, message: &str) -> Self {
        Self { status: 400, message: message.into(), param: Some(param) }
    }

    pub(super) fn new(status: u16, message: &str) -> Self {
        Self { status, message: message.into(), param: None }
    }

    pub(super) fn body(&self) -> Value {
        let (kind, code) = match self.status {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            402 => ("insufficient_quota", Some("insufficient_quota")),
            403 => ("invalid_request_error", Some("forbidden")),
            404 => ("invalid_request_error", Some("model_not_found")),
            429 => ("requests", Some("rate_limit_exceeded")),
            500..=599 => ("server_error", None),
            _ => ("invalid_request_error", None),
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": code}})
    }
}
