//! What a well-behaved OpenAI-speaking provider would say, for the servers that stop in the middle of it.

use std::fmt::Write as _;

/// The words that every canned answer holds, so that a test can look for them.
pub const WORDS: &str = "the quick brown fox";

/// A whole chat completion.
#[must_use]
pub fn chat() -> Vec<u8> {
    format!(
        r#"{{"id":"chatcmpl-canned","object":"chat.completion","created":1790000000,"model":"canned-model","choices":[{{"index":0,"message":{{"role":"assistant","content":"{WORDS}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}}}"#
    )
    .into_bytes()
}

/// The chat completion with the members of all other answers beside it.
#[must_use]
pub fn anything() -> Vec<u8> {
    const MEMBERS: &[u8] = br#"{"data":[],"results":[],"output":[],"content":[],"text":"","totalTokens":1,"#;
    [MEMBERS, chat().get(1..).unwrap_or_default()].concat()
}

/// One chunk of a chat stream, as a whole event.
#[must_use]
pub fn delta(text: &str) -> Vec<u8> {
    format!(
        "data: {{\"id\":\"chatcmpl-canned\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"canned-model\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
    .into_bytes()
}

/// The role-only chunk that opens a chat stream: no content yet.
#[must_use]
pub fn role() -> Vec<u8> {
    b"data: {\"id\":\"chatcmpl-canned\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"canned-model\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n".to_vec()
}

/// The chunk with the finish reason.
#[must_use]
pub fn finish() -> Vec<u8> {
    b"data: {\"id\":\"chatcmpl-canned\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"canned-model\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".to_vec()
}

/// The last chunk of a stream that was asked for usage.
#[must_use]
pub fn usage() -> Vec<u8> {
    b"data: {\"id\":\"chatcmpl-canned\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"canned-model\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n".to_vec()
}

/// The terminal event of chat and completions.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// A whole chat stream, one event a piece: role, `n` deltas, finish, usage, `[DONE]`.
#[must_use]
pub fn stream(n: usize) -> Vec<Vec<u8>> {
    let mut events = vec![role()];
    events.extend((0..n).map(|i| delta(&format!("word{i} "))));
    events.extend([finish(), usage(), DONE.to_vec()]);
    events
}

/// A whole responses stream, one event a piece.
#[must_use]
pub fn responses_stream(n: usize) -> Vec<Vec<u8>> {
    let mut sequence = 0..;
    let mut event = |kind: &str, rest: &str| {
        let number = sequence.next().unwrap_or_default();
        format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number}{rest}}}\n\n").into_bytes()
    };
    let bare = r#","response":{"id":"resp_canned","object":"response","created_at":1790000000,"status":"in_progress","model":"canned-model","output":[]}"#;
    let mut events = vec![event("response.created", bare), event("response.in_progress", bare)];
    for i in 0..n {
        let rest = format!(r#","item_id":"msg_1","output_index":0,"content_index":0,"delta":"word{i} ""#);
        events.push(event("response.output_text.delta", &rest));
    }
    let whole = r#","response":{"id":"resp_canned","object":"response","created_at":1790000000,"status":"completed","model":"canned-model","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"words","annotations":[]}]}],"usage":{"input_tokens":11,"input_tokens_details":{"cached_tokens":0},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":18}}"#;
    events.push(event("response.completed", whole));
    events
}

/// An OpenAI error body.
#[must_use]
pub fn error(message: &str, kind: &str, code: &str) -> Vec<u8> {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{code}"}}}}"#).into_bytes()
}

/// A response head with the given headers, each of them as `name: value`.
#[must_use]
pub fn head(status: u16, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for header in headers {
        let _ = write!(head, "{header}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// A JSON answer whole: head with its length, and body.
#[must_use]
pub fn json(status: u16, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    let mut all = vec!["content-type: application/json", length.as_str()];
    all.extend_from_slice(headers);
    let mut answer = head(status, &all);
    answer.extend_from_slice(body);
    answer
}

/// The head of a chunked event stream.
#[must_use]
pub fn sse_head() -> Vec<u8> {
    head(200, &["content-type: text/event-stream", "transfer-encoding: chunked"])
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Whatever",
    }
}
