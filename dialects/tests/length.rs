//! Long requests: what is written for them takes time by their length and not by its square, which a client could make
//! minutes of.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use dialects::Wire;
use dialects::translate::{self, Hints, Target};

const MANY: usize = 5_000;
/// Many times what is needed on a busy machine, and a fraction of what the squares took.
const LONG: Duration = Duration::from_secs(20);

fn list(entry: impl Fn(usize) -> String) -> String {
    (0..MANY).map(entry).collect::<Vec<_>>().join(",")
}

/// All of these are called, and all are allowed.
fn tools() -> String {
    let tools = list(|n| format!(r#"{{"type":"custom","name":"f{n}"}}"#));
    let calls = list(|n| format!(r#"{{"type":"custom_tool_call","call_id":"c{n}","name":"f{n}","input":"x"}}"#));
    format!(
        r#"{{"model":"m","input":[{calls}],"tools":[{tools}],"tool_choice":{{"type":"allowed_tools","mode":"auto","tools":[{tools}]}}}}"#
    )
}

/// Calls without ids whose results come in the opposite order.
fn backwards() -> String {
    let calls = list(|n| format!(r#"{{"functionCall":{{"name":"f{n}","args":{{}}}}}}"#));
    let results = list(|n| format!(r#"{{"functionResponse":{{"name":"f{}","response":{{}}}}}}"#, MANY - 1 - n));
    format!(r#"{{"contents":[{{"role":"model","parts":[{calls}]}},{{"role":"user","parts":[{results}]}}]}}"#)
}

#[test]
fn many_tools_and_calls_take_no_time_to_speak_of() {
    let began = Instant::now();
    let hints = Hints { model: Some("m"), stream: Some(false) };
    for (from, body) in [(Wire::Responses, tools()), (Wire::Gemini, backwards())] {
        let request = translate::read(from, body.as_bytes(), &hints).unwrap();
        for to in Wire::ALL {
            let _ = translate::write(to, &request, &Target { model: "u", ..Target::default() });
        }
    }
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
}
