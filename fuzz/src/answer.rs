//! Whole answers of every dialect, written for every client.

use dialects::Wire;
use dialects::conversation::{Answer, Kind};
use dialects::loss::{Fidelity, Losses, carries};
use dialects::translate;

use crate::context;
use crate::heard::{self, is_deep, is_json};

pub fn judge(body: &[u8]) {
    for from in Wire::ALL {
        let Ok(answer) = translate::read_answer(from, body) else { continue };
        for to in Wire::ALL {
            let mut losses = Losses::default();
            let written = translate::write_answer(to, &answer, &context(false), &mut losses);
            let text = std::str::from_utf8(&written).expect("UTF-8");
            assert!(is_json(text), "{} to {}: {text}", from.label(), to.label());
            assert!(losses.fields().all(|field| carries(to, field) != Fidelity::Carried));
            assert!(written.len() <= 64 * 1024 + 64 * body.len(), "{} bytes of {}", written.len(), body.len());
            let again = translate::read_answer(to, &written);
            assert!(again.is_ok(), "{} to {}: {again:?} {text}", from.label(), to.label());
            if let Some(said) = measure(&answer).filter(|_| !is_deep(&written)) {
                let heard = heard::measure(&heard::whole(to, text));
                assert_eq!(heard, said, "{} to {}: {text}", from.label(), to.label());
            }
        }
    }
    for status in [200, 400, 404, 429, 500] {
        let _ = translate::error(status, body);
    }
}

/// What an answer says, measured as [`heard::measure`] does; None where some of it is a text to some formats only.
fn measure(answer: &Answer<'_>) -> Option<(usize, usize, usize)> {
    let (mut text, mut thinking, mut calls) = (0, 0, 0);
    for part in &answer.parts {
        match &part.kind {
            Kind::Text { text: words, .. } | Kind::Refusal(words) => text += words.len(),
            Kind::Thinking { text } => thinking += text.len(),
            Kind::Call(_) => calls += 1,
            Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Result(_)
            | Kind::Native(_) => {
                return None;
            }
        }
    }
    Some((text, thinking, calls))
}
