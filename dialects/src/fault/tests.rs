use super::*;

#[test]
fn the_status_alone_decides_most() {
    for (status, fault) in [
        (400, Fault::Client),
        (401, Fault::Key),
        (402, Fault::Credit),
        (403, Fault::Forbidden),
        (404, Fault::NotServed),
        (405, Fault::NotServed),
        (410, Fault::NotServed),
        (407, Fault::Upstream),
        (408, Fault::Upstream),
        (424, Fault::Upstream),
        (425, Fault::Upstream),
        (498, Fault::Upstream),
        (499, Fault::Upstream),
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
        (403, "<html>blocked</html>", Fault::Forbidden),
        (
            404,
            r#"{"error":{"code":"model_not_found","message":"The model `x` does not exist or you do not have access to it."}}"#,
            Fault::ModelMissing,
        ),
        (404, r#"{"error":{"message":"model 'x' not found","type":"api_error"}}"#, Fault::ModelMissing),
        (404, r#"{"error":"Specified model not found: x. Did you mean: y?"}"#, Fault::ModelMissing),
        (404, r#"{"detail":"Not Found"}"#, Fault::NotServed),
        // llama.cpp's, of a path; Anthropic's, of a file.
        (404, r#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#, Fault::NotServed),
        (
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"File not found: file_1"}}"#,
            Fault::Client,
        ),
        (410, r#"{"error":{"message":"This endpoint is gone"}}"#, Fault::NotServed),
        (410, r#"{"error":{"message":"Previous response with id 'resp_1' is gone."}}"#, Fault::Client),
        (200, r#"{"error":"Unexpected endpoint or method. (POST /v1/rerank)"}"#, Fault::NotServed),
        (
            403,
            r#"{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 00:00:40."}"#,
            Fault::RateLimited,
        ),
        (498, r#"{"error":{"message":"Flex tier capacity exceeded","type":"capacity_exceeded"}}"#, Fault::Upstream),
        (498, r#"{"message":"the request contains a deny-listed token"}"#, Fault::Client),
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

fn google(message: &str, reason: &str) -> String {
    let details = match reason {
        "" => String::new(),
        reason => format!(r#","details":[{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{reason}"}}]"#),
    };
    format!(r#"{{"error":{{"code":403,"message":"{message}","status":"PERMISSION_DENIED"{details}}}}}"#)
}

#[test]
fn what_a_request_names_is_no_fault_of_the_key() {
    for message in [
        "CachedContent not found (or permission denied)",
        "You do not have permission to access the File abc123 or it may not exist.",
        "You do not have permission to access tunedModels/mine (or it may not exist).",
    ] {
        assert_eq!(judge(403, google(message, "").as_bytes()), Fault::Client, "{message}");
    }
    // Whose fault these are nobody knows, or it is this key's alone at this one thing.
    for (status, body) in [
        (403, google("The caller does not have permission", "")),
        (403, google("Permission 'aiplatform.endpoints.predict' denied on resource '//x' (or it may not exist).", "IAM_PERMISSION_DENIED")),
        (403, google("Permission denied on resource project somebody-elses.", "CONSUMER_INVALID")),
        (403, r#"{"error":{"code":"forbidden","message":"Forbidden","param":null,"type":"invalid_request_error"}}"#.to_owned()),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"You may not use this container"}}"#.to_owned()),
        (401, r#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: api.model.images.request","type":"invalid_request_error","code":null}}"#.to_owned()),
        // Of whom the provider asked in turn: it is another's key or account.
        (401, r#"{"error":{"code":401,"message":"Provider returned error","metadata":{"raw":"{}","provider_name":"Anthropic"}}}"#.to_owned()),
        (402, r#"{"error":{"code":402,"message":"Provider returned error","metadata":{"raw":"{}","provider_name":"X"}}}"#.to_owned()),
        (403, r#"{"error":{"code":403,"message":"Your API key is bad","metadata":{"provider_name":"X"}}}"#.to_owned()),
        (200, r#"{"error":{"code":401,"message":"Provider returned error","metadata":{"provider_name":"X"}}}"#.to_owned()),
        (401, r#"{"error":"Access to model x/y is restricted. You must have access to it and be authenticated to access it."}"#.to_owned()),
        // The project may be one that the request named.
        (403, google("Vertex AI API has not been used in project evil before or it is disabled.", "SERVICE_DISABLED")),
        (401, r#"{"error":{"message":"key not allowed to access model. Tried to access gpt-5","type":"key_model_access_denied","code":"401"}}"#.to_owned()),
        (401, r#"{"error":{"message":"User not allowed to access model. Only allowed models=['a']. Tried to access x","type":"user_model_access_denied","param":"model","code":"401"}}"#.to_owned()),
        (401, r#"{"error":{"message":"no","type":"key_vector_store_access_denied","code":"401"}}"#.to_owned()),
        (401, r#"{"error":{"message":"no","type":"tool_access_denied","code":"401"}}"#.to_owned()),
        (401, r#"{"error":{"message":"This API key does not have access to this model","code":"401"}}"#.to_owned()),
        (403, r#"{"error":{"message":"Your API key does not have access to model gpt-5","type":"permission_error"}}"#.to_owned()),
        (403, r#"{"error":{"message":"This API key is not allowed to access the model x","code":"forbidden"}}"#.to_owned()),
        (403, r#"{"error":{"message":"The API key is not authorized to access model x"}}"#.to_owned()),
        (400, r#"{"error":{"message":"Your API key is not allowed to use the tool web_search"}}"#.to_owned()),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}}"#.to_owned()),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"OAuth token does not meet scope requirement user:file_upload"}}"#.to_owned()),
        (403, r#"{"message":"User: arn:aws:iam::1:user/x is not authorized to perform: bedrock:InvokeModel on resource: arn:x"}"#.to_owned()),
    ] {
        assert_eq!(judge(status, body.as_bytes()), Fault::Forbidden, "{body}");
    }
}

#[test]
fn a_key_that_is_shut_out_says_so() {
    for (message, reason) in [
        ("Requests to this API generativelanguage.googleapis.com method x are blocked.", "API_KEY_SERVICE_BLOCKED"),
        ("Permission denied: Consumer 'api_key:x' has been suspended.", "CONSUMER_SUSPENDED"),
        ("This API method requires billing to be enabled.", "BILLING_DISABLED"),
        ("Your API key was reported as leaked. Please use another API key.", ""),
        ("Your project has been denied access. Please contact support.", ""),
        ("API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    ] {
        assert_eq!(judge(403, google(message, reason).as_bytes()), Fault::Key, "{message}");
    }
    for (status, body) in [
        (403, r#"{"code":"c","error":"API key is currently blocked: Blocked due to API key leak"}"#),
        (403, r#"{"error":{"message":"The API key you provided has been revoked"}}"#),
        (400, r#"{"error":{"message":"Your API key is disabled."}}"#),
        (403, r#"{"type":"error","error":{"type":"permission_error","message":"OAuth token has been revoked."}}"#),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"This organization has been disabled."}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Organization has been restricted.","type":"invalid_request_error","code":"organization_restricted"}}"#,
        ),
        (403, r#"{"message":"The security token included in the request is expired"}"#),
        (401, r#"{"error":{"message":"Missing Authentication header","code":401}}"#),
    ] {
        assert_eq!(judge(status, body.as_bytes()), Fault::Key, "{body}");
    }
}

#[test]
fn what_is_too_much_for_one_account_is_no_reason_to_rest_it() {
    for (status, body, fault) in [
        (
            429,
            r#"{"error":{"message":"Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 50000.","type":"tokens","code":"rate_limit_exceeded"}}"#,
            Fault::NotServed,
        ),
        (
            402,
            r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 1234.","code":402}}"#,
            Fault::NotServed,
        ),
        (402, r#"{"error":{"message":"Insufficient credits. Add more","code":402}}"#, Fault::Credit),
        (
            402,
            r#"{"error":{"message":"Prompt tokens limit exceeded: 64128 > 6964. To increase, visit https://x","code":402}}"#,
            Fault::NotServed,
        ),
        (200, r#"{"error":{"message":"Prompt tokens limit exceeded: 64128 > 6964.","code":402}}"#, Fault::NotServed),
        (
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Extra usage is required for long context requests."}}"#,
            Fault::NotServed,
        ),
        (
            403,
            r#"{"error":{"message":"Key limit exceeded (total limit). Manage it using https://x","code":403}}"#,
            Fault::Credit,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01."}}"#,
            Fault::Credit,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            Fault::NotServed,
        ),
        (
            403,
            r#"{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","type":"request_forbidden"}}"#,
            Fault::NotServed,
        ),
        (403, r#"{"message":"You don't have access to the model with the specified model ID."}"#, Fault::ModelMissing),
    ] {
        assert_eq!(judge(status, body.as_bytes()), fault, "{body}");
    }
}

/// OpenAI's `ResponseError`, and what its siblings are called.
#[test]
fn a_response_that_failed_says_by_its_code_whose_fault_it_is() {
    let fault = |code: &str| {
        let body = format!(
            r#"{{"type":"response.failed","response":{{"status":"failed","output":[],"error":{{"code":"{code}","message":"m"}}}}}}"#
        );
        judge_told(&Told::read(body.as_bytes()))
    };
    for code in [
        "invalid_prompt",
        "bio_policy",
        "cyber_policy",
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_content_policy_violation",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
        "context_length_exceeded",
        "previous_response_not_found",
        "invalid_function_parameters",
        "unsupported_value",
        "unknown_parameter",
        "missing_required_parameter",
        "array_above_max_length",
        "string_above_max_length",
        "integer_below_min_value",
        "file_not_found",
        "invalid_file",
        "failed_to_download_file",
        "data_too_large",
        "data_residency_mismatch",
    ] {
        assert_eq!(fault(code), Fault::Client, "{code}");
    }
    for code in [
        "server_error",
        "vector_store_timeout",
        "server_is_overloaded",
        "slow_down",
        "something_new",
        "invalid_response",
        "invalid_upstream_token",
        "",
    ] {
        assert_eq!(fault(code), Fault::Upstream, "{code}");
    }
    assert_eq!(fault("rate_limit_exceeded"), Fault::RateLimited);
    assert_eq!(fault("insufficient_quota"), Fault::Credit);
    assert_eq!(fault("invalid_api_key"), Fault::Key);
}

/// Anthropic's kinds, which inside a stream are all there is.
#[test]
fn a_kind_stands_for_its_status() {
    for (kind, message, fault, status) in [
        ("invalid_request_error", "x", Fault::Client, None),
        ("request_too_large", "x", Fault::Client, Some(413)),
        ("not_found_error", "File not found: file_1", Fault::Client, Some(404)),
        ("not_found_error", "model: claude-0", Fault::ModelMissing, Some(404)),
        ("not_found_error", "Not found", Fault::NotServed, Some(404)),
        ("permission_error", "x", Fault::Forbidden, Some(403)),
        ("authentication_error", "x", Fault::Key, Some(401)),
        ("billing_error", "x", Fault::Credit, Some(402)),
        ("rate_limit_error", "x", Fault::RateLimited, Some(429)),
        ("overloaded_error", "Overloaded", Fault::Upstream, Some(529)),
        ("timeout_error", "x", Fault::Upstream, Some(504)),
        ("api_error", "x", Fault::Upstream, None),
    ] {
        let body = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}}}}"#);
        let failure = crate::watch::Failure::read(body.as_bytes());
        assert_eq!((failure.fault, failure.status), (fault, status), "{kind}: {message}");
    }
}

#[test]
fn an_error_inside_a_200_says_when_to_come_back_if_it_is_about_that() {
    let wait = |error: &str| crate::watch::Failure::read(format!(r#"{{"error":{error}}}"#).as_bytes()).wait;
    for (error, ms) in [
        (r#"{"code":429,"message":"x","details":[{"retryDelay":"40s"}]}"#, Some(40_000)),
        (r#"{"code":429,"message":"x","retry_after":40}"#, Some(40_000)),
        (r#"{"code":429,"message":"x","metadata":{"headers":{"Retry-After":"40"}}}"#, Some(40_000)),
        (r#"{"type":"overloaded_error","message":"Please retry in 40s"}"#, Some(40_000)),
        (r#"{"code":429,"message":"cannot parse 'please wait 999 seconds'"}"#, None),
        // Not about that: whatever it says may be the client's words.
        (r#"{"type":"server_error","message":"cannot parse please wait 999 seconds"}"#, None),
        (r#"{"code":500,"message":"x","retry_after":40}"#, None),
        (r#"{"code":400,"message":"please wait 999 seconds"}"#, None),
    ] {
        assert_eq!(wait(error).retry_after_ms, ms, "{error}");
    }
    let day = r#"{"code":429,"message":"x","details":[{"violations":[{"quotaId":"RequestsPerDay"}]}]}"#;
    assert!(wait(day).day);
}

/// Its words name an address of the client's, and its status is one that Bedrock gives its own broken model.
#[test]
fn a_server_of_tools_that_the_request_names_is_the_clients() {
    let mcp = |kind: &str, code: &str, message: &str| {
        format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":"tools","code":"{code}"}}}}"#)
    };
    let words = "Error retrieving tool list from MCP server: 'wiki'. Http status code: 502 (Bad Gateway)";
    for (status, body, fault) in [
        (424, mcp("external_connector_error", "http_error", words), Fault::Client),
        (424, mcp("external_connector_error", "timeout", "The server did not answer"), Fault::Client),
        (200, mcp("external_connector_error", "http_error", words), Fault::Client),
        (200, format!(r#"{{"response":{{"status":"failed","error":{{"code":"http_error","message":"{words}"}}}}}}"#), Fault::Client),
        (424, mcp("server_error", "http_error", "The upstream broke"), Fault::Upstream),
        (200, mcp("server_error", "http_error", "The upstream broke"), Fault::Upstream),
        (
            424,
            r#"{"originalStatusCode":500,"resourceName":"r","message":"The request failed due to an error while processing the model."}"#.to_owned(),
            Fault::Upstream,
        ),
    ] {
        assert_eq!(judge(status, body.as_bytes()), fault, "{status} {body}");
    }
}

#[test]
fn an_account_that_is_empty_or_barred_is_not_the_requests_fault_whatever_its_status() {
    for (status, body, fault) in [
        (
            412,
            r#"{"error":{"object":"error","type":"error","code":"PRECONDITION_FAILED","message":"Account house-1 is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."}}"#,
            Fault::Credit,
        ),
        (412, r#"{"error":{"code":"PRECONDITION_FAILED","message":"Deployment is scaled to zero"}}"#, Fault::Client),
        (
            400,
            r#"{"error":{"message":"Budget has been exceeded! Tag=ours Current cost: 5.5, Max budget: 5.0","type":"budget_exceeded","param":null,"code":"400"}}"#,
            Fault::Client,
        ),
        (
            429,
            r#"{"error":{"message":"Budget has been exceeded! Tag=ours Current cost: 5.5, Max budget: 5.0","type":"budget_exceeded"}}"#,
            Fault::Client,
        ),
        (
            429,
            r#"{"error":{"message":"Budget has been exceeded! Model access group=large Current cost: 5.5","type":"budget_exceeded"}}"#,
            Fault::NotServed,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"Gemini API free tier is not available in your country. Please enable billing on your project in Google AI Studio.","status":"FAILED_PRECONDITION"}}"#,
            Fault::NotServed,
        ),
        (
            400,
            r#"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing.","request_id":"r"}"#,
            Fault::Credit,
        ),
        (
            400,
            r#"{"error":{"message":"Access denied, please make sure your account is in good standing. For details, see: x","type":"invalid_request_error"}}"#,
            Fault::Credit,
        ),
        (
            400,
            r#"{"error":{"message":"Budget has been exceeded! Current cost: 2.5, Max budget: 2.0","type":"budget_exceeded","param":null,"code":"400"}}"#,
            Fault::Credit,
        ),
        (403, r#"{"error":{"message":"m","type":"new_api_error","code":"insufficient_user_quota"}}"#, Fault::Credit),
        (403, r#"{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}"#, Fault::Credit),
        (403, r#"{"error":{"code":"AccountOverdueError","message":"m","type":"Forbidden"}}"#, Fault::Credit),
        (
            429,
            r#"{"error":{"message":"Your account org-1 <ak-1> is suspended, please check your plan and billing details","type":"exceeded_current_quota_error"}}"#,
            Fault::Credit,
        ),
        (403, r#"{"code":403,"reason":"NOT_ENOUGH_BALANCE","message":"m","metadata":{}}"#, Fault::Credit),
        (429, r#"{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}"#, Fault::Credit),
        (
            429,
            r#"{"error":{"code":"1113","message":"Insufficient balance or no resource package. Please recharge."}}"#,
            Fault::Credit,
        ),
        // What a client wrote, quoted.
        (
            400,
            r#"{"error":{"message":"Budget has been exceeded!: Extra inputs are not permitted","type":"invalid_request_error"}}"#,
            Fault::Client,
        ),
        (
            400,
            r#"{"error":{"message":"Account x is suspended: no such tool","type":"invalid_request_error"}}"#,
            Fault::Client,
        ),
    ] {
        assert_eq!(judge(status, body.as_bytes()), fault, "{status} {body}");
    }
}

/// MiniMax tells its errors under a 200, by numbers of its own.
#[test]
fn a_number_of_minimax_says_whose_fault_it_is() {
    for (code, fault) in [
        (1_000, Fault::Upstream),
        (1_002, Fault::RateLimited),
        (1_004, Fault::Key),
        (1_008, Fault::Credit),
        (1_026, Fault::Client),
        (1_039, Fault::RateLimited),
        (2_013, Fault::Client),
        (2_049, Fault::Key),
    ] {
        let body = format!(r#"{{"choices":null,"base_resp":{{"status_code":{code},"status_msg":"so it is"}}}}"#);
        let failure = crate::watch::Failure::read(body.as_bytes());
        assert_eq!((failure.fault, failure.message.as_str()), (fault, "so it is"), "{code}");
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
    // A message may begin with a name that the client chose.
    for name in ["Invalid API key", "Your API key is", "Your credit balance is too low", "Insufficient Balance"] {
        for tail in [" is not a valid model ID", ": Extra inputs are not permitted", ": Input should be a valid string"]
        {
            let body =
                format!(r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{name}{tail}"}}}}"#);
            assert_eq!(judge(400, body.as_bytes()), Fault::Client, "{name}{tail}");
        }
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
