use super::*;

/// The text as it is taken, and the first words of what is told.
fn mended(text: &str, kind: Kind) -> (String, usize, bool) {
    let Mended { text, told, unversioned } = mend(text, Some(kind));
    (text, told.len(), unversioned)
}

#[test]
fn what_is_right_stays_as_it_is_and_nothing_is_told() {
    for text in [
        "https://api.openai.com",
        "https://api.openai.com/v1",
        "http://127.0.0.1:11434/v1",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://open.bigmodel.cn/api/paas/v4",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/openai",
        "https://proxy.example/v2/team/v1",
        // Azure's model inference, whose root is called so.
        "https://r.services.ai.azure.com/models",
        "https://host.example/messages-api/chat",
        "https://host.example/files",
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1",
        "http://[::1]:8000",
        "https://host.example/a%20b",
        "ftp://host.example",
        "vllm",
        "",
    ] {
        assert_eq!(mended(text, Kind::OpenAi), (text.to_owned(), 0, false), "{text}");
    }
    // A slash at the end is how some write it.
    assert_eq!(mended("https://api.openai.com/v1/", Kind::OpenAi), ("https://api.openai.com/v1".to_owned(), 0, false));
}

#[test]
fn endpoints_are_taken_off() {
    for (path, want) in [
        ("/v1/chat/completions", "/v1"),
        ("/v1/chat/completions/", "/v1"),
        ("/v1/chat/completions?x=1", "/v1"),
        ("/openai/v1/chat/completions", "/openai/v1"),
        ("/v1/messages", "/v1"),
        ("/v1/messages/count_tokens", "/v1"),
        ("/v1/responses", "/v1"),
        ("/v1/models", "/v1"),
        ("/v1/models/", "/v1"),
        ("/v1/models/gpt-5", "/v1"),
        ("/v1/chat", "/v1"),
        ("/v1/files", "/v1"),
        ("/v1/batches", "/v1"),
        ("/v1/messages/batches", "/v1"),
        ("/v1/responses/input_tokens", "/v1"),
        ("/v1/audio/speech", "/v1"),
        ("/V1/Chat/Completions", "/v1"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", "/v1beta"),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key=hunter2", "/v1beta"),
        ("/v1beta/openai/chat/completions", "/v1beta/openai"),
        ("/v1/projects/p/locations/l/publishers/google/models/gemini:generateContent", "/v1/projects/p/locations/l"),
        ("/v1/chat/completions/chat/completions", "/v1"),
        ("/api/chat", ""),
        ("/api/tags", ""),
    ] {
        let (text, told, unversioned) = mended(&format!("https://host.example{path}"), Kind::OpenAi);
        assert_eq!((text.as_str(), unversioned), (format!("https://host.example{want}").as_str(), false), "{path}");
        assert!(told > 0, "{path}");
    }
    // Without a version the endpoint says where the API is: there is none.
    for (path, want) in [("/chat/completions", ""), ("/api/chat/completions", "/api"), ("/messages", "")] {
        let (text, told, unversioned) = mended(&format!("https://host.example{path}"), Kind::OpenAi);
        assert_eq!((text, told, unversioned), (format!("https://host.example{want}"), 1, true), "{path}");
    }
    for path in ["/v1beta/openai", "/v1beta/openai/", "/v1beta/openai/chat/completions"] {
        let (text, told, _) = mended(&format!("https://host.example{path}"), Kind::Gemini);
        assert_eq!(text, "https://host.example/v1beta", "{path}");
        assert!(told > 0, "{path}");
    }
    let azure = "https://r.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    assert_eq!(mend(azure, Some(Kind::Azure)).text, "https://r.openai.azure.com/openai");
    let bedrock = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a.b-v1:0/converse";
    assert_eq!(mend(bedrock, Some(Kind::Bedrock)).text, "https://bedrock-runtime.us-east-1.amazonaws.com");
}

#[test]
fn slips_of_the_pen() {
    for (text, want) in [
        ("api.openai.com/v1", "https://api.openai.com/v1"),
        ("//api.openai.com/v1", "https://api.openai.com/v1"),
        ("localhost:8000", "http://localhost:8000"),
        ("localhost/v1", "http://localhost/v1"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("vllm:8000/v1", "http://vllm:8000/v1"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("https:/api.openai.com/v1", "https://api.openai.com/v1"),
        ("https//api.openai.com/v1", "https://api.openai.com/v1"),
        ("https:// api.openai.com /v1", "https://api.openai.com/v1"),
        ("https://api.openai.com//v1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1//", "https://api.openai.com/v1"),
        ("https://api.openai.com/V1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/v1", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1/V1/", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1?x=y", "https://api.openai.com/v1"),
        ("https://api.openai.com/v1#a", "https://api.openai.com/v1"),
    ] {
        let Mended { text: got, told, unversioned } = mend(text, Some(Kind::OpenAi));
        assert_eq!((got.as_str(), unversioned), (want, false), "{text}");
        assert_eq!(told.is_empty(), text.ends_with("v1//"), "{text}: {told:?}");
    }
    // Taking out a blank there would name another host.
    for text in ["https://x example", "https://api.openai .com/v1", "https://a.example/a b"] {
        assert_eq!(mend(text, Some(Kind::OpenAi)).text, text);
    }
}
