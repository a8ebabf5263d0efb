//! What the gateway itself says when something is wrong, in the dialect of who asked: the one place that knows these
//! shapes.
//!
//! Sources: the error codes of OpenAI's API reference and what its SDKs look at (`error.message`, `type`, `param`,
//! `code`, with real nulls), Anthropic's list of error types, Google's `google.rpc.Code` names. A message is the
//! caller's: it must help the client and give nothing away.

use serde_json::{Value, json};

use crate::{Dialect, Endpoint};

mod kind;

pub use kind::ErrorKind;

/// The body of an error. `param` is OpenAI's word for the parameter to blame; only Anthropic's shape has room for the
/// request id, the others carry it in a header.
pub fn body(dialect: Dialect, kind: ErrorKind, message: &str, param: Option<&str>, request_id: &str) -> Vec<u8> {
    let body = match dialect {
        Dialect::OpenAi => json!({"error": openai(kind, message, param)}),
        Dialect::Anthropic => anthropic(kind, message, request_id),
        Dialect::Gemini => gemini(kind, message),
    };
    body.to_string().into_bytes()
}

/// An upstream's own error in OpenAI's shape, with the code that it gave.
pub fn told(message: &str, code: Option<&str>) -> Vec<u8> {
    let kind = ErrorKind::InvalidRequest;
    let error = json!({"message": message, "type": kind.openai_type(), "param": Value::Null, "code": code});
    json!({ "error": error }).to_string().into_bytes()
}

/// What ends a broken stream so that every official SDK raises: one event, ready to be sent after a complete one.
///
/// The OpenAI SDKs (Python and Node) raise on an `error` member in the data, whatever the event is called; clients that
/// read typed streams by hand look for `event: error` with flat members. Typed streams therefore get both.
pub fn event(dialect: Dialect, endpoint: Endpoint, kind: ErrorKind, message: &str, request_id: &str) -> Vec<u8> {
    let text = match dialect {
        Dialect::OpenAi if endpoint.streams_chunks() => {
            format!("data: {}\n\n", json!({"error": openai(kind, message, None)}))
        }
        Dialect::OpenAi => {
            let error = json!({
                "type": "error",
                "code": kind.code(),
                "message": message,
                "param": Value::Null,
                "sequence_number": 0,
                "error": openai(kind, message, None),
            });
            format!("event: error\ndata: {error}\n\n")
        }
        Dialect::Anthropic => format!("event: error\ndata: {}\n\n", anthropic(kind, message, request_id)),
        Dialect::Gemini => format!("data: {}\n\n", gemini(kind, message)),
    };
    text.into_bytes()
}

/// What closes the array that a stream of Gemini's comes in where no events were asked for, when it has broken off: as
/// Google has it, the error is its last element. `first`: nothing of the array has gone out.
pub fn last_element(kind: ErrorKind, message: &str, first: bool) -> Vec<u8> {
    format!("{}{}]", if first { "[" } else { ",\r\n" }, gemini(kind, message)).into_bytes()
}

/// What tells a waiting client, and every proxy in between, that the stream lives. Empty for Gemini: its SDK takes a
/// comment for data.
pub const fn keepalive(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::OpenAi => b": keepalive\n\n",
        Dialect::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        Dialect::Gemini => b"",
    }
}

fn openai(kind: ErrorKind, message: &str, param: Option<&str>) -> Value {
    json!({"message": message, "type": kind.openai_type(), "param": param, "code": kind.code()})
}

fn anthropic(kind: ErrorKind, message: &str, request_id: &str) -> Value {
    json!({
        "type": "error",
        "error": {"type": kind.anthropic_type(), "message": message},
        "request_id": request_id,
    })
}

fn gemini(kind: ErrorKind, message: &str) -> Value {
    json!({"error": {"code": kind.status(), "message": message, "status": kind.gemini_status()}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    fn data(event: &[u8]) -> Value {
        let text = std::str::from_utf8(event).unwrap();
        assert!(text.ends_with("\n\n") && text.matches("\n\n").count() == 1, "{text}");
        value(text.split_once("data: ").unwrap().1.as_bytes())
    }

    #[test]
    fn each_dialect_has_its_shape() {
        assert_eq!(
            value(&body(Dialect::OpenAi, ErrorKind::ModelNotFound, "no \"x\"\n", Some("model"), "r")),
            json!({"error":{"message":"no \"x\"\n","type":"invalid_request_error","param":"model","code":"model_not_found"}})
        );
        assert_eq!(value(&body(Dialect::OpenAi, ErrorKind::BadGateway, "m", None, "r"))["error"]["param"], Value::Null);
        assert_eq!(
            value(&body(Dialect::Anthropic, ErrorKind::RateLimited, "m", None, "r-1")),
            json!({"type":"error","error":{"type":"rate_limit_error","message":"m"},"request_id":"r-1"})
        );
        assert_eq!(
            value(&body(Dialect::Gemini, ErrorKind::InvalidRequest, "m", None, "r")),
            json!({"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}})
        );
    }

    #[test]
    fn every_event_is_one_event_that_carries_an_error() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
            for endpoint in Endpoint::ALL {
                for kind in ErrorKind::ALL {
                    let event = data(&event(dialect, endpoint, kind, "two\n\nlines", "r"));
                    assert_eq!(event["error"]["message"], "two\n\nlines");
                }
            }
        }
    }

    #[test]
    fn an_array_is_closed_with_the_error_in_it() {
        let of = |begun: &str| {
            let first = begun.is_empty();
            value(&[begun.as_bytes(), &last_element(ErrorKind::Unavailable, "gone", first)].concat())
        };
        let error = json!({"error":{"code":503,"message":"gone","status":"UNAVAILABLE"}});
        assert_eq!((of(""), of("[{}")), (json!([error]), json!([{}, error])));
    }

    #[test]
    fn typed_streams_get_the_flat_members_too() {
        let event = event(Dialect::OpenAi, Endpoint::Responses, ErrorKind::BadGateway, "gone", "r");
        assert!(event.starts_with(b"event: error\n"));
        let data = data(&event);
        assert_eq!((&data["type"], &data["message"], &data["param"]), (&json!("error"), &json!("gone"), &Value::Null));
    }
}
