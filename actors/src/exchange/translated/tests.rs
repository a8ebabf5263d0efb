use std::future::poll_fn;
use std::sync::Arc;

use super::*;

const ROOMY: u64 = 1 << 40;

/// One piece of a stream of Anthropic's.
fn event(kind: &str, rest: &str) -> Bytes {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{rest}}}\n\n").into()
}

/// What the client is told of this piece, and whether it was worked on beside the workers.
async fn said(translated: &mut Translated, piece: &Bytes) -> (Vec<u8>, bool) {
    match translated.push(piece) {
        Ok(taken) => (taken.out.whole(), false),
        Err(Halt::Beside) => match poll_fn(|cx| translated.poll_beside(cx)).await {
            Ok(Came::Piece(taken)) => (taken.out.whole(), true),
            Ok(Came::End(_)) | Err(_) => panic!("a piece has come to nothing"),
        },
        Err(_) => panic!("a piece was refused"),
    }
}

/// The text of a call that comes piece by piece is taken out of its JSON at its end: a short event, and long work.
#[tokio::test]
async fn arguments_that_came_in_pieces_are_read_beside_the_workers() {
    for to in [Wire::Chat, Wire::Responses, Wire::Gemini] {
        let context = Context { model: "m".into(), free_form: Arc::new(["f".into()].into()), ..Context::default() };
        let translation = Translation::Conversation { from: Wire::Messages, to, streams: true, context };
        let mut translated = Translated::new(translation, "text/event-stream", false, ROOMY);
        let piece = "a".repeat(16 * 1024);
        let delta = |json: &str| {
            event(
                "content_block_delta",
                &format!(
                    r#""index":0,"delta":{{"type":"input_json_delta","partial_json":{}}}"#,
                    serde_json::json!(json)
                ),
            )
        };
        let mut all = vec![
            event("message_start", r#""message":{"id":"m","role":"assistant","content":[]}"#),
            event(
                "content_block_start",
                r#""index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}"#,
            ),
            delta("{\"input\":\""),
        ];
        all.resize(all.len() + LARGE / piece.len(), delta(&piece));
        for short in &all {
            assert!(!said(&mut translated, short).await.1, "{to:?}: what is short is nobody's work but the worker's");
        }
        assert!(said(&mut translated, &delta("\"}")).await.1, "{to:?}: any event may be the end now");
        let (out, beside) = said(&mut translated, &event("content_block_stop", r#""index":0"#)).await;
        assert!(beside, "{to:?}: the end of a long call");
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches(&piece.repeat(LARGE / piece.len())).count(), if to == Wire::Responses { 3 } else { 1 });
        assert!(translated.held.bytes() < 8 * LARGE as u64, "{to:?}: {} are held", translated.held.bytes());
        let (_, beside) = said(&mut translated, &event("message_delta", r#""delta":{"stop_reason":"tool_use"}"#)).await;
        assert!(!beside, "{to:?}: nothing waits any more");
    }
}

/// The same where the answer ends without an end of the call.
#[tokio::test]
async fn arguments_that_wait_at_the_end_are_read_beside_the_workers_too() {
    let context = Context { model: "m".into(), free_form: Arc::new(["f".into()].into()), ..Context::default() };
    let translation = Translation::Conversation { from: Wire::Chat, to: Wire::Chat, streams: true, context };
    let mut translated = Translated::new(translation, "text/event-stream", false, ROOMY);
    let json = serde_json::json!("a".repeat(LARGE + 1));
    let call = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"id\":\"t\",\"function\":{{\"name\":\"f\",\"arguments\":{json}}}}}]}},\"finish_reason\":\"tool_calls\"}}]}}\n\n"
    );
    for piece in call.as_bytes().chunks(100 * 1024) {
        said(&mut translated, &Bytes::copy_from_slice(piece)).await;
    }
    assert!(matches!(translated.end(true), Err(Halt::Beside)));
    match poll_fn(|cx| translated.poll_beside(cx)).await {
        Ok(Came::End(Ok(out))) => assert!(String::from_utf8(out.whole()).unwrap().contains("[DONE]")),
        Ok(Came::End(Err(_)) | Came::Piece(_)) | Err(_) => panic!("the answer is whole"),
    }
}
