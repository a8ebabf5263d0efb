use super::*;

fn model(body: &str) -> String {
    parse(body.as_bytes()).unwrap().model.into_owned()
}

fn error(body: &[u8]) -> EnvelopeError {
    parse(body).unwrap_err()
}

#[test]
fn what_matters_is_found_and_the_rest_skipped() {
    let body = br#" {"messages":[{"role":"user","content":"{\"model\":\"no\"}"}],"model" : "gpt-4.1","stream":true,"store":true,
        "stream_options":{"include_usage":true},"max_tokens":10,"max_completion_tokens":20,"x":{"model":"inner"}} "#;
    let envelope = parse(body).unwrap();
    assert_eq!(envelope.model, "gpt-4.1");
    assert!(matches!(envelope.model, Cow::Borrowed(_)));
    assert_eq!(&body[envelope.model_span.clone()], b"\"gpt-4.1\"");
    assert!(envelope.stream && envelope.store == Some(true) && envelope.include_usage);
    assert_eq!(envelope.max_tokens, Some(20));
    assert!(envelope.edits("gpt-4.1", true).is_empty());
}

#[test]
fn escapes_in_keys_and_names_are_understood() {
    assert_eq!(model(r#"{"mod\u0065l":"a\/b\u0041"}"#), "a/bA");
    assert_eq!(error(br#"{"model":"a","mod\u0065l":"b"}"#), EnvelopeError::DuplicateModel);
    assert_eq!(model("{\"model\":\"mod\u{e8}le\"}"), "mod\u{e8}le");
    // Whether such a name may shape anything is asked elsewhere.
    assert_eq!(model(r#"{"model":"a\u0000\r\nb"}"#), "a\0\r\nb");
}

#[test]
fn what_is_wrong_is_told_without_the_body() {
    for (body, want, param) in [
        (&b""[..], EnvelopeError::Empty, None),
        (b" \n", EnvelopeError::Empty, None),
        (b"[]", EnvelopeError::NotAnObject, None),
        (b"\"secret\"", EnvelopeError::NotAnObject, None),
        (b"7", EnvelopeError::NotAnObject, None),
        (b"{}", EnvelopeError::NoModel, Some("model")),
        (b"{\"model\":null}", EnvelopeError::ModelNotAString, Some("model")),
        (b"{\"model\":7}", EnvelopeError::ModelNotAString, Some("model")),
        (b"{\"model\":[\"a\"]}", EnvelopeError::ModelNotAString, Some("model")),
        (b"{\"model\":\"\"}", EnvelopeError::EmptyModel, Some("model")),
        (b"{\"model\":\"a\",\"model\":\"a\"}", EnvelopeError::DuplicateModel, Some("model")),
        (b"{\"model\":\"a\",\"stream\":\"yes\"}", EnvelopeError::StreamNotABoolean, Some("stream")),
        (b"{\"model\":\"a\",\"stream\":1}", EnvelopeError::StreamNotABoolean, Some("stream")),
    ] {
        assert_eq!(error(body), want, "{}", String::from_utf8_lossy(body));
        assert_eq!(want.param(), param);
        assert!(!want.message().contains("secret"));
    }
    for body in [
        &b"{"[..],
        b"hello",
        b"{\"model\":\"a\"",
        b"{\"model\":\"a\",}",
        b"{\"model\":\"a\"} x",
        b"{\"model\":\"a\"}{}",
        b"{'model':'a'}",
        b"\xEF\xBB\xBF{\"model\":\"a\"}",
        b"{\"model\":\"\xff\"}",
        b"{\"model\":\"a\nb\"}",
        b"{\"model\":\"\\x\"}",
        b"{\"model\":\"a\",\"x\":[1,}",
    ] {
        assert!(matches!(error(body), EnvelopeError::NotJson { .. }), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(error(b"{\"model\":\"a\",\n  x}").message(), "The request body is not valid JSON (line 2, column 3).");
}

#[test]
fn hints_of_a_wrong_type_are_left_to_the_upstream() {
    let envelope = parse(
        br#"{"model":"a","stream":null,"store":"yes","max_tokens":-1,"max_output_tokens":1.5,"stream_options":7}"#,
    )
    .unwrap();
    assert!(!envelope.stream && envelope.store.is_none() && !envelope.include_usage);
    assert_eq!(envelope.max_tokens, None);
    assert!(envelope.edits("a", true).is_empty());
}

#[test]
fn keys_that_differ_in_case_alone_are_duplicates() {
    for body in [
        r#"{"model":"a","Model":"b"}"#,
        r#"{"MODEL":"b","messages":[],"model":"a"}"#,
        r#"{"model":"a","\u004dodel":"b"}"#,
        r#"{"model":"a","mod\u0045l":"b","x":1}"#,
        r#"{"model":"a","mOdEl":null}"#,
        r#"{"model":"a","é":1,"modeL":"b"}"#,
        r#"{"model":"a","max_tokens":1.5,"Model":"b"}"#,
    ] {
        assert_eq!(error(body.as_bytes()), EnvelopeError::DuplicateModel, "{body}");
    }
    for body in [
        r#"{"model":"a","stream":true,"stream":false}"#,
        r#"{"model":"a","stream":true,"Stream":false}"#,
        r#"{"model":"a","STREAM":1,"stream":true}"#,
        r#"{"model":"a","stream":true,"str\u0065am":true}"#,
        "{\"model\":\"a\",\"stream\":true,\"\u{17f}tream\":false}",
    ] {
        assert_eq!(error(body.as_bytes()), EnvelopeError::DuplicateStream, "{body}");
    }
    assert_eq!(error(br#"{"Model":"a"}"#), EnvelopeError::NoModel);
    // One that only others know is theirs to read.
    for body in [r#"{"model":"a","Stream":true}"#, r#"{"model":"a","models":["b"],"mode":"c","mödel":"d"}"#] {
        assert_eq!((model(body).as_str(), parse(body.as_bytes()).unwrap().stream), ("a", false), "{body}");
    }
}

#[test]
fn nesting_of_any_depth_is_skipped() {
    for depth in [100_000, 1_000_000] {
        let body = format!(r#"{{"model":"a","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(model(&body), "a");
        let open = format!(r#"{{"model":"a","x":{}"#, "[".repeat(depth));
        assert!(matches!(error(open.as_bytes()), EnvelopeError::NotJson { .. }));
        let objects = format!(r#"{{"model":"a","x":{}1{}}}"#, "{\"a\":".repeat(depth), "}".repeat(depth));
        assert_eq!(model(&objects), "a");
    }
    let deep = format!(
        r#"{{"stream_options":{}{},"stream":true,"model":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000),
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(error(deep.as_bytes()), EnvelopeError::ModelNotAString);
}

#[test]
fn edits_change_only_what_must_differ() {
    for (body, want) in [
        (r#"{"model":"a","stream":true}"#, r#"{"stream_options":{"include_usage":true},"model":"b\"","stream":true}"#),
        (
            r#" { "stream":true,"stream_options":null,"model":"a"}"#,
            r#" { "stream":true,"stream_options":{"include_usage":true},"model":"b\""}"#,
        ),
        (
            r#"{"model":"a","stream_options": { } ,"stream":true}"#,
            r#"{"model":"b\"","stream_options": {"include_usage":true } ,"stream":true}"#,
        ),
        (
            r#"{"model":"a","stream_options":{"x":1},"stream":true}"#,
            r#"{"model":"b\"","stream_options":{"include_usage":true,"x":1},"stream":true}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":false,"x":1},"stream":true,"model":"a"}"#,
            r#"{"stream_options":{"include_usage":true,"x":1},"stream":true,"model":"b\""}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":null},"stream":true,"model":"a"}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"b\""}"#,
        ),
        (
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"a"}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true,"model":"b\""}"#,
        ),
        (r#"{"model":"a","stream":false}"#, r#"{"model":"b\"","stream":false}"#),
    ] {
        let envelope = parse(body.as_bytes()).unwrap();
        let edits = envelope.edits("b\"", true);
        let edited = edits.apply(body.as_bytes());
        assert_eq!(String::from_utf8(edited.clone()).unwrap(), want);
        assert_eq!(edits.edited_len(body.len()), want.len());
        assert!(edits.iter().map(|edit| edit.at.start).is_sorted());
        // Applied once, there is nothing left to do.
        assert!(parse(&edited).unwrap().edits("b\"", true).is_empty());
    }
}

#[test]
fn a_model_is_put_in_where_there_is_none_and_takes_the_place_of_another() {
    for (body, want) in [
        ("{}", r#"{"model":"a/\"b"}"#),
        (" {\n} ", " {\"model\":\"a/\\\"b\"\n} "),
        (r#"{"input":"{"}"#, r#"{"model":"a/\"b","input":"{"}"#),
        (r#"{"x":1,"model":"c"}"#, r#"{"x":1,"model":"a/\"b"}"#),
        (r#"{"model":"a/\"b"}"#, r#"{"model":"a/\"b"}"#),
    ] {
        let named = naming(body.as_bytes(), "a/\"b").unwrap();
        assert_eq!(String::from_utf8(named.clone()).unwrap(), want);
        assert_eq!(parse(&named).unwrap().model, "a/\"b");
    }
    for (body, error) in [
        ("", EnvelopeError::Empty),
        ("[]", EnvelopeError::NotAnObject),
        (r#"{"model":null}"#, EnvelopeError::ModelNotAString),
        (r#"{"model":""}"#, EnvelopeError::EmptyModel),
        (r#"{"model":"a","model":"b"}"#, EnvelopeError::DuplicateModel),
    ] {
        assert_eq!(naming(body.as_bytes(), "m"), Err(error), "{body}");
    }
    assert!(matches!(naming(b"{\"x\":", "m"), Err(EnvelopeError::NotJson { .. })));
}
