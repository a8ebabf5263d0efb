//! Streams without an end: what is held of one does not grow with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::sync::Arc;

use dialects::translate::{Context, MAX_EVENT, MAX_KEPT, MAX_PARTS, Stream};
use dialects::{Output, Wire};
use support::memory::{Counting, Meter};

#[global_allocator]
static COUNTING: Counting = Counting;

const CLIENTS: [Wire; 4] = [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini];

/// Pushes what `event` makes until the stream is refused, ends at a limit or has been told `bytes`, and gives the bytes told.
fn endless(from: Wire, to: Wire, bytes: usize, mut event: impl FnMut(usize) -> String) -> usize {
    let context = Context { model: "m".into(), free_form: Arc::new(["patch".into()].into()), ..Context::default() };
    let meter = Meter::start();
    let mut stream = Stream::new(from, to, &context);
    let (mut told, mut out) = (0, Output::default());
    for n in 0.. {
        let event = event(n);
        told += event.len();
        let progress = stream.push(event.as_bytes(), &mut out);
        let over = progress.failure.is_some() || progress.limited;
        out = Output::default();
        drop(event);
        // A buffer that grows has room for twice what is in it.
        let held = meter.held();
        assert!(held <= 2 * MAX_EVENT.max(MAX_KEPT) + 4 * 1024 * 1024, "{held} of {told} from {from:?} to {to:?}");
        if over || told > bytes {
            break;
        }
    }
    told
}

/// One test, for all that is allocated is counted together.
#[test]
fn what_is_held_of_an_endless_stream_is_bounded() {
    let enough = 3 * MAX_EVENT;
    let long = "x".repeat(256 * 1024);
    for to in CLIENTS {
        let parts = |n| match n % 2 {
            0 => "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".to_owned(),
            _ => "data: {\"choices\":[{\"delta\":{\"reasoning\":\"a\"}}]}\n\n".to_owned(),
        };
        assert!(endless(Wire::Chat, to, enough, parts) <= 60 * MAX_PARTS as usize, "parts to {to:?}");
        let ids = |n| {
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{n},\"id\":\"{n}{long}\",\"function\":{{\"name\":\"f\"}}}}]}}}}]}}\n\n"
            )
        };
        assert!(endless(Wire::Chat, to, enough, ids) < enough, "ids to {to:?}");
        let nameless = |n| {
            format!(
                "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{},\"function\":{{\"arguments\":\"{long}\"}}}}]}}}}]}}\n\n",
                n % 900
            )
        };
        assert!(endless(Wire::Chat, to, enough, nameless) < enough, "nameless calls to {to:?}");
    }
    let names = |n| {
        format!(
            "data: {{\"type\":\"content_block_start\",\"index\":{n},\"content_block\":{{\"type\":\"tool_use\",\"id\":\"{n}\",\"name\":\"{long}\",\"input\":{{}}}}}}\n\n"
        )
    };
    assert!(endless(Wire::Messages, Wire::Gemini, enough, names) < enough);
    let cited = |n| match n {
        0 => "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".to_owned(),
        _ => format!(
            "data: {{\"choices\":[{{\"delta\":{{\"annotations\":[{{\"type\":\"url_citation\",\"url_citation\":{{\"url\":\"{long}\"}}}}]}}}}]}}\n\n"
        ),
    };
    assert!(endless(Wire::Chat, Wire::Gemini, enough, cited) < enough);
    let items = |n| {
        format!(
            "data: {{\"type\":\"response.output_item.added\",\"output_index\":{n},\"item\":{{\"type\":\"message\",\"id\":\"{n}{long}\"}}}}\n\n"
        )
    };
    endless(Wire::Responses, Wire::Chat, enough, items);
    // Calls of a tool that takes text: their JSON waits for its end, of all of them together no more than of one.
    let patches = |n| match n < 64 {
        true => format!(
            "data: {{\"type\":\"content_block_start\",\"index\":{n},\"content_block\":{{\"type\":\"tool_use\",\"id\":\"{n}\",\"name\":\"patch\",\"input\":{{}}}}}}\n\n"
        ),
        false => format!(
            "data: {{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":\"{long}\"}}}}\n\n",
            n % 64
        ),
    };
    endless(Wire::Messages, Wire::Chat, enough, patches);
}
