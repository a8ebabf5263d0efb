//! Bodies of few bytes an element, and of other shapes that cost a translation most.

use dialects::Wire;

/// As many of `unit` as come to `size` bytes.
fn fill(size: usize, unit: &str) -> String {
    let count = (size / (unit.len() + 1)).max(1);
    let mut all = String::with_capacity(count * (unit.len() + 1));
    for n in 0..count {
        if n > 0 {
            all.push(',');
        }
        all.push_str(unit);
    }
    all
}

/// The same, each with its number in the place of `@`.
fn number(size: usize, unit: &str) -> String {
    let count = (size / (unit.len() + 6)).max(1);
    (0..count).map(|n| unit.replace('@', &n.to_string())).collect::<Vec<_>>().join(",")
}

fn text(size: usize, unit: &str) -> String {
    unit.repeat(size / unit.len())
}

type Shape = (Wire, &'static str, Vec<u8>);

fn wrap(from: Wire, name: &'static str, before: &str, inside: &str, after: &str) -> Shape {
    (from, name, format!("{before}{inside}{after}").into_bytes())
}

/// A tool whose schema is nested so deep, of objects and lists in turn.
pub fn schema(from: Wire, depth: usize, size: usize) -> Vec<u8> {
    let level = |nth: usize| match nth % 2 {
        0 => (r#"{"type":"OBJECT","properties":{"a":"#, "}}"),
        _ => (r#"{"type":"ARRAY","items":"#, "}"),
    };
    let (before, after): (String, String) =
        ((0..depth).map(|nth| level(nth).0).collect(), (0..depth).rev().map(|nth| level(nth).1).collect());
    let schema = format!(r#"{before}{{"type":"STRING","enum":[{}]}}{after}"#, fill(size, r#""a""#));
    let lower = || schema.replace("OBJECT", "object").replace("ARRAY", "array").replace("STRING", "string");
    let request = match from {
        Wire::Gemini => {
            format!(r#"{{"contents":[],"tools":[{{"functionDeclarations":[{{"name":"f","parameters":{schema}}}]}}]}}"#)
        }
        _ => format!(
            r#"{{"model":"m","messages":[],"tools":[{{"type":"function","function":{{"name":"f","parameters":{}}}}}]}}"#,
            lower()
        ),
    };
    request.into_bytes()
}

pub fn requests(size: usize) -> Vec<Shape> {
    use Wire::{Chat, Gemini, Messages, Responses};
    let chat = (r#"{"model":"m","messages":[{"role":"user","content":["#, "]}]}");
    let messages = (r#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":["#, "]}]}");
    let responses = (r#"{"model":"m","input":[{"role":"user","content":["#, "]}]}");
    let gemini = (r#"{"contents":[{"role":"user","parts":["#, "]}]}");
    let assistant = (r#"{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":["#, "]}]}");
    let mut all = Vec::new();
    for (from, (before, after)) in [(Chat, chat), (Messages, messages), (Responses, responses), (Gemini, gemini)] {
        all.push(wrap(from, "parts {}", before, &fill(size, "{}"), after));
        all.push(wrap(from, "parts text", before, &fill(size, r#"{"type":"text","text":"x"}"#), after));
        all.push(wrap(from, "one text", before, &format!(r#"{{"type":"text","text":"{}"}}"#, text(size, "x")), after));
        all.push(wrap(
            from,
            "one text of escapes",
            before,
            &format!(r#"{{"type":"text","text":"{}"}}"#, text(size, "\\\"")),
            after,
        ));
        all.push(wrap(
            from,
            "one text of controls",
            before,
            &format!(r#"{{"type":"text","text":"{}"}}"#, text(size, "\\b")),
            after,
        ));
        all.push(wrap(
            from,
            "one text of lines",
            before,
            &format!(r#"{{"type":"text","text":"{}"}}"#, text(size, "a line of some words\\n")),
            after,
        ));
        all.push(wrap(
            from,
            "texts of lines",
            before,
            &fill(size, &format!(r#"{{"type":"text","text":"{}"}}"#, text(5_000, "a line of some words\\n"))),
            after,
        ));
        all.push(wrap(
            from,
            "nesting",
            before,
            &format!(r#"{{"x":{}{}}}"#, "[".repeat(size / 2), "]".repeat(size / 2)),
            after,
        ));
        let few = format!(r#"{{"text":"{}","id":1,"url":1,"name":1}}"#, text(70, "x"));
        all.push(wrap(from, "parts with members of others", before, &fill(size, &few), after));
        all.push(wrap(
            from,
            "a part with one name many times",
            before,
            &format!("{{{}}}", fill(size, r#""id":1"#)),
            after,
        ));
        let members: String = number(size, r#""@":1"#);
        all.push(wrap(from, "members of a part", before, &format!("{{{members}}}"), after));
        all.push(wrap(from, "members", &format!("{{{members},{}", &before[1..]), "", after));
    }
    for from in [Chat, Messages] {
        all.push(wrap(
            from,
            "messages",
            r#"{"model":"m","max_tokens":9,"messages":["#,
            &fill(size, r#"{"role":"user","content":"x"}"#),
            "]}",
        ));
        all.push(wrap(
            from,
            "empty messages",
            r#"{"model":"m","max_tokens":9,"messages":["#,
            &fill(size, r#"{"role":"user","content":[]}"#),
            "]}",
        ));
        all.push(wrap(from, "tools", r#"{"model":"m","messages":[],"tools":["#, &fill(size, "{}"), "]}"));
        all.push(wrap(
            from,
            "stop",
            r#"{"model":"m","messages":[],"stop_sequences":["a"],"stop":["#,
            &fill(size, r#""""#),
            "]}",
        ));
    }
    all.push(wrap(
        Chat,
        "named tools",
        r#"{"model":"m","messages":[],"tools":["#,
        &number(size, r#"{"type":"function","function":{"name":"@"}}"#),
        "]}",
    ));
    all.push(wrap(
        Messages,
        "named tools",
        r#"{"model":"m","messages":[],"tools":["#,
        &number(size, r##"{"name":"@","input_schema":{}}"##),
        "]}",
    ));
    all.push(wrap(Messages, "a schema", r#"{"model":"m","messages":[],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"enum":["#, &fill(size, r#""a""#), "]}}}}]}"));
    all.push(wrap(
        Gemini,
        "a schema",
        r#"{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"#,
        &number(size, r#""@":{"type":"STRING"}"#),
        "}}}]}]}",
    ));
    for depth in [3, 31] {
        all.push((Gemini, "a deep schema", schema(Gemini, depth, size)));
        all.push((Chat, "a deep schema", schema(Chat, depth, size)));
    }
    all.push(wrap(
        Chat,
        "calls",
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":["#,
        &number(size, r##"{"id":"@","type":"function","function":{"name":"f","arguments":"{}"}}"##),
        "]}]}",
    ));
    all.push(wrap(
        Chat,
        "empty calls",
        r#"{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":["#,
        &fill(size, "{}"),
        "]}]}",
    ));
    all.push(wrap(
        Chat,
        "results",
        r#"{"model":"m","messages":["#,
        &number(size, r##"{"role":"tool","tool_call_id":"@","content":""}"##),
        "]}",
    ));
    all.push(wrap(
        Messages,
        "calls",
        assistant.0,
        &number(size, r##"{"type":"tool_use","id":"@","name":"f","input":{}}"##),
        assistant.1,
    ));
    all.push(wrap(
        Messages,
        "one call",
        assistant.0,
        &format!(r#"{{"type":"tool_use","id":"c","name":"f","input":{{"a":[{}]}}}}"#, fill(size, r#""""#)),
        assistant.1,
    ));
    all.push(wrap(
        Chat,
        "one call",
        r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":""#,
        &format!(r#"{{\"a\":[{}]}}"#, fill(size, r#"\"\""#)),
        r#""}}]}]}"#,
    ));
    all.push(wrap(
        Messages,
        "thoughts",
        assistant.0,
        &fill(size, r#"{"type":"thinking","thinking":"x","signature":"y"}"#),
        assistant.1,
    ));
    all.push(wrap(
        Messages,
        "results",
        messages.0,
        &number(size, r##"{"type":"tool_result","tool_use_id":"@","content":""}"##),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "parts of a result",
        messages.0,
        &format!(
            r#"{{"type":"tool_result","tool_use_id":"c","content":[{}]}}"#,
            fill(size, r#"{"type":"text","text":"x"}"#)
        ),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "citations",
        assistant.0,
        &format!(r#"{{"type":"text","text":"x","citations":[{}]}}"#, fill(size, "{}")),
        assistant.1,
    ));
    all.push(wrap(
        Messages,
        "system",
        r#"{"model":"m","max_tokens":9,"messages":[],"system":["#,
        &fill(size, r#"{"type":"text","text":"x"}"#),
        "]}",
    ));
    all.push(wrap(
        Messages,
        "an image",
        messages.0,
        &format!(
            r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{}"}}}}"#,
            text(size, "QUJD")
        ),
        messages.1,
    ));
    all.push(wrap(
        Chat,
        "an image",
        chat.0,
        &format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}"#, text(size, "QUJD")),
        chat.1,
    ));
    all.push(wrap(
        Chat,
        "an image with escapes",
        chat.0,
        &format!(r#"{{"type":"image_url","image_url":{{"url":"data:image\/png;base64,{}"}}}}"#, text(size, "QUJD")),
        chat.1,
    ));
    all.push(wrap(
        Gemini,
        "an image",
        gemini.0,
        &format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{}"}}}}"#, text(size, "QUJD")),
        gemini.1,
    ));
    all.push(wrap(
        Gemini,
        "images",
        gemini.0,
        &fill(size, r#"{"inlineData":{"mimeType":"image/png","data":"QUJD"}}"#),
        gemini.1,
    ));
    all.push(wrap(
        Gemini,
        "calls",
        r#"{"contents":[{"role":"model","parts":["#,
        &fill(size, r#"{"functionCall":{"name":"f","args":{}}}"#),
        "]}]}",
    ));
    all.push(wrap(Gemini, "contents", r#"{"contents":["#, &fill(size, r#"{"parts":[{"text":"x"}]}"#), "]}"));
    all.push(wrap(Gemini, "empty contents", r#"{"contents":["#, &fill(size, "{}"), "]}"));
    all.push(wrap(
        Gemini,
        "declarations",
        r#"{"contents":[],"tools":[{"functionDeclarations":["#,
        &fill(size, "{}"),
        "]}]}",
    ));
    all.push(wrap(Gemini, "tools", r#"{"contents":[],"tools":["#, &fill(size, "{}"), "]}"));
    all.push(wrap(
        Gemini,
        "response",
        r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{"output":{"#,
        &number(size, r#""@":1"#),
        "}}}}]}]}",
    ));
    all.push(wrap(
        Gemini,
        "members of a response",
        r#"{"contents":[{"parts":[{"functionResponse":{"name":"f","response":{"#,
        &number(size, r#""@":1"#),
        "}}}]}]}",
    ));
    all.push(wrap(
        Responses,
        "items",
        r#"{"model":"m","input":["#,
        &fill(size, r#"{"role":"user","content":"x"}"#),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "assistant's items",
        r#"{"model":"m","input":["#,
        &fill(size, r#"{"role":"assistant","content":"x"}"#),
        "]}",
    ));
    all.push(wrap(Responses, "odd items", r#"{"model":"m","input":["#, &fill(size, r#"{"type":"x"}"#), "]}"));
    all.push(wrap(
        Responses,
        "calls",
        r#"{"model":"m","input":["#,
        &number(size, r##"{"type":"function_call","call_id":"@","name":"f","arguments":"{}"}"##),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "results",
        r#"{"model":"m","input":["#,
        &number(size, r##"{"type":"function_call_output","call_id":"@","output":""}"##),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "reasoning",
        r#"{"model":"m","input":["#,
        &fill(size, r#"{"type":"reasoning","summary":[{"type":"summary_text","text":"x"}],"encrypted_content":"y"}"#),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "a long summary",
        r#"{"model":"m","input":[{"type":"reasoning","summary":["#,
        &fill(size, r#"{"type":"summary_text","text":"x"}"#),
        "]}]}",
    ));
    all.push(wrap(
        Responses,
        "tools",
        r#"{"model":"m","input":"x","tools":["#,
        &fill(size, r#"{"type":"custom","name":"a"}"#),
        "]}",
    ));
    all.push(wrap(Responses, "an input", r#"{"model":"m","input":""#, &text(size, "x\\n"), r#""}"#));
    all
}

pub fn answers(size: usize) -> Vec<Shape> {
    use Wire::{Chat, Converse, Gemini, Messages, Responses};
    let chat = (r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":["#, "]}}]}");
    let messages = (r#"{"type":"message","role":"assistant","stop_reason":"end_turn","content":["#, "]}");
    let responses = (r#"{"status":"completed","output":[{"type":"message","role":"assistant","content":["#, "]}]}");
    let gemini = (r#"{"candidates":[{"finishReason":"STOP","content":{"role":"model","parts":["#, "]}}]}");
    let converse = (r#"{"stopReason":"end_turn","output":{"message":{"role":"assistant","content":["#, "]}}}");
    let mut all = Vec::new();
    for (from, kind, (before, after)) in [
        (Chat, "text", chat),
        (Messages, "text", messages),
        (Responses, "output_text", responses),
        (Gemini, "text", gemini),
        (Converse, "text", converse),
    ] {
        all.push(wrap(from, "parts {}", before, &fill(size, "{}"), after));
        all.push(wrap(from, "parts text", before, &fill(size, &format!(r#"{{"type":"{kind}","text":"x"}}"#)), after));
        all.push(wrap(from, "parts text alone", before, &fill(size, r#"{"text":"x"}"#), after));
        for (name, unit) in
            [("one text", "x"), ("one text of escapes", "\\\""), ("one text of lines", "a line of some words\\n")]
        {
            all.push(wrap(from, name, before, &format!(r#"{{"type":"{kind}","text":"{}"}}"#, text(size, unit)), after));
        }
        let members: String = number(size, r#""@":1"#);
        all.push(wrap(from, "members of a part", before, &format!("{{{members}}}"), after));
        all.push(wrap(from, "members", &format!("{{{members},{}", &before[1..]), "", after));
    }
    all.push(wrap(Chat, "choices", r#"{"choices":["#, &fill(size, "{}"), "]}"));
    all.push(wrap(Chat, "calls", r#"{"choices":[{"message":{"tool_calls":["#, &fill(size, "{}"), "]}}]}"));
    all.push(wrap(
        Chat,
        "annotations",
        r#"{"choices":[{"message":{"content":"x","annotations":["#,
        &fill(size, r#"{"type":"url_citation","url_citation":{"url":"x"}}"#),
        "]}}]}",
    ));
    all.push(wrap(
        Chat,
        "citations",
        r#"{"choices":[{"message":{"content":"x"}}],"citations":["#,
        &fill(size, r#""x""#),
        "]}",
    ));
    all.push(wrap(
        Chat,
        "images",
        r#"{"choices":[{"message":{"images":["#,
        &fill(size, r#"{"image_url":{"url":"x"}}"#),
        "]}}]}",
    ));
    all.push(wrap(
        Chat,
        "thoughts",
        r#"{"choices":[{"message":{"reasoning_details":["#,
        &fill(size, r#"{"text":"x","signature":"y"}"#),
        "]}}]}",
    ));
    all.push(wrap(
        Messages,
        "a thought",
        messages.0,
        &format!(r#"{{"type":"thinking","thinking":"{}","signature":"x"}}"#, text(size, "a line of some words\\n")),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "a signature",
        messages.0,
        &format!(r#"{{"type":"thinking","thinking":"","signature":"{}"}}"#, text(size, "QUJD")),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "thoughts",
        messages.0,
        &fill(size, r#"{"type":"thinking","thinking":"x","signature":"y"}"#),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "calls",
        messages.0,
        &number(size, r##"{"type":"tool_use","id":"@","name":"f","input":{}}"##),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "one call",
        messages.0,
        &format!(r#"{{"type":"tool_use","id":"c","name":"f","input":{{"a":[{}]}}}}"#, fill(size, r#""""#)),
        messages.1,
    ));
    all.push(wrap(
        Messages,
        "citations",
        messages.0,
        &format!(r#"{{"type":"text","text":"x","citations":[{}]}}"#, fill(size, r#"{"url":"x"}"#)),
        messages.1,
    ));
    all.push(wrap(Responses, "items", r#"{"status":"completed","output":["#, &fill(size, "{}"), "]}"));
    all.push(wrap(
        Responses,
        "messages",
        r#"{"status":"completed","output":["#,
        &fill(size, r#"{"type":"message","content":[{"type":"output_text","text":"x"}]}"#),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "reasoning",
        r#"{"status":"completed","output":["#,
        &fill(size, r#"{"type":"reasoning","summary":[]}"#),
        "]}",
    ));
    all.push(wrap(
        Responses,
        "calls",
        r#"{"status":"completed","output":["#,
        &number(size, r##"{"type":"function_call","call_id":"@","name":"f","arguments":""}"##),
        "]}",
    ));
    all.push(wrap(Responses, "annotations", r#"{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"x","annotations":["#, &fill(size, r#"{"type":"url_citation","url":"x"}"#), "]}]}]}"));
    all.push(wrap(Gemini, "pieces", "[", &fill(size, r#"{"candidates":[{"content":{"parts":[{"text":"x"}]}}]}"#), "]"));
    all.push(wrap(Gemini, "candidates", r#"{"candidates":["#, &fill(size, "{}"), "]}"));
    all.push(wrap(Gemini, "calls", gemini.0, &fill(size, r#"{"functionCall":{"name":"f"}}"#), gemini.1));
    all.push(wrap(
        Gemini,
        "an image",
        gemini.0,
        &format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{}"}}}}"#, text(size, "QUJD")),
        gemini.1,
    ));
    all.push(wrap(
        Gemini,
        "sources",
        r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"groundingMetadata":{"groundingChunks":["#,
        &fill(size, r#"{"web":{"uri":"x"}}"#),
        "]}}]}",
    ));
    all.push(wrap(Gemini, "supports", r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"groundingMetadata":{"groundingChunks":[{"web":{"uri":"x"}}],"groundingSupports":["#, &fill(size, r#"{"groundingChunkIndices":[0]}"#), "]}}]}"));
    all.push(wrap(
        Converse,
        "cited",
        converse.0,
        &format!(
            r#"{{"citationsContent":{{"content":[{{"text":"x"}}],"citations":[{}]}}}}"#,
            fill(size, r#"{"title":"x"}"#)
        ),
        converse.1,
    ));
    all
}

/// One event of a stream.
pub fn events(size: usize) -> Vec<Shape> {
    let sse = |shape: Shape| (shape.0, shape.1, [b"data: ", &*shape.2, b"\n\n"].concat());
    let mut all: Vec<Shape> = answers(size).into_iter().filter(|shape| shape.0 == Wire::Gemini).map(sse).collect();
    let delta = (r#"{"choices":[{"index":0,"delta":{"#, "}}]}");
    for (name, member, unit) in [
        ("calls", "tool_calls", "{}"),
        ("named calls", "tool_calls", r#"{"function":{"name":"f","arguments":"{}"}}"#),
        ("parts", "content", r#"{"text":"x"}"#),
        ("details", "reasoning_details", r#"{"text":"x","signature":"y"}"#),
        ("annotations", "annotations", r#"{"type":"url_citation","url_citation":{"url":"x"}}"#),
        ("images", "images", r#"{"image_url":{"url":"x"}}"#),
    ] {
        all.push(sse(wrap(Wire::Chat, name, delta.0, &format!(r#""{member}":[{}]"#, fill(size, unit)), delta.1)));
    }
    all.push(sse(wrap(
        Wire::Chat,
        "a text",
        delta.0,
        &format!(r#""content":"{}""#, text(size, "a line of words\\n")),
        delta.1,
    )));
    all.push(sse(wrap(
        Wire::Chat,
        "a thought",
        delta.0,
        &format!(r#""reasoning_content":"{}""#, text(size, "a line of words\\n")),
        delta.1,
    )));
    all.push(sse(wrap(Wire::Chat, "choices", r#"{"choices":["#, &fill(size, "{}"), "]}")));
    all.push(sse(wrap(
        Wire::Messages,
        "a block",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""#,
        &text(size, "a line of words\\n"),
        r#""}}"#,
    )));
    all.push(sse(wrap(
        Wire::Messages,
        "citations",
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"x","citations":["#,
        &fill(size, r#"{"url":"x"}"#),
        "]}}",
    )));
    all.push(sse(wrap(
        Wire::Responses,
        "an item",
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":["#,
        &fill(size, r#"{"type":"output_text","text":"x"}"#),
        "]}}",
    )));
    all.push(sse(wrap(
        Wire::Responses,
        "a response",
        r#"{"type":"response.completed","response":{"status":"completed","output":["#,
        &fill(size, r#"{"type":"message","content":[{"type":"output_text","text":"x"}]}"#),
        "]}}",
    )));
    all.push(sse(wrap(
        Wire::Responses,
        "a response of calls",
        r#"{"type":"response.completed","response":{"status":"completed","output":["#,
        &number(size, r##"{"type":"function_call","call_id":"@","name":"f","arguments":""}"##),
        "]}}",
    )));
    all
}

/// Streams of many events.
pub fn streams(size: usize) -> Vec<Shape> {
    let many = |from, name, units: &[&str]| {
        let unit: String = units.iter().map(|unit| format!("data: {unit}\n\n")).collect();
        let count = (size / unit.len()).max(1);
        (from, name, (0..count).map(|n| unit.replace('@', &n.to_string())).collect::<String>().into_bytes())
    };
    vec![
        many(Wire::Chat, "texts", &[r#"{"choices":[{"delta":{"content":"a"}}]}"#]),
        many(
            Wire::Chat,
            "texts and thoughts",
            &[r#"{"choices":[{"delta":{"content":"a"}}]}"#, r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#],
        ),
        many(
            Wire::Chat,
            "many calls",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":@,"id":"@","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            ],
        ),
        many(
            Wire::Chat,
            "pieces of a call",
            &[
                r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"0","function":{"name":"f","arguments":"["}}]}}]}"#,
            ],
        ),
        many(
            Wire::Chat,
            "many citations",
            &[
                r#"{"choices":[{"delta":{"content":"a","annotations":[{"type":"url_citation","url_citation":{"url":"@"}}]}}]}"#,
            ],
        ),
        many(
            Wire::Messages,
            "open blocks",
            &[r#"{"type":"content_block_start","index":@,"content_block":{"type":"text","text":"a"}}"#],
        ),
        many(
            Wire::Messages,
            "blocks",
            &[
                r#"{"type":"content_block_start","index":@,"content_block":{"type":"text","text":"a"}}"#,
                r#"{"type":"content_block_stop","index":@}"#,
            ],
        ),
        many(
            Wire::Messages,
            "open calls",
            &[
                r#"{"type":"content_block_start","index":@,"content_block":{"type":"tool_use","id":"@","name":"f","input":{}}}"#,
            ],
        ),
        many(Wire::Gemini, "texts", &[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#]),
        many(
            Wire::Gemini,
            "calls",
            &[r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}"#],
        ),
        many(
            Wire::Responses,
            "open items",
            &[r#"{"type":"response.output_item.added","output_index":@,"item":{"type":"message","id":"@"}}"#],
        ),
        many(
            Wire::Responses,
            "items",
            &[
                r#"{"type":"response.output_item.added","output_index":@,"item":{"type":"message","id":"@"}}"#,
                r#"{"type":"response.output_text.delta","output_index":@,"content_index":0,"delta":"a"}"#,
                r#"{"type":"response.output_item.done","output_index":@,"item":{"type":"message","id":"@","content":[]}}"#,
            ],
        ),
        many(
            Wire::Responses,
            "contents",
            &[r#"{"type":"response.output_text.delta","output_index":0,"content_index":@,"delta":"a"}"#],
        ),
        many(
            Wire::Responses,
            "summaries",
            &[r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":@,"delta":"a"}"#],
        ),
    ]
}
