//! Which parameter is to blame for a body that does not fit: the member of the top in which the reader stopped.

use crate::json::scan::Scan;

/// The names that clients are told; whatever else a member is called, is text of the client's.
const PARAMS: [&str; 44] = [
    "model",
    "messages",
    "input",
    "contents",
    "system",
    "instructions",
    "systemInstruction",
    "tools",
    "tool_choice",
    "toolConfig",
    "functions",
    "parallel_tool_calls",
    "response_format",
    "text",
    "output_config",
    "generationConfig",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "n",
    "stop",
    "stop_sequences",
    "thinking",
    "reasoning",
    "reasoning_effort",
    "verbosity",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "service_tier",
    "store",
    "prompt_cache_key",
    "cache_control",
    "previous_response_id",
];

/// The parameter of this name.
pub fn named(key: &[u8]) -> Option<&'static str> {
    PARAMS.into_iter().find(|param| param.as_bytes() == key)
}

/// The parameter in which this position lies; None where its name is none of ours, or the body too odd to be walked.
pub fn param(body: &[u8], (line, column): (usize, usize)) -> Option<&'static str> {
    let before =
        body.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum::<usize>();
    let at = before.saturating_add(column);
    let mut scan = Scan::new(body);
    let mut more = scan.open()?;
    while more {
        let key = scan.key()?;
        let value = scan.value()?;
        let end = (value.as_ptr() as usize).saturating_sub(body.as_ptr() as usize) + value.len();
        if at <= end {
            return named(key);
        }
        more = scan.more()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::Wire;
    use crate::translate::{Hints, read};

    #[test]
    fn the_parameter_of_the_wrong_value_is_named() {
        for (wire, body, param) in [
            (Wire::Chat, "{\"model\":\"m\",\n \"temperature\": \"hot\",\"messages\":[]}", Some("temperature")),
            (Wire::Chat, r#"{"model":"m","messages":[{"role":7}],"n":1}"#, Some("messages")),
            (Wire::Messages, r#"{"stream":"yes","model":"m"}"#, Some("stream")),
            (Wire::Messages, r#"{"model":"m","max_tokens":"many","messages":[]}"#, Some("max_tokens")),
            (Wire::Chat, "[]", None),
            (Wire::Chat, "{", None),
        ] {
            let bad = read(wire, body.as_bytes(), &Hints::default()).unwrap_err();
            assert_eq!(bad.param, param, "{body} {}", bad.text());
            assert!(!bad.text().contains("hot"));
        }
    }
}
