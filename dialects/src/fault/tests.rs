use super::*;

#[test]
fn the_status_alone_decides_most() {
    for (status, fault) in [
        (400, Fault::Client),
        (401, Fault::Key),
        (402, Fault::Credit),
        (403, Fault::Key),
        (404, Fault::NotServed),
        (405, Fault::NotServed),
        (408, Fault::Upstream),
        (409, Fault::Client),
        (413, Fault::Client),
        (422, Fault::Client),
        (429, Fault::RateLimited),
        (500, Fault::Upstream),
        (501, Fault::NotServed),
        (502, Fault::Upstream),
        (503, Fault::Upstream),
        (504, Fault::Upstream),
        (529, Fault::Upstream),
        (307, Fault::Upstream),
        (101, Fault::Upstream),
    ] {
        assert_eq!(judge(status, b""), fault, "{status}");
        assert_eq!(judge(status, b"{}"), fault, "{status}");
    }
}

#[test]
fn the_body_changes_what_a_status_means() {
    for (status, body, fault) in [
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"}]}}]"#,
            Fault::Key,
        ),
        (
            400,
            r#"{"code":"invalid-argument","error":"Incorrect API key provided. You can obtain an API key from https://console.x.ai."}"#,
            Fault::Key,
        ),
        (400, r#"{"code":"invalid-argument","error":"Model not found: grok-none"}"#, Fault::ModelMissing),
        (400, r#"{"message":"The provided model identifier is invalid."}"#, Fault::ModelMissing),
        (404, r#"{"message":"This model version has reached the end of its life."}"#, Fault::ModelMissing),
        (400, r#"{"error":{"code":"model_decommissioned","message":"gone"}}"#, Fault::ModelMissing),
        (400, r#"{"error":{"code":400,"message":"openai/gpt-none is not a valid model ID"}}"#, Fault::ModelMissing),
        (
            400,
            r#"{"error":{"code":"context_length_exceeded","message":"This model's maximum context length is 8192 tokens"}}"#,
            Fault::Client,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Fault::Credit,
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#,
            Fault::Client,
        ),
        (
            403,
            r#"{"code":"c","error":"Your team 1234 has either used all available credits or reached its limit."}"#,
            Fault::Credit,
        ),
        (403, "<html>blocked</html>", Fault::Upstream),
        (
            404,
            r#"{"error":{"code":"model_not_found","message":"The model `x` does not exist or you do not have access to it."}}"#,
            Fault::ModelMissing,
        ),
        (404, r#"{"error":{"message":"model 'x' not found","type":"api_error"}}"#, Fault::ModelMissing),
        (404, r#"{"error":"Specified model not found: x. Did you mean: y?"}"#, Fault::ModelMissing),
        (404, r#"{"detail":"Not Found"}"#, Fault::NotServed),
        (
            404,
            r#"{"error":{"message":"Previous response with id 'resp_1' not found.","code":"previous_response_not_found","type":"invalid_request_error"}}"#,
            Fault::Client,
        ),
        (413, r#"{"error":{"code":"rate_limit_exceeded","message":"Request too large for model"}}"#, Fault::NotServed),
        (
            429,
            r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
            Fault::Credit,
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan","status":"RESOURCE_EXHAUSTED"}}]"#,
            Fault::RateLimited,
        ),
        (200, r#"{"error":{"code":502,"message":"Provider returned error"}}"#, Fault::Upstream),
        (200, r#"{"error":{"code":429,"message":"slow down"}}"#, Fault::RateLimited),
        (200, r#"{"error":{"code":400,"message":"Token limit reached"}}"#, Fault::Client),
        (200, r#"{"error":{"type":"server_error","message":"x"}}"#, Fault::Upstream),
        (200, r#"{"error":{"code":200,"message":"odd"}}"#, Fault::Upstream),
    ] {
        assert_eq!(judge(status, body.as_bytes()), fault, "{status} {body}");
    }
}

#[test]
fn a_client_cannot_talk_a_key_out_of_service() {
    for text in [
        "Invalid value: 'Incorrect API key provided'",
        "Unknown role: API key not valid",
        "bad 'Your credit balance is too low'",
    ] {
        let body = format!(r#"{{"error":{{"message":"{text}","type":"invalid_request_error"}}}}"#);
        assert_eq!(judge(400, body.as_bytes()), Fault::Client, "{text}");
    }
}

#[test]
fn hostile_bodies_are_judged_by_their_status() {
    let deep = "[".repeat(100_000);
    assert_eq!(judge(400, deep.as_bytes()), Fault::Client);
    let deep = "[".repeat(60_000);
    assert_eq!(judge(429, deep.as_bytes()), Fault::RateLimited);
    assert_eq!(judge(500, b"\xff\xfe\x00"), Fault::Upstream);
    assert_eq!(judge(404, br#"{"error":{"message":7,"code":{"a":1}}}"#), Fault::NotServed);
}
