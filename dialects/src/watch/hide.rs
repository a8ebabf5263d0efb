//! Secrets in what an upstream says in its own words, and not the model: errors, comments, why it ended.
//!
//! Always: an event that holds nothing of that passes byte for byte, whatever it holds.

use std::borrow::Cow;

use super::array::Array;
use super::bounds::Bounds;
use super::elements::{Elements, bare};
use super::sse::Sse;
use super::{Mode, Seen, Watch};
use crate::mask;

/// What an event is, as far as it is to be searched.
enum Words {
    None,
    /// The upstream's own, beside what is content: only what is known to be secret goes.
    Some,
    Error,
}

impl Watch {
    /// Takes these secrets out of the events that go out after the last chunk, as far as they hold the upstream's own
    /// words, and what looks like a secret out of those that tell an error.
    pub fn hide_in_words<'a>(&self, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        let passed = match &self.mode {
            Mode::Sse(sse) => sse.passed(),
            Mode::Array(array) => array.passed(),
            Mode::Json(_) | Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => 0,
        };
        // The rest of an event beyond the bound is none that could be looked at.
        let (passed, whole) = events.split_at_checked(passed).unwrap_or((events, &[]));
        match self.hide_in_whole(whole, secrets) {
            Cow::Borrowed(_) => Cow::Borrowed(events),
            Cow::Owned(hidden) => Cow::Owned([passed, &hidden].concat()),
        }
    }

    fn hide_in_whole<'a>(&self, events: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
        let words = |seen: &Seen, words| match seen.failed {
            Some(_) => Words::Error,
            None if words => Words::Some,
            None => Words::None,
        };
        match self.mode {
            _ if !self.has_words() => Cow::Borrowed(events),
            Mode::Sse(_) => {
                let mut bounds = Bounds::default();
                let holds = |event: &[u8]| {
                    let mut sse = Sse::new(self.endpoint);
                    words(&sse.push(event), sse.words())
                };
                hide(events, secrets, |rest| bounds.find(rest).map(|bound| bound.end), holds)
            }
            Mode::Array(_) => {
                let begins = events.trim_ascii_start().first() == Some(&b'[');
                let mut elements = if begins { Elements::default() } else { Elements::between() };
                let holds = |element: &[u8]| {
                    let mut array = Array::new(self.endpoint);
                    array.push(b"[");
                    words(&array.push(bare(element)), array.words())
                };
                hide(events, secrets, |rest| elements.find(rest).map(|bound| bound.end), holds)
            }
            // What is content of it nobody can tell from here: only what is known to be secret goes.
            Mode::Json(_) => mask::hide(events, secrets),
            Mode::Opaque { .. } | Mode::Blank { .. } | Mode::Foreign(_) => Cow::Borrowed(events),
        }
    }
}

