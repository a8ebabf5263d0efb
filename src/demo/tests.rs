#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
//! The demo over real connections, as the proxy uses it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use dialects::{Dialect, Endpoint};
use serde_json::{Value, json};

use super::DemoHandle;
use config::Demo;

/// A demo in a system of its own, stopped with the test.
struct Running {
    handle: DemoHandle,
    system: Option<JoinHandle<()>>,
    stop: Option<actix_web::rt::System>,
}

impl Running {
    fn start(settings: Demo) -> Self {
        let (send, started) = mpsc::channel();
        let system = std::thread::spawn(move || {
            let runner = actix_web::rt::System::new();
            runner.block_on(async {
                let handle = super::start(settings).unwrap();
                send.send((handle, actix_web::rt::System::current())).unwrap();
            });
            runner.run().unwrap();
        });
        let (handle, stop) = started.recv_timeout(Duration::from_secs(20)).unwrap();
        Self { handle, system: Some(system), stop: Some(stop) }
    }

    fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.handle.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        Reply::parse(&bytes, read.is_ok())
    }

    fn send(&self, head: &str, content_type: &str, body: &[u8]) -> Reply {
        let secret = self.handle.secret.expose();
        let length = body.len();
        let mut request = format!(
            "{head} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\nauthorization: Bearer {secret}\r\n\
             content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(&request)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&format!("POST /v1{path}"), "application/json", body.to_string().as_bytes())
    }

    fn chat(&self, more: &Value) -> Reply {
        let mut body = json!({"model": "demo", "messages": [{"role": "user", "content": "hello there"}]});
        super::text::extend(&mut body, more);
        self.post("/chat/completions", &body)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.stop();
        }
        if let Some(system) = self.system.take() {
            let _ = system.join();
        }
    }
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
    /// All that the head promised has come.
    whole: bool,
}

impl Reply {
    fn parse(bytes: &[u8], clean: bool) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        let status = head[9..12].parse().unwrap();
        let rest = &bytes[end..];
        if !head.contains("transfer-encoding: chunked") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let whole = clean && length.is_none_or(|length| length == rest.len().to_string());
            return Self { status, head, body: rest.to_vec(), whole };
        }
        let (mut body, mut rest) = (Vec::new(), rest);
        loop {
            let Some(line) = rest.windows(2).position(|two| two == b"\r\n") else {
                return Self { status, head, body, whole: false };
            };
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
            if size == 0 {
                return Self { status, head, body, whole: true };
            }
            body.extend_from_slice(&rest[line + 2..line + 2 + size]);
            rest = &rest[line + 4 + size..];
        }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}{}", self.head, self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of each event.
    fn events(&self) -> Vec<Value> {
        assert!(self.head.contains("content-type: text/event-stream"), "{}", self.head);
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

#[test]
fn only_its_own_process_is_answered() {
    let demo = Running::start(Demo::default());
    for header in ["", "authorization: Bearer demo-wrong\r\n", "authorization: Bearer \r\n", "x-api-key: x\r\n"] {
        for path in ["GET /v1/models", "POST /v1/chat/completions", "GET /"] {
            let reply =
                demo.raw(format!("{path} HTTP/1.1\r\nhost: x\r\n{header}content-length: 2\r\n\r\n{{}}").as_bytes());
            assert_eq!(reply.status, 403, "{header}{path}");
            assert!(reply.head.contains("connection: close"), "{}", reply.head);
        }
    }
    assert!(!format!("{:?}", demo.handle).contains(demo.handle.secret.expose()));
}

#[test]
fn its_models_are_listed() {
    let demo = Running::start(Demo::default());
    for path in ["/v1/models", "/models"] {
        let list = demo.send(&format!("GET {path}"), "text/plain", b"").json();
        assert_eq!(
            list["data"][0],
            json!({"id": "demo", "object": "model", "created": 1_767_225_600, "owned_by": "demo"})
        );
    }
    assert_eq!(demo.send("GET /v1/models/demo-slow", "text/plain", b"").json()["id"], "demo-slow");
    assert_eq!(demo.send("GET /v1/models/none", "text/plain", b"").status, 404);
    assert_eq!(demo.send("GET /v1/chat/completions", "text/plain", b"").status, 405);
    assert_eq!(demo.send("POST /v1/nowhere", "text/plain", b"").status, 404);
}

#[test]
fn every_endpoint_answers_the_same_twice() {
    let demo = Running::start(Demo::default());
    let form = |boundary: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndemo\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--{boundary}--\r\n"
        )
    };
    for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| endpoint.dialect() == Dialect::OpenAi) {
        let upload = matches!(
            endpoint,
            Endpoint::ImagesEdits
                | Endpoint::ImagesVariations
                | Endpoint::AudioTranscriptions
                | Endpoint::AudioTranslations
        );
        let ask = || {
            if upload {
                let head = format!("POST {}", endpoint.path());
                demo.send(&head, "multipart/form-data; boundary=\"b\"", form("b").as_bytes())
            } else {
                let body = json!({
                    "model": "demo", "messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi",
                    "query": "hi", "documents": ["hi", "ho"],
                });
                demo.post(endpoint.path(), &body)
            }
        };
        let (one, two) = (ask(), ask());
        assert_eq!((one.status, one.whole), (200, true), "{endpoint:?}: {}", one.text());
        assert!(one.body == two.body && !one.body.is_empty(), "{endpoint:?}");
    }
}

