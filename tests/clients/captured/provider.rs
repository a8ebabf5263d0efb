//! Providers of every dialect that answer well and briefly, whatever they are asked, and keep what that was.
//!
//! What they say is one canned chat, written in their own format.

use dialects::translate::{self, Context, Stream};
use dialects::{Output, Wire};
use serde_json::{Value, json};
use upstream::{Request, Upstream, canned};

pub async fn provider(wire: Wire) -> Upstream {
    Upstream::start(move |mut connection| async move {
        while let Some(request) = connection.request().await? {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let (kind, answer) = answer(wire, &request, &body);
            let head = [kind, &format!("content-length: {}", answer.len())];
            connection.send(&canned::head(200, &head)).await?;
            connection.send(&answer).await?;
        }
        Ok(())
    })
    .await
}

fn answer(wire: Wire, request: &Request, body: &Value) -> (&'static str, Vec<u8>) {
    let target = request.target();
    let path = target.split('?').next().unwrap_or_default();
    let of = |value: &Value| value.as_array().map_or(1, Vec::len);
    let whole = |value: Value| ("content-type: application/json", value.to_string().into_bytes());
    match path.rsplit(['/', ':']).next().unwrap_or_default() {
        "models" => whole(json!({"data": []})),
        "count_tokens" | "input_tokens" => whole(json!({"input_tokens": 5})),
        "countTokens" => whole(json!({"totalTokens": 5})),
        "count-tokens" => whole(json!({"inputTokens": 5})),
        "batchEmbedContents" => {
            whole(json!({"embeddings": vec![json!({"values": [0.5, 0.25]}); of(&body["requests"])]}))
        }
        "embeddings" => {
            let one = |nth| json!({"object": "embedding", "index": nth, "embedding": [0.5, 0.25]});
            let data: Vec<Value> = (0..of(&body["input"])).map(one).collect();
            let usage = json!({"prompt_tokens": 5, "total_tokens": 5});
            whole(json!({"object": "list", "model": "m", "data": data, "usage": usage}))
        }
        last => {
            let streams = body["stream"] == true || ["streamGenerateContent", "converse-stream"].contains(&last);
            conversation(wire, streams)
        }
    }
}

fn conversation(wire: Wire, stream: bool) -> (&'static str, Vec<u8>) {
    let context = Context { model: "canned-model".into(), request_id: "r1".into(), created: 7, ..Context::default() };
    if stream {
        let events = canned::stream(3).concat();
        let mut out = Output::default();
        let mut stream = Stream::new(Wire::Chat, wire, &Context { include_usage: true, ..context });
        stream.push(&events, &mut out);
        stream.end(true, &mut out).unwrap();
        let kinds = ["content-type: text/event-stream", "content-type: application/vnd.amazon.eventstream"];
        return (kinds[usize::from(wire == Wire::Converse)], out.whole());
    }
    let written = translate::answer(Wire::Chat, wire, &canned::chat(), &context).unwrap();
    ("content-type: application/json", written.body)
}
