//! What goes over the wire: one request, one answer, one stream.
//!
//! Both ends of the benchmark make them from the same functions, so that the
//! load can hold every answer against the exact bytes that the upstream sent:
//! whoever stands between changes none of them, unless the client speaks
//! another format than the upstream.

use std::time::Duration;

/// The public model name that the load asks for.
pub const MODEL: &str = "bench";
/// What the same model is called upstream: another name, so that the gateway
/// has to do the work of replacing it.
pub const UPSTREAM_MODEL: &str = "bench-model";
/// The client token of every run. Not a secret: it opens nothing but a
/// process on loopback that lives as long as the run.
pub const TOKEN: &str = "bench-0123456789abcdef0123456789abcdef";
/// What the client speaks; the upstream speaks chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// Anthropic messages.
    Messages,
}

impl Dialect {
    /// The path of every request.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }
}

/// Bytes of one kilobyte-sized prompt, plain words so that no escape is in it.
const WORDS: &str = "the quick relay hands every byte over as it came and counts what it must ";

/// What stands before the number of events in a prompt.
pub const EVENTS: &str = "events=";
/// And before the milliseconds between them.
pub const GAP: &str = "gap_ms=";

/// The shape of a streamed answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Data events before `[DONE]`.
    pub events: u32,
    /// Time between two events; zero sends them as fast as they are taken.
    pub gap: Duration,
}

/// A request of about one kilobyte, head and body.
///
/// The stream's shape travels in the prompt, which comes through every
/// translation as it is.
#[must_use]
pub fn request(dialect: Dialect, token: &str, stream: Option<Stream>) -> Vec<u8> {
    let mut prompt = WORDS.repeat(11);
    if let Some(Stream { events, gap }) = stream {
        prompt.push_str(&format!("{EVENTS}{events} {GAP}{} ", gap.as_millis()));
    }
    let streamed = stream.is_some();
    let (auth, body) = match dialect {
        Dialect::Chat => (
            format!("authorization: Bearer {token}"),
            format!(
                concat!(
                    r#"{{"model":"{}","messages":[{{"role":"system","content":"Answer briefly."}},"#,
                    r#"{{"role":"user","content":"{}"}}],"temperature":0.7,"max_tokens":256,"stream":{}}}"#
                ),
                MODEL, prompt, streamed
            ),
        ),
        Dialect::Messages => (
            format!("x-api-key: {token}\r\nanthropic-version: 2023-06-01"),
            format!(
                concat!(
                    r#"{{"model":"{}","system":"Answer briefly.","messages":[{{"role":"user","#,
                    r#""content":"{}"}}],"temperature":0.7,"max_tokens":256,"stream":{}}}"#
                ),
                MODEL, prompt, streamed
            ),
        ),
    };
    let mut bytes = format!(
        concat!(
            "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\n{}\r\n",
            "content-type: application/json\r\naccept: */*\r\nuser-agent: bench/1\r\n",
            "content-length: {}\r\n\r\n"
        ),
        dialect.path(),
        auth,
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

/// The text of the answer that is not streamed.
#[must_use]
pub fn text() -> String {
    WORDS.repeat(10)
}

/// The text of a stream of so many events; the last one has none.
#[must_use]
pub fn stream_text(events: u32) -> String {
    (1..events).map(|n| format!(" word{}", n - 1)).collect()
}

/// The body of the answer that is not streamed, about one kilobyte.
#[must_use]
pub fn completion() -> Vec<u8> {
    format!(
        concat!(
            r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"#,
            r#""model":"{}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"#,
            r#""logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":180,"#,
            r#""completion_tokens":160,"total_tokens":340}}}}"#
        ),
        UPSTREAM_MODEL,
        text()
    )
    .into_bytes()
}

/// The `n`th of `events` events of a stream, blank line included.
///
/// The last one carries the reason of the end, as the format has it.
#[must_use]
pub fn event(n: u32, events: u32) -> String {
    let (delta, finish) =
        if n + 1 == events { ("{}".to_owned(), "\"stop\"") } else { (format!(r#"{{"content":" word{n}"}}"#), "null") };
    format!(
        concat!(
            r#"data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"#,
            r#""model":"{}","choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}}"#,
            "\n\n"
        ),
        UPSTREAM_MODEL, delta, finish
    )
}

/// What ends a chat stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// All the bytes of a stream's body, as a client must see them.
#[must_use]
pub fn stream_body(events: u32) -> Vec<u8> {
    let mut all: Vec<u8> = (0..events).flat_map(|n| event(n, events).into_bytes()).collect();
    all.extend_from_slice(DONE.as_bytes());
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn request_and_answer_are_json_of_about_a_kilobyte() {
        for dialect in [Dialect::Chat, Dialect::Messages] {
            let request = request(dialect, TOKEN, None);
            let at = memchr::memmem::find(&request, b"\r\n\r\n").unwrap() + 4;
            let body = request.get(at..).unwrap();
            assert!((900..1200).contains(&body.len()), "{}", body.len());
            let json: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert_eq!(json.get("model").unwrap(), MODEL);
        }
        let answer = completion();
        assert!((900..1200).contains(&answer.len()), "{}", answer.len());
        serde_json::from_slice::<serde_json::Value>(&answer).unwrap();
    }

    #[test]
    fn every_event_is_json_and_the_last_one_tells_why_it_ended() {
        let text = String::from_utf8(stream_body(3)).unwrap();
        let events: Vec<&str> = text.split_terminator("\n\n").collect();
        assert_eq!(events.len(), 4);
        for event in events.iter().take(3) {
            let data = event.strip_prefix("data: ").unwrap();
            serde_json::from_str::<serde_json::Value>(data).unwrap();
        }
        assert!(events.get(2).unwrap().contains(r#""finish_reason":"stop""#));
        assert_eq!(events.get(3).unwrap(), &"data: [DONE]");
    }
}
