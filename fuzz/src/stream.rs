//! A streamed answer of one dialect, translated for every client.

use dialects::translate::{Progress, Reader, Stream};
use dialects::watch::Cut;
use dialects::{Output, Wire};

use crate::frames::{self, Cut as Frame};
use crate::support::gather::Gather;
use crate::support::memory::Meter;
use crate::{context, heard, message, pieces};

/// The formats that clients speak; Gemini's streams are events or one array.
const CLIENTS: [(Wire, bool); 5] = [
    (Wire::Chat, false),
    (Wire::Responses, false),
    (Wire::Messages, false),
    (Wire::Gemini, false),
    (Wire::Gemini, true),
];

/// All that came of a stream.
#[derive(Debug, PartialEq)]
struct Told {
    out: Vec<u8>,
    progress: Progress,
    ended: Result<(), Cut>,
}

/// Converse's, written down as lines of text.
pub fn converse(text: &[u8]) {
    judge(Wire::Converse, &message::written(text));
}

pub fn judge(from: Wire, bytes: &[u8]) {
    let gathered = gather(from, bytes);
    for (to, array) in CLIENTS {
        let whole = through(from, to, array, &[bytes], true);
        assert_eq!(whole.ended.is_ok(), gathered.done, "ends where its events end");
        assert!(!gathered.done || whole.progress.usage == gathered.usage());
        let heard = heard::stream(from, to, array, &whole.out, whole.ended.is_ok());
        if let (Some(heard), Some(said)) = (heard, measure(&gathered).filter(|_| gathered.done)) {
            assert_eq!(heard::measure(&heard), said, "to {}", to.label());
        }
        // A cut matters to decoder and reader, not to the writer.
        if (to, array) != pieces::choice(bytes, CLIENTS) {
            continue;
        }
        for pieces in pieces::cuts(bytes) {
            let cut = through(from, to, array, &pieces, true);
            assert_eq!(cut, whole, "to {} in {} pieces", to.label(), pieces.len());
        }
        broken(from, to, array, bytes, &whole);
    }
}

/// The events that a reader tells, which must come in their order; see `conversation::Event`.
fn gather(from: Wire, bytes: &[u8]) -> Gather {
    let (mut gather, mut reader) = (Gather::default(), Reader::new(from, &context(false)));
    let (frames, broken) = frames::cut(from, &[bytes]);
    for frame in frames {
        let told = match frame {
            Frame::Event(name, data) => reader.event(&name, &data, &mut |event| gather.event(&event)).is_ok(),
            Frame::Stray(_) => false,
        };
        if !told || gather.done {
            return gather;
        }
    }
    if broken.is_none() {
        reader.end(&mut |event| gather.event(&event));
    }
    gather
}

/// What was said, measured as [`heard::measure`] does; None where a part came whole, which is a text to some formats.
fn measure(gathered: &Gather) -> Option<(usize, usize, usize)> {
    let said = gathered.said();
    let of = |kinds: &[&str]| said.iter().filter(|part| kinds.contains(&&*part.0)).map(|part| part.1.len()).sum();
    let calls = said.iter().filter(|part| part.0.starts_with("Call")).count();
    let all = gathered.answer(Wire::Chat).parts.len() == said.len();
    all.then(|| (of(&["Text", "Refusal"]), of(&["Thinking"]), calls))
}

fn through(from: Wire, to: Wire, array: bool, pieces: &[&[u8]], clean: bool) -> Told {
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    let meter = Meter::start();
    let mut stream = Stream::new(from, to, &context(array));
    let (mut out, mut before) = (Vec::new(), Progress::default());
    for piece in pieces {
        let mut more = Output::default();
        let now = stream.push(piece, &mut more).clone();
        follows(&before, &now);
        assert!(!is_over(&before) || more.is_empty(), "after its end");
        out.extend_from_slice(&more.whole());
        assert!(array || out.is_empty() || out.ends_with(b"\n\n") || out.ends_with(b"\r\n\r\n"), "half an event");
        before = now;
    }
    // An unfinished event, what waits in it, and what the last event repeats.
    let held = meter.held().saturating_sub(out.capacity());
    assert!(held <= 64 * 1024 + 16 * bytes, "{held} bytes are held of {bytes}");
    assert!(meter.peak() <= 256 * 1024 + 512 * bytes, "{} bytes at most of {bytes}", meter.peak());
    let mut last = Output::default();
    let ended = stream.end(clean, &mut last).map(|_| ());
    let progress = stream.progress().clone();
    follows(&before, &progress);
    assert!(clean && !is_over(&before) || last.is_empty(), "after its end");
    out.extend_from_slice(&last.whole());
    assert_eq!(ended.is_ok(), progress.terminal && progress.failure.is_none());
    // Whoever goes on all the same is told nothing.
    if is_over(&progress) {
        let mut more = Output::default();
        for piece in pieces.iter().take(64) {
            stream.push(piece, &mut more);
        }
        assert!(more.is_empty() && *stream.progress() == progress, "after its end");
    }
    Told { out, progress, ended }
}

fn is_over(progress: &Progress) -> bool {
    progress.terminal || progress.failure.is_some()
}

/// Nothing that was told is taken back.
fn follows(before: &Progress, now: &Progress) {
    assert!(now.content || !before.content, "content is taken back");
    assert!(now.terminal || !before.terminal, "the end is taken back");
    assert!(now.usage.is_some() || before.usage.is_none(), "usage is taken back");
    assert!(before.failure.is_none() || now.failure == before.failure, "the failure changes");
    assert!(!is_over(before) || now == before, "something comes after the end");
}

/// The same where the connection broke: what had come is the same, and nothing is added.
fn broken(from: Wire, to: Wire, array: bool, bytes: &[u8], whole: &Told) {
    let broken = through(from, to, array, &[bytes], false);
    assert!(whole.out.starts_with(&broken.out));
    assert!(broken.ended.is_ok() || broken.ended == Err(Cut::Broken));
    assert!(broken.ended.is_err() || broken == *whole);
}
