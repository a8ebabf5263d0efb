//! What every answer must be, byte by byte.
//!
//! To a client of the upstream's own format it is what the upstream sends. To
//! one of another format it is the first answer that came, once that has been
//! read and says what the upstream said.

use serde_json::Value;

use super::{Connection, Load, Wrong};
use crate::wire::{self, Dialect};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Whole,
    /// So many events of the upstream.
    Stream(u32),
}

pub(super) async fn expected(load: &Load, request: &[u8], answer: Answer) -> Result<Vec<u8>, Wrong> {
    match (load.dialect, answer) {
        (Dialect::Chat, Answer::Whole) => Ok(wire::completion()),
        (Dialect::Chat, Answer::Stream(events)) => Ok(wire::stream_body(events)),
        (Dialect::Messages, _) => {
            let first = Connection::open(load.to).await?.learn(request).await?.to_vec();
            let right = match answer {
                Answer::Whole => message(&first).is_some_and(|text| text == wire::text()),
                Answer::Stream(events) => stream(&first).is_some_and(|text| text == wire::stream_text(events)),
            };
            if right { Ok(first) } else { Err(Wrong::Meaning) }
        }
    }
}

/// The text of a message that ended as it should.
fn message(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let ended = message.get("stop_reason")? == "end_turn" && message.pointer("/usage/output_tokens")? == 160;
    let text = message.pointer("/content/0/text")?.as_str()?;
    ended.then(|| text.to_owned())
}

/// The text of a streamed message that came to its end.
fn stream(body: &[u8]) -> Option<String> {
    let (mut text, mut last) = (String::new(), None);
    for data in std::str::from_utf8(body).ok()?.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(data).ok()?;
        if let Some(piece) = event.pointer("/delta/text") {
            text.push_str(piece.as_str()?);
        }
        last = Some(event);
    }
    (last?.get("type")? == "message_stop").then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_is_read_and_half_of_one_is_not() {
        let body =
            br#"{"content":[{"type":"text","text":"a b"}],"stop_reason":"end_turn","usage":{"output_tokens":160}}"#;
        assert_eq!(message(body).unwrap(), "a b");
        assert_eq!(message(body.get(..40).unwrap()), None);
    }

    #[test]
    fn a_stream_without_its_end_is_not_read() {
        let events = [r#"{"type":"content_block_delta","delta":{"text":" word0"}}"#, r#"{"type":"message_stop"}"#];
        let sse: String = events.map(|data| format!("event: x\ndata: {data}\n\n")).concat();
        assert_eq!(stream(sse.as_bytes()).unwrap(), wire::stream_text(2));
        assert_eq!(stream(sse.as_bytes().get(..80).unwrap()), None);
    }
}