#[test]
fn chat_says_what_was_said() {
    let demo = Running::start(Demo::default());
    let whole = demo.chat(&json!({})).json();
    assert_eq!(whole["choices"][0]["message"]["content"], "You said: hello there");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert_eq!(whole["usage"]["total_tokens"], 6);
    let cut = demo.chat(&json!({"max_tokens": 2})).json();
    assert_eq!(cut["choices"][0]["message"]["content"], "You said: ");
    assert_eq!(cut["choices"][0]["finish_reason"], "length");
    let stopped = demo.chat(&json!({"stop": ["there"]})).json();
    assert_eq!(stopped["choices"][0]["message"]["content"], "You said: hello ");
}

#[test]
fn a_stream_is_the_same_answer_in_pieces() {
    let demo = Running::start(Demo::default());
    let reply = demo.chat(&json!({"stream": true, "stream_options": {"include_usage": true}}));
    assert!(reply.whole && reply.text().ends_with("data: [DONE]\n\n"));
    let events = reply.events();
    let said: String = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, "You said: hello there");
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(4)));
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert!(demo.chat(&json!({"stream": true})).events().iter().all(|event| event.get("usage").is_none()));
}

#[test]
fn tools_are_called_when_asked_for_or_named() {
    let demo = Running::start(Demo::default());
    let tool = |name: &str| {
        let city = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        json!({"type": "function", "function": {"name": name, "parameters": city}})
    };
    let tools = json!([tool("get_weather"), tool("get_time")]);
    let named = |said: &str, choice: Value| {
        let messages = json!([{"role": "user", "content": said}]);
        let reply = demo.chat(&json!({"messages": messages, "tools": tools, "tool_choice": choice})).json();
        let calls = reply["choices"][0]["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        calls.iter().map(|call| call["function"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named("hi", Value::Null), Vec::<String>::new());
    assert_eq!(named("hi", json!("required")), ["get_weather"]);
    assert_eq!(named("hi", json!({"type": "function", "function": {"name": "get_time"}})), ["get_time"]);
    assert_eq!(named("get weather and get_time", json!("auto")), ["get_weather", "get_time"]);
    assert_eq!(named("get_weather", json!("none")), Vec::<String>::new());
    let reply = demo.chat(&json!({"tools": tools, "tool_choice": "required", "stream": true}));
    let arguments: String = reply
        .events()
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{\"city\":\"demo city\"}");
    assert!(reply.events().iter().any(|event| event["choices"][0]["finish_reason"] == "tool_calls"));
    let after =
        json!([{"role": "user", "content": "get_weather"}, {"role": "tool", "tool_call_id": "x", "content": "sunny"}]);
    let answer = demo.chat(&json!({"messages": after, "tools": tools})).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "The tool said: sunny");
}

#[test]
fn a_schema_is_answered_with_its_instance() {
    let demo = Running::start(Demo::default());
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let reply = demo.chat(&json!({"response_format": format})).json();
    assert_eq!(reply["choices"][0]["message"]["content"], "{\"n\":1}");
    let format = json!({"format": {"type": "json_schema", "name": "x", "schema": schema}});
    let reply = demo.post("/responses", &json!({"model": "demo", "input": "hi", "text": format})).json();
    assert_eq!(reply["output"][0]["content"][0]["text"], "{\"n\":1}");
}

#[test]
fn responses_come_as_a_numbered_sequence() {
    let demo = Running::start(Demo::default());
    let mut body = json!({"model": "demo", "input": "hi you", "stream": true});
    let events = demo.post("/responses", &body).events();
    for (nth, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], nth);
    }
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds[..4],
        ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    );
    assert_eq!(*kinds.last().unwrap(), "response.completed");
    let said: String = events
        .iter()
        .filter(|e| e["type"] == "response.output_text.delta")
        .map(|e| e["delta"].as_str().unwrap())
        .collect();
    assert_eq!(said, "You said: hi you");
    super::text::set(&mut body, "stream", json!(false));
    let whole = demo.post("/responses", &body).json();
    assert_eq!(whole["output"][0]["content"][0]["text"], "You said: hi you");
    assert_eq!(whole["usage"]["total_tokens"], 6);
    super::text::extend(&mut body, &json!({"stream": true, "max_output_tokens": 1}));
    let events = demo.post("/responses", &body).events();
    assert_eq!(events.last().unwrap()["type"], "response.incomplete");
}

