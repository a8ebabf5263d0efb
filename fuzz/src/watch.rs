//! An answer that passes as it came, watched.

use dialects::Endpoint;
use dialects::watch::Watch;

use crate::pieces;
use crate::support::memory::Meter;

const KINDS: [&str; 4] = ["text/event-stream", "application/json", "", "audio/mpeg"];
/// Longer than any event that is held back.
const LONG: usize = 70 * 1024;
/// The longest first event that is held back, in a buffer that has doubled to hold it, and all that is small.
const MOST: usize = 768 * 1024;

/// Two bytes say of what kind the answer is. A NUL stands for more than is held of one event.
pub fn judge(bytes: &[u8]) {
    let [endpoint, kind, body @ ..] = bytes else { return };
    let endpoint = Endpoint::ALL[usize::from(*endpoint) % Endpoint::ALL.len()];
    let how = How { endpoint, kind: KINDS[usize::from(*kind) % 4], strip: kind & 4 > 0 };
    if body.contains(&0) {
        let text = body.split(|byte| *byte == 0).take(4).collect::<Vec<_>>().join(&[b'x'; LONG][..]);
        [vec![&text[..]], text.chunks(1_000).collect()].into_iter().for_each(|pieces| drop(how.watch(&pieces)));
        return;
    }
    let whole = how.watch(&[body]);
    for pieces in pieces::cuts(body) {
        let cut = how.watch(&pieces);
        assert!(cut == whole || how.guesses(&pieces), "in {} pieces: {cut} instead of {whole}", pieces.len());
    }
}

struct How {
    endpoint: Endpoint,
    kind: &'static str,
    strip: bool,
}

impl How {
    /// Where bytes are answers, the first piece says whether they read as text: of fewer than 64 that is a guess.
    fn guesses(&self, pieces: &[&[u8]]) -> bool {
        use Endpoint::{AudioSpeech, Embeddings, ImagesEdits, ImagesGenerations, ImagesVariations};
        let first = pieces.iter().map(|piece| piece.trim_ascii_start().len()).find(|length| *length > 0);
        matches!(self.endpoint, AudioSpeech | Embeddings | ImagesGenerations | ImagesEdits | ImagesVariations)
            && first.is_some_and(|length| length < 64)
    }

    /// What was seen, as a text to compare.
    fn watch(&self, pieces: &[&[u8]]) -> String {
        let meter = Meter::start();
        let mut watch = Watch::new(self.endpoint, self.kind, false);
        if self.strip {
            watch.strip_usage();
        }
        let (mut content, mut terminal, mut failed, mut waiting) = (false, false, false, 0);
        for piece in pieces {
            let seen = watch.push(piece);
            assert!(seen.upto <= piece.len());
            assert!(seen.content || !content, "content is taken back");
            assert!(seen.terminal || !terminal, "the end is taken back");
            let through = if seen.upto > 0 { waiting + seen.upto } else { 0 };
            let mut stripped = 0;
            for strip in &seen.strip {
                assert!(self.strip && stripped <= strip.start && strip.start < strip.end && strip.end <= through);
                stripped = strip.end;
            }
            waiting = waiting + piece.len() - through;
            (content, terminal, failed) = (seen.content, seen.terminal, failed || seen.failed.is_some());
            assert!(meter.held() <= MOST, "{} bytes are held", meter.held());
        }
        assert_eq!(failed, watch.failure().is_some());
        let exact = watch.is_sse() || watch.is_array();
        let (usage, estimate) = (watch.usage(), watch.estimate(9));
        let (ended, told) = (watch.end(true), watch.failure().cloned());
        // Of a document it depends on the cut when it looks whole: it commits there. Of events and elements nothing does.
        match exact {
            true => format!("{content} {terminal} {told:?} {usage:?} {estimate:?} {ended:?}"),
            false => format!("{usage:?} {}", estimate.input),
        }
    }
}
