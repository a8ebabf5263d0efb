//! Half of an answer is none, however orderly HTTP has ended it.

use super::*;
use crate::watch::whole::HOLD;

const CHAT: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi } ]","tool_calls":[{"id":"t","function":{"name":"f","arguments":"{\"a\":{}}"}}],"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":0}},"system_fingerprint":"f"}"#;
const USAGE_FIRST: &str =
    r#"{"usage":{"prompt_tokens":1,"total_tokens":2},"choices":[{"message":{"content":"hi"},"x":{"y":[{}]}}]}"#;
const ODD: &str =
    r#"{"choices":[{"logprobs":NaN,"message":{"content":"hi","a":[{}]}}],"usage":{"total_tokens":1},"x":{}}"#;
const RESPONSE: &str = r#"{"id":"r","status":"completed","error":null,"output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
const MESSAGE: &str = r#"{"id":"m","type":"message","content":[{"type":"tool_use","input":{"a":{}}}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
const GENERATED: &str = r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}"#;
const VECTORS: &str = r#"{"object":"list","data":[{"index":0,"embedding":[0.5]},{"index":1,"embedding":[0.5]}],"usage":{"prompt_tokens":1}}"#;
const RANKS: &str = r#"[{"index":0,"score":1},{"index":1,"score":[1]}]"#;

/// Watched in pieces of so many bytes, up to its end: whether it commits, and how it ends.
fn watch(endpoint: Endpoint, document: &str, size: usize) -> (bool, Result<(), Cut>) {
    let mut watch = Watch::new(endpoint, "application/json", false);
    let content = document.as_bytes().chunks(size).fold(false, |_, piece| watch.push(piece).content);
    (content, watch.end(true))
}

#[test]
fn a_document_that_is_cut_at_any_byte_is_not_whole() {
    for (endpoint, document) in [
        (Endpoint::Chat, CHAT),
        (Endpoint::Chat, USAGE_FIRST),
        (Endpoint::Completions, CHAT),
        (Endpoint::Chat, ODD),
        (Endpoint::Responses, RESPONSE),
        (Endpoint::Messages, MESSAGE),
        (Endpoint::GenerateContent, GENERATED),
        (Endpoint::Embeddings, VECTORS),
        (Endpoint::Rerank, RANKS),
    ] {
        for (size, cut) in [1, 7, 1_000].into_iter().flat_map(|size| (1..document.len()).map(move |cut| (size, cut))) {
            let cut = &document[..cut];
            assert_eq!(watch(endpoint, cut, size), (false, Err(Cut::NoTerminal)), "{size}: {cut}");
        }
        for size in [1, 7, 1_000] {
            assert_eq!(watch(endpoint, document, size), (true, Ok(())), "{size}: {document}");
            assert_eq!(watch(endpoint, &format!(" {document}\r\n"), size), (true, Ok(())), "{size}: {document}");
        }
    }
    for nothing in [r#"{"a":{}"#, r#"{"error":{"message":"m"}"#, r#"{"detail":{"a":[{}]}"#] {
        for endpoint in [Endpoint::Chat, Endpoint::Responses, Endpoint::Messages, Endpoint::GenerateContent] {
            assert_eq!(watch(endpoint, nothing, 1_000), (false, Err(Cut::NoTerminal)), "{nothing}");
        }
    }
}

#[test]
fn a_long_document_that_is_cut_is_not_whole_though_it_has_committed() {
    let text = r#"a \"long\" text, with {brackets and \\"#.repeat(600);
    let numbers = "-0.012345678,".repeat(2_000);
    for (endpoint, document) in [
        (Endpoint::Chat, CHAT.replace("hi", &text)),
        (Endpoint::Chat, CHAT.replacen("c1", &text, 1)),
        (Endpoint::Messages, MESSAGE.replace("{\"a\"", &format!("{{\"b\":\"{text}\",\"a\""))),
        (Endpoint::Embeddings, VECTORS.replacen("[0.5", &format!("[{numbers}0.5"), 1)),
    ] {
        assert!(document.len() > HOLD);
        for size in [700, 16_000, 100_000] {
            assert_eq!(watch(endpoint, &document, size), (true, Ok(())), "{size}");
            let ends = document.match_indices(['}', ']']).map(|(at, _)| at + 1);
            for cut in ends.filter(|cut| *cut < document.len()) {
                assert_eq!(watch(endpoint, &document[..cut], size).1, Err(Cut::NoTerminal), "{size} {cut}");
            }
        }
    }
}