/// Takes them out of the events, each of which ends where `find` says, that hold words.
fn hide<'a>(
    events: &'a [u8],
    secrets: &[&str],
    mut find: impl FnMut(&[u8]) -> Option<usize>,
    holds: impl Fn(&[u8]) -> Words,
) -> Cow<'a, [u8]> {
    let (mut out, mut rest) = (Vec::new(), events);
    let mut is_changed = false;
    let mut take = |event, words| {
        let hidden = match words {
            Words::Error => mask::hide_all(event, secrets),
            Words::Some => mask::hide(event, secrets),
            Words::None => Cow::Borrowed(event),
        };
        is_changed |= matches!(hidden, Cow::Owned(_));
        out.extend_from_slice(&hidden);
    };
    while let Some(end) = find(rest) {
        let (event, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        take(event, holds(event));
        rest = after;
    }
    if !rest.is_empty() {
        // The last one of all may lack its end.
        take(rest, holds(&[rest, b"\n\n"].concat()));
    }
    if is_changed { Cow::Owned(out) } else { Cow::Borrowed(events) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    fn hidden(watch: &Watch, events: &str) -> String {
        String::from_utf8(watch.hide_in_words(events.as_bytes(), &["Key0123456789"]).into_owned()).unwrap()
    }

    #[test]
    fn what_an_upstream_says_itself_and_nothing_else() {
        let mut watch = Watch::new(Endpoint::Chat, "text/event-stream", false);
        let told = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789 org-abcdefgh\"}}]}\n\ndata: {\"error\":{\"message\":\"for Key0123456789 of org-abcdefgh\"}}\r\n\r\n: said Key0123456789 of org-abcdefgh\n\n";
        watch.push(told.as_bytes());
        let want = told.replace("for Key0123456789 of org-abcdefgh", "for *** of ***");
        assert_eq!(hidden(&watch, told), want.replace("said Key0123456789", "said ***"));
        let honest = "data: {\"choices\":[{\"delta\":{\"content\":\"Key0123456789\"}}]}\n\n";
        assert!(matches!(watch.hide_in_words(honest.as_bytes(), &["Key0123456789"]), Cow::Borrowed(_)));
        let mut watch = Watch::new(Endpoint::GenerateContent, "application/json", false);
        let told = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Key0123456789\"}]}}]},\r\n{\"error\":{\"message\":\"for Key0123456789\"}}]";
        watch.push(told.as_bytes());
        for events in [told, &told[told.find(",\r\n").unwrap()..]] {
            assert_eq!(hidden(&watch, events), events.replace("for Key0123456789", "for ***"));
        }
        let document = Watch::new(Endpoint::Chat, "application/json", false);
        assert_eq!(hidden(&document, told), told);
    }

    #[test]
    fn geminis_reasons_tell_no_secret() {
        let content = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Key0123456789\"}]}}]}";
        for words in [
            "{\"candidates\":[{\"finishReason\":\"OTHER\",\"finishMessage\":\"for Key0123456789 of org-abcdefgh\"}]}",
            "{\"promptFeedback\":{\"blockReason\":\"OTHER\",\"blockReasonMessage\":\"for Key0123456789\"}}",
        ] {
            let content = if words.contains("block") { "" } else { content };
            let comma = if content.is_empty() { "" } else { "," };
            let (array, data) = ("application/json", "text/event-stream");
            for (label, content, words) in [
                (array, format!("[{content}"), format!("{comma}{words}]")),
                (
                    data,
                    if content.is_empty() { String::new() } else { format!("data: {content}\n\n") },
                    format!("data: {words}\n\n"),
                ),
            ] {
                let mut watch = Watch::new(Endpoint::GenerateContent, label, false);
                for (piece, want) in [(&content, content.clone()), (&words, words.replace("Key0123456789", "***"))] {
                    watch.push(piece.as_bytes());
                    assert_eq!(hidden(&watch, piece), want);
                }
            }
        }
    }

    /// As the relay does it: what may go out of each chunk, and whether it ends with that.
    fn relayed(endpoint: Endpoint, content_type: &str, text: &str, size: usize) -> (String, bool) {
        let mut watch = Watch::new(endpoint, content_type, false);
        let (mut out, mut held) = (String::new(), String::new());
        for chunk in text.as_bytes().chunks(size) {
            let seen = watch.push(chunk);
            let (goes, stays) = chunk.split_at(seen.upto);
            held.push_str(std::str::from_utf8(goes).unwrap());
            if !goes.is_empty() {
                out.push_str(&hidden(&watch, &std::mem::take(&mut held)));
            }
            if seen.cut {
                assert!(seen.failed.is_some());
                return (out, true);
            }
            held.push_str(std::str::from_utf8(stays).unwrap());
        }
        (out + &held, false)
    }

    #[test]
    fn a_long_event_passes_as_it_is_or_ends_the_answer_where_it_tells_an_error() {
        let x = "x".repeat(100_000);
        let content = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let honest = content("hi")
            + &content(&format!("Key0123456789 {x} Key0123456789 org-abcdefgh"))
            + &content("Key0123456789");
        let error = format!("data: {{\"error\":{{\"message\":\"Key0123456789 {x} Key0123456789\"}}}}\n\n");
        let late = format!("data: {{\"text\":\"{x}\",\"error\":{{\"message\":\"Key0123456789\"}}}}\n\n");
        let sse = "text/event-stream";
        for size in [1_000_000, 70_000, 4_096, 77] {
            assert!(relayed(Endpoint::Chat, sse, &honest, size) == (honest.clone(), false), "{size}");
            for error in [&error, &late] {
                let (out, is_cut) = relayed(Endpoint::Chat, sse, &(honest.clone() + error), size);
                let rest = out.strip_prefix(&honest).unwrap();
                assert_eq!(is_cut, size < 10_000 || size == 70_000 && is_cut, "what came whole can be masked");
                assert!(!rest.contains("Key"), "{size}: {}", &rest[..rest.len().min(100)]);
                assert!(rest.is_empty() || error == &late || !is_cut, "{size}: nothing of it goes out");
            }
        }
        let element = |text: &str, x: &str| {
            format!(
                "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"args\":{{\"error\":{{\"a\":1}},\"text\":\"{text}\",\"x\":\"{x}\"}}}}}}]}}}}]}}"
            )
        };
        let honest =
            format!("[{},\r\n{},\r\n{}", element("hi", ""), element("sk-learn", &x), element("Key0123456789", ""));
        let error = format!(",\r\n{{\"error\":{{\"message\":\"Key0123456789 {x}\"}}}}]");
        let array = "application/json";
        for size in [1_000_000, 70_000, 4_096] {
            let all = honest.clone() + "]";
            let (out, is_cut) = relayed(Endpoint::GenerateContent, array, &all, size);
            assert!(out == all && !is_cut, "{size}: {} of {} bytes, {is_cut}", out.len(), all.len());
            let (out, _) = relayed(Endpoint::GenerateContent, array, &(honest.clone() + &error), size);
            let rest = out.strip_prefix(&honest).unwrap();
            assert!(!rest.contains("Key"), "{size}");
        }
    }

    #[test]
    fn a_responses_last_event_is_masked_whole() {
        let x = "x".repeat(100_000);
        let first =
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n";
        let failed = format!(
            "event: response.failed\ndata: {{\"type\":\"response.failed\",\"response\":{{\"tools\":\"{x}\",\"error\":{{\"code\":\"server_error\",\"message\":\"for Key0123456789\"}}}}}}\n\n"
        );
        let all = first.to_owned() + &failed;
        for size in [1_000_000, 4_096] {
            let (out, is_cut) = relayed(Endpoint::Responses, "text/event-stream", &all, size);
            assert!(!is_cut && out == all.replace("for Key0123456789", "for ***"), "{size}");
        }
    }

    #[test]
    fn what_is_no_content_is_looked_through_in_whatever_shape() {
        let (sse, json) = ("text/event-stream", "application/json");
        let chat = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n";
        let typed =
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n";
        let messages = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n";
        let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\n\n";
        for (endpoint, first, told) in [
            (Endpoint::Chat, chat, r#"{"choices":null,"base_resp":{"status_code":1004,"status_msg":"K"}}"#),
            (Endpoint::Chat, chat, r#"{"choices":[],"base_resp":{"status_code":1004,"status_msg":"K"}}"#),
            (Endpoint::Chat, chat, r#"{"result":null,"success":false,"errors":[{"code":10000,"message":"K"}]}"#),
            (Endpoint::Chat, chat, r#"{"fault":{"faultstring":"K"}}"#),
            (Endpoint::Chat, chat, r#"{"title":"K"}"#),
            (Endpoint::Chat, chat, r#"{"choices":[],"x_groq":{"error":"K"}}"#),
            (Endpoint::Chat, chat, r#"{"choices":[{"index":0,"delta":{"error":"K"}}]}"#),
            (Endpoint::Responses, typed, r#"{"type":"response.in_progress","response":{"error":{"message":"K"}}}"#),
            (Endpoint::Responses, typed, r#"{"type":"response.mcp_call.failed","item":{"error":"K"}}"#),
            (
                Endpoint::Responses,
                typed,
                r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"K"}}}"#,
            ),
            (Endpoint::Responses, typed, r#"{"errors":[{"message":"K"}]}"#),
            (Endpoint::Messages, messages, r#"{"type":"message_delta","delta":{"stop_details":{"explanation":"K"}}}"#),
            (Endpoint::Messages, messages, r#"{"errors":[{"message":"K"}]}"#),
            (
                Endpoint::GenerateContent,
                gemini,
                r#"{"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"K"}}"#,
            ),
            (Endpoint::GenerateContent, gemini, r#"{"errors":[{"message":"K"}]}"#),
        ] {
            let told = format!("data: {}\n\n", told.replace('K', "for Key0123456789"));
            for size in [1_000_000, 7] {
                let (out, _) = relayed(endpoint, sse, &(first.to_owned() + &told), size);
                assert!(out.starts_with(first) && !out.contains("Key"), "{endpoint:?} {size}: {out}");
            }
        }
        for (endpoint, told) in [
            (Endpoint::GenerateContent, r#"{"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"for K"}}"#),
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishMessage":"for K"}]}"#,
            ),
            (Endpoint::Messages, r#"{"type":"message","content":[],"stop_details":{"explanation":"for K"}}"#),
            (Endpoint::Responses, r#"{"output":[{"type":"mcp_call","error":"for K"}],"error":null}"#),
            (Endpoint::Responses, r#"{"output":[],"incomplete_details":{"reason":"for K"}}"#),
        ] {
            let told = told.replace('K', "Key0123456789");
            let (out, is_cut) = relayed(endpoint, json, &told, 1_000_000);
            assert_eq!((out, is_cut), (told.replace("Key0123456789", "***"), false), "{endpoint:?}");
        }
        for (endpoint, honest) in [
            (
                Endpoint::GenerateContent,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"userMessage":"Key0123456789","error":1}}}]}}]}"#,
            ),
            (
                Endpoint::Messages,
                r#"{"type":"message","content":[{"type":"tool_use","input":{"error":"Key0123456789"}}],"stop_details":null}"#,
            ),
            (
                Endpoint::Responses,
                r#"{"output":[{"type":"message","content":[{"text":"Key0123456789"}]}],"error":null,"incomplete_details":null}"#,
            ),
        ] {
            assert_eq!(relayed(endpoint, json, honest, 1_000_000), (honest.to_owned(), false), "{endpoint:?}");
        }
    }
}
