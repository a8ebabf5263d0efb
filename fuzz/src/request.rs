//! Requests of every dialect, written for every upstream.

use dialects::loss::{Fidelity, carries};
use dialects::translate::{self, Hints, Quirks, ReasoningStyle, Target};
use dialects::{Wire, count};

use crate::heard::is_json;

/// The one mistake that a reader looks for and the others leave to the upstream.
const NAMELESS: &str = "A call of the input has no name or no call_id.";

/// The first byte says which upstream.
pub fn judge(bytes: &[u8]) {
    let Some((which, body)) = bytes.split_first() else { return };
    let hints = Hints { model: Some("hinted"), stream: Some(false) };
    for from in Wire::ALL {
        let request = match translate::read(from, body, &hints) {
            Ok(request) => request,
            Err(bad) => {
                assert!(!bad.text().is_empty());
                continue;
            }
        };
        let _ = count::estimate(&request);
        let _ = request.free_form().count();
        for to in Wire::ALL {
            let target = target(*which);
            let Ok(written) = translate::write(to, &request, &target) else { continue };
            let text = std::str::from_utf8(&written.body).expect("UTF-8");
            assert!(is_json(text), "{} to {}: {text}", from.label(), to.label());
            assert!(written.losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
            assert!(
                written.body.len() <= 64 * 1024 + 16 * body.len(),
                "{} bytes of {}",
                written.body.len(),
                body.len()
            );
            match translate::read(to, &written.body, &hints) {
                Ok(again) => assert!(matches!(to, Wire::Gemini | Wire::Converse) || *again.model == *target.model),
                Err(bad) => {
                    assert!(bad.message == NAMELESS, "{} to {}: {} {text}", from.label(), to.label(), bad.text())
                }
            }
        }
    }
}

/// Upstreams that differ in all that is known of them.
fn target(which: u8) -> Target<'static> {
    let bit = |n: u8| which >> n & 1 == 1;
    let reasoning = [ReasoningStyle::Effort, ReasoningStyle::Object, ReasoningStyle::Switch, ReasoningStyle::Effort];
    // What some of them take goes by their names.
    let model = ["upstream", "gpt-5", "claude-opus-4-7", "claude-3-opus"];
    Target {
        model: model[usize::from(which >> 6)],
        max_tokens: bit(0).then_some(1_000),
        refuse: bit(1) && bit(2),
        room: 0,
        quirks: Quirks {
            max_completion_tokens: bit(0),
            developer_role: bit(1),
            openai_extras: bit(2),
            more_sampling: bit(3),
            reasoning: reasoning[usize::from(which >> 4 & 3)],
            reasoning_content: bit(3),
            reasoning_details: bit(4),
            google_signatures: bit(5),
            no_stream_options: bit(0),
            string_content: bit(6),
            no_summaries: bit(7),
        },
    }
}
