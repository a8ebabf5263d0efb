use serde_json::{Value, json};

use super::*;
use crate::Usage;
use crate::translate::{Hints, Malformed};

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn an_openai_request_becomes_a_batch() {
    let body = br#"{"model":"e","input":["a","b\n"],"dimensions":2,"encoding_format":"base64","user":"u"}"#;
    let ask = read_openai(body).unwrap();
    assert!(ask.packed && ask.lost.names().eq(["user"]));
    assert_eq!(
        value(&write_gemini(&ask, "gemini-embedding-001", Method::Batch).unwrap()),
        json!({"requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 2},
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "b\n"}]}, "outputDimensionality": 2},
        ]})
    );
    assert!(write_gemini(&ask, "m", Method::One).is_err());
    let one = read_openai(br#"{"model":"e","input":"a"}"#).unwrap();
    assert_eq!(value(&write_gemini(&one, "m", Method::One).unwrap()), json!({"content": {"parts": [{"text": "a"}]}}));
}

#[test]
fn what_cannot_be_embedded_is_refused() {
    for input in ["[1,2]", "[[1,2],[3]]", "[]", "{}", "null", "7", "[\"a\",1]"] {
        let body = format!(r#"{{"model":"e","input":{input}}}"#);
        assert!(read_openai(body.as_bytes()).is_err(), "{input}");
    }
    let hints = Hints { model: Some("m"), stream: None };
    for body in [
        r#"{"requests":[]}"#,
        r#"{"requests":[{"content":{"parts":[{"inlineData":{}}]}}]}"#,
        r#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"a"}]},"outputDimensionality":3}]}"#,
        r#"{"requests":[{"content":{"parts":[]}}]}"#,
    ] {
        assert!(read_gemini(body.as_bytes(), Method::Batch, &hints).is_err(), "{body}");
    }
}

#[test]
fn a_gemini_request_becomes_openais() {
    let hints = Hints { model: Some("m"), stream: None };
    let body = br#"{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"},{"text":"b"}]},"taskType":"X","output_dimensionality":"8"},{"content":{"role":"user","parts":[{"text":"c"}]},"outputDimensionality":8}]}"#;
    let ask = read_gemini(body, Method::Batch, &hints).unwrap();
    assert!(ask.lost.names().eq(["unknown_fields"]));
    assert_eq!(
        value(&write_openai(&ask, "up")),
        json!({"model": "up", "input": ["a\nb", "c"], "dimensions": 8, "encoding_format": "float"})
    );
    let one = read_gemini(br#"{"content":{"parts":[{"text":"a"}]}}"#, Method::One, &hints).unwrap();
    assert_eq!(value(&write_openai(&one, "up")), json!({"model": "up", "input": "a", "encoding_format": "float"}));
}

#[test]
fn vectors_keep_their_numbers_packed_or_not() {
    let mut ask = read_openai(br#"{"model":"e","input":["a","b"]}"#).unwrap();
    let body = br#"{"embeddings":[{"values":[0.5, -1e-3]},{"values":[2,3]}],"usageMetadata":{"promptTokenCount":4}}"#;
    let vectors = read_gemini_answer(body).unwrap();
    let usage = vectors.usage.unwrap();
    assert_eq!((vectors.len(), usage.input), (2, 4));
    let plain = write_openai_answer(&vectors, ask.shape(), "e", usage).unwrap();
    assert_eq!(
        value(&plain),
        json!({"object": "list", "model": "e", "usage": {"prompt_tokens": 4, "total_tokens": 4}, "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1e-3]},
            {"object": "embedding", "index": 1, "embedding": [2, 3]},
        ]})
    );
    ask.packed = true;
    let packed = write_openai_answer(&vectors, ask.shape(), "e", usage).unwrap();
    assert_eq!(value(&packed)["data"][1]["embedding"], "AAAAQAAAQEA=");

    // And back, from both forms.
    let hints = Hints { model: Some("m"), stream: None };
    let two = br#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]}}]}"#;
    let ask = read_gemini(two, Method::Batch, &hints).unwrap();
    for body in [&plain, &packed] {
        let back = value(&write_gemini_answer(&read_openai_answer(body).unwrap(), ask.shape()).unwrap());
        assert_eq!(back["embeddings"][1]["values"], if *body == plain { json!([2, 3]) } else { json!([2.0, 3.0]) });
        assert_eq!(back["usageMetadata"]["promptTokenCount"], 4);
    }
    let one = read_gemini(br#"{"content":{"parts":[{"text":"a"}]}}"#, Method::One, &hints).unwrap();
    let body = br#"{"data":[{"index":0,"embedding":[0.5,-1e-3]}]}"#;
    let back = value(&write_gemini_answer(&read_openai_answer(body).unwrap(), one.shape()).unwrap());
    assert_eq!(back["embedding"]["values"], json!([0.5, -1e-3]));
    // As many vectors as were asked for, or none.
    assert!(write_gemini_answer(&read_openai_answer(&plain).unwrap(), one.shape()).is_err());
}

#[test]
fn what_is_no_answer_is_told() {
    assert!(matches!(read_gemini_answer(b"{}"), Err(Malformed::Foreign)));
    assert!(matches!(read_gemini_answer(br#"{"error":{"message":"no"}}"#), Err(Malformed::Failed(_))));
    assert!(matches!(read_openai_answer(br#"{"error":{"message":"no"}}"#), Err(Malformed::Failed(_))));
    assert!(matches!(read_openai_answer(br#"{"data":[{}]}"#), Err(Malformed::Foreign)));
    let ask = read_openai(br#"{"model":"e","input":"a"}"#).unwrap();
    for embedding in ["\"AAA\"", "\"!\"", "\"AAAAQAA=\""] {
        let body = format!(r#"{{"data":[{{"embedding":{embedding}}}]}}"#);
        let vectors = read_openai_answer(body.as_bytes()).unwrap();
        assert!(write_openai_answer(&vectors, ask.shape(), "e", Usage::default()).is_err());
        assert!(write_gemini_answer(&vectors, ask.shape()).is_err());
    }
}