#[test]
fn embeddings_are_the_same_numbers_in_both_encodings() {
    let demo = Running::start(Demo::default());
    let ask = |encoding: &str| {
        let body = json!({"model": "demo", "input": ["a", "b"], "dimensions": 8, "encoding_format": encoding});
        demo.post("/embeddings", &body).json()["data"][1]["embedding"].clone()
    };
    let floats: Vec<f32> = serde_json::from_value(ask("float")).unwrap();
    let packed = base64::engine::general_purpose::STANDARD.decode(ask("base64").as_str().unwrap()).unwrap();
    let unpacked: Vec<f32> = packed.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!((floats.len(), &floats), (8, &unpacked));
    assert!((floats.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(demo.post("/embeddings", &json!({"model": "demo", "input": "x", "dimensions": 0})).status, 400);
}

#[test]
fn an_upload_is_counted_and_never_held() {
    let demo = Running::start(Demo::default());
    let file = vec![b'-'; 3_000_000];
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n".to_vec();
    body.extend_from_slice(&file);
    body.extend_from_slice(b"\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndemo\r\n--b--\r\n");
    let reply = demo.send("POST /v1/audio/transcriptions", "multipart/form-data; boundary=b", &body);
    assert_eq!(reply.json()["text"], "This is the demo. It received 3000000 bytes.");
}

#[test]
fn speech_is_sound() {
    let demo = Running::start(Demo::default());
    let ask =
        |format: &str| demo.post("/audio/speech", &json!({"model": "demo", "input": "hi", "response_format": format}));
    let wav = ask("wav");
    assert!(wav.head.contains("content-type: audio/wav") && wav.body.starts_with(b"RIFF"));
    assert_eq!(u32::from_le_bytes(wav.body[4..8].try_into().unwrap()) as usize, wav.body.len() - 8);
    assert_eq!(ask("mp3").body[..4], [0xff, 0xfb, 0x90, 0xc4]);
    assert_eq!(ask("pcm").body, wav.body[44..]);
}

#[test]
fn it_fails_as_asked() {
    let demo = Running::start(Demo::default());
    let limited = demo.chat(&json!({"model": "demo-error-429"}));
    assert_eq!((limited.status, &limited.json()["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    assert!(limited.head.contains("retry-after: 1"));
    for (more, kept) in
        [(json!({"model": "demo-cut"}), "chatcmpl"), (json!({"model": "demo-cut", "stream": true}), "data: ")]
    {
        let cut = demo.chat(&more);
        assert!(cut.status == 200 && !cut.whole, "{}", cut.text());
        assert!(!cut.text().contains("[DONE]") && (cut.text().contains(kept) || cut.text().contains("choices")));
    }
    let broken = demo.chat(&json!({"model": "demo-stream-error", "stream": true})).events();
    assert_eq!(broken.last().unwrap()["error"]["type"], "server_error");
    let broken =
        demo.post("/responses", &json!({"model": "demo-stream-error", "stream": true, "input": "hi"})).events();
    assert_eq!(broken.last().unwrap()["type"], "error");
}

#[test]
fn bad_requests_are_refused_in_words() {
    let demo = Running::start(Demo::default());
    for (path, body) in [
        ("/chat/completions", "{"),
        ("/chat/completions", "[]"),
        ("/chat/completions", "{\"model\":\"demo\"}"),
        ("/chat/completions", "{\"model\":\"demo\",\"messages\":[]}"),
        ("/responses", "{\"model\":\"demo\"}"),
        ("/rerank", "{\"model\":\"demo\",\"query\":\"x\",\"documents\":[]}"),
        ("/audio/transcriptions", "{\"model\":\"demo\"}"),
    ] {
        let reply = demo.send(&format!("POST /v1{path}"), "application/json", body.as_bytes());
        assert_eq!(reply.status, 400, "{path} {body}");
        assert!(!reply.json()["error"]["message"].as_str().unwrap().is_empty());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(demo.send("POST /v1/chat/completions", "application/json", deep.as_bytes()).status, 400);
}

#[test]
fn delays_are_kept_and_may_change() {
    let demo = Running::start(Demo { delay: Duration::from_millis(60), ..Demo::default() });
    let begun = Instant::now();
    demo.chat(&json!({}));
    assert!(begun.elapsed() >= Duration::from_millis(60));
    demo.handle.configure(Demo { event_delay: Duration::from_millis(20), ..Demo::default() });
    let begun = Instant::now();
    // A role, four words and an end: five gaps.
    assert_eq!(demo.chat(&json!({"stream": true})).events().len(), 6);
    assert!(begun.elapsed() >= Duration::from_millis(100));
    demo.handle.configure(Demo { failure_rate: 1.0, ..Demo::default() });
    assert_eq!(demo.chat(&json!({})).status, 500);
}

#[test]
fn it_can_be_stopped() {
    let demo = Running::start(Demo::default());
    let handle = demo.handle.clone();
    actix_web::rt::System::new().block_on(handle.stop());
    assert!(TcpStream::connect(demo.handle.addr).is_err());
}
