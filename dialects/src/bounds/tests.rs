use super::*;

fn chat(content: &str) -> Vec<u8> {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{content}]}}]}}"#).into_bytes()
}

fn many(element: &str, count: usize) -> String {
    vec![element; count].join(",")
}

#[test]
fn what_is_refused_is_named_with_its_limit() {
    let refused = |body: &[u8]| request(Wire::Chat, body).unwrap_err();
    let parts = refused(&chat(&many("{}", 5_000_000)));
    assert_eq!((parts.what, parts.param), ("parts", Some("messages")));
    assert!(parts.limit > 100_000, "{parts:?}");
    assert!(parts.text().contains(&parts.limit.to_string()));
    let tools = format!(r#"{{"model":"m","tools":[{}]}}"#, many("{}", 1_000_000));
    let tools = refused(tools.as_bytes());
    assert_eq!((tools.what, tools.param), ("tools", Some("tools")));
    let members: Vec<_> = (0..1_000_000).map(|n| format!("\"{n}\":1")).collect();
    assert_eq!(refused(format!("{{{}}}", members.join(",")).as_bytes()).what, "members");
}

#[test]
fn the_limit_that_is_told_is_less_than_what_came() {
    let turn = [
        r#"{"role":"user","content":"what is it?"}"#,
        r#"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        r#"{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"one line \n"}]}"#,
    ];
    let of = |count: usize| {
        let body = format!(r#"{{"model":"m","messages":[{}]}}"#, many(&turn.join(","), count));
        request(Wire::Chat, body.as_bytes())
    };
    let refused = of(20_000).unwrap_err();
    assert_eq!((refused.what, refused.param), ("calls", Some("messages")));
    assert!((3_000..20_000).contains(&refused.limit), "{refused:?}");
    assert!(of(refused.limit).is_ok(), "{refused:?}");
}

#[test]
fn a_name_that_is_known_elsewhere_or_comes_again_is_counted_too() {
    let count = 1_000_000;
    let part = format!("{{{}}}", many(r#""url":1"#, count));
    let refused = request(Wire::Chat, &chat(&part)).unwrap_err();
    assert_eq!((refused.what, refused.param), ("members", Some("messages")));
    assert!(refused.limit < count, "{refused:?}");
    // One of Gemini's tools for each.
    let tools = format!(r#"{{"contents":[],"tools":[{{{}}}]}}"#, many(r#""codeExecution":{}"#, 100_000));
    assert_eq!(request(Wire::Gemini, tools.as_bytes()).unwrap_err().what, "tools");
}

#[test]
fn a_schema_that_may_be_built_is_counted() {
    let of = |bytes: usize| {
        let members = many("\"\":1", bytes / 5);
        let body = format!(r#"{{"model":"m","tools":[{{"function":{{"name":"f","parameters":{{{members}}}}}}}]}}"#);
        request(Wire::Chat, body.as_bytes()).unwrap() - body.len()
    };
    assert!(of(100_000) > 3_000_000);
    assert!(of(LONGEST_SCHEMA + 100) < 2 * LONGEST_SCHEMA, "one that nobody builds");
}

#[test]
fn what_anybody_sends_is_taken() {
    let message = r#"{"role":"user","content":[{"type":"text","text":"a line or two of what somebody said\n"}]}"#;
    for count in [1, 1_000, 15_000] {
        let body = format!(r#"{{"model":"m","messages":[{}]}}"#, many(message, count));
        let held = request(Wire::Messages, body.as_bytes()).unwrap();
        assert!(held >= body.len() && held <= allowed(body.len()), "{count}: {held}");
    }
    // Long texts, schemas and arguments of any shape.
    let text = format!(r#"{{"type":"text","text":"{}"}}"#, "a\\n".repeat(5_000_000));
    assert!(request(Wire::Chat, &chat(&text)).is_ok());
    let schema = format!(r#"{{"tools":[{{"name":"f","input_schema":{{"enum":[{}]}}}}]}}"#, many("{}", 1_000_000));
    assert!(request(Wire::Messages, schema.as_bytes()).is_ok());
    let input = format!(r#"{{"type":"tool_use","input":{{"content":[{}]}}}}"#, many("{}", 1_000_000));
    assert!(request(Wire::Messages, &chat(&input)).is_ok());
}

#[test]
fn no_key_is_hidden_by_escapes() {
    let body = String::from_utf8(chat(&many("{}", 1_000_000))).unwrap().replace("content", "c\\u006Fnt\\u0065nt");
    assert_eq!(request(Wire::Chat, body.as_bytes()).unwrap_err().what, "parts");
}

#[test]
fn nothing_is_too_odd() {
    for body in [
        "",
        "{",
        "[",
        "{\"",
        "{\"a",
        "{\"a\\",
        "{\"messages\":[}",
        "]",
        "{\"messages\":[{\"content\":",
        "{]}[",
        "\"\\u00",
    ] {
        let _ = request(Wire::Chat, body.as_bytes());
        let _ = answer(Wire::Gemini, format!("[{body}").as_bytes());
    }
}

#[test]
fn the_most_frequent_things_are_small() {
    use crate::conversation::{Message, Part};
    assert!(size_of::<Part<'_>>() <= 112, "{}", size_of::<Part<'_>>());
    assert!(size_of::<Message<'_>>() <= 80, "{}", size_of::<Message<'_>>());
}
