//! Members in great number, in every place of every format where an object may stand, in strings that hold JSON as well:
//! what is counted of them beforehand is what they take, and where nothing is counted nothing is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::print_stderr)]

#[allow(dead_code)]
mod support;

use std::sync::Arc;

use dialects::translate::{self, Context, Hints, Quirks, ReasoningStyle, Stream, Target};
use dialects::{Dialect, Output, Wire, bounds, count, embed};
use support::memory::{Counting, Meter};

#[global_allocator]
static COUNTING: Counting = Counting;

const CLIENTS: [Wire; 4] = [Wire::Chat, Wire::Responses, Wire::Messages, Wire::Gemini];

/// More than is passed over for being small, or is looked through for an error.
const SIZE: usize = 80 * 1024;

/// Not one nobody knows, and some that one format knows and another does not.
const KEYS: [&str; 6] = ["", "id", "url", "text", "tools", "name"];

/// Every place where a member may be put: behind an opening brace, or behind one in a string.
fn places(body: &str) -> Vec<(usize, bool)> {
    let (mut places, mut string, mut escaped) = (Vec::new(), false, false);
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'"' if !escaped => string = !string,
            b'{' => places.push((at + 1, string)),
            _ => {}
        }
        escaped = byte == b'\\' && !escaped;
    }
    places
}

/// The body with these members at the place.
fn put(body: &str, (at, string): (usize, bool), members: &str) -> String {
    let (before, after) = body.split_at(at);
    let comma = if after.starts_with('}') { "" } else { "," };
    let members = if string { members.replace('"', "\\\"") } else { members.to_owned() };
    format!("{before}{members}{comma}{after}")
}

fn many(key: &str) -> String {
    let member = format!("\"{key}\":1");
    vec![member.as_str(); SIZE / (member.len() + 1)].join(",")
}

/// Each seed with very many members in each of its places, and a number to choose from other things by: in each place
/// members by themselves, and in an object below. `KEYS=all` tries all keys in each place, else each run some.
fn crowded(seeds: &[(String, String)]) -> impl Iterator<Item = (usize, &str, String, String)> {
    let all = std::env::var("KEYS").is_ok();
    let places = seeds.iter().flat_map(|(name, seed)| places(seed).into_iter().map(move |place| (name, seed, place)));
    places.enumerate().flat_map(move |(nth, (name, seed, place))| {
        let tried = move |at: usize| all || at == 0 || at == 1 + nth % (KEYS.len() - 1);
        let keys = KEYS.into_iter().enumerate().filter(move |(at, _)| tried(*at)).map(|(_, key)| key);
        let members = keys.map(many).chain([format!("\"extra_content\":{{\"google\":{{{}}}}}", many(""))]);
        let before = seed[seed[..place.0].len().saturating_sub(70)..place.0].to_owned();
        members.enumerate().map(move |(at, members)| {
            let what = format!("{name}, {} behind {before}", &members[..members.len().min(24)]);
            (nth + at, name.as_str(), put(seed, place, &members), what)
        })
    })
}

fn seeds(kind: &str) -> Vec<(String, String)> {
    let folder = format!("{}/../fuzz/seeds/{kind}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()));
    let mut all: Vec<_> = read.collect();
    all.sort();
    all
}

fn wire(name: &str) -> Option<Wire> {
    Wire::ALL.into_iter().find(|wire| format!("{wire:?}").to_lowercase() == name)
}

fn context() -> Context {
    let free_form = Arc::new(["look".into(), "patch".into()].into());
    Context { model: "m".into(), request_id: "r".into(), free_form, ..Context::default() }
}

/// An upstream that takes all that there is.
fn target() -> Target<'static> {
    let quirks = Quirks {
        openai_extras: true,
        reasoning: ReasoningStyle::Object,
        reasoning_content: true,
        reasoning_details: true,
        google_signatures: true,
        ..Quirks::default()
    };
    Target { model: "u", quirks, ..Target::default() }
}

#[derive(Default)]
struct Judge(Vec<String>);

impl Judge {
    /// `told` was to be held at most.
    fn look(&mut self, what: &str, told: usize, peak: usize) {
        let most = told + told / 4 + 128 * 1024;
        let line = format!("{what}: {peak} bytes are held, {:.1} of what is told", peak as f64 / told as f64);
        if std::env::var("SHOW").is_ok() {
            eprintln!("{line}");
        }
        if peak > most {
            self.0.push(line);
        }
    }
}

/// One test, for all that is allocated is counted together.
#[test]
fn what_members_take_is_counted_or_not_kept() {
    let (mut judge, context, target) = (Judge::default(), context(), target());
    let hints = Hints { model: Some("m"), stream: Some(false) };

    let mut requests = seeds("requests");
    // The first byte is for the fuzzer.
    requests.iter_mut().for_each(|(_, seed)| seed.replace_range(..1, ""));
    // What a provider of OpenRouter's kind wants back, as another format's client sends it.
    let state = r#"{"max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"aip1:c::{}"}]}]}"#;
    requests.push(("messages".to_owned(), state.to_owned()));
    for (nth, name, body, what) in crowded(&requests) {
        let from = wire(name).unwrap();
        let Ok(told) = bounds::request(from, body.as_bytes()) else { continue };
        for to in [[Wire::Chat, Wire::Responses, Wire::Messages, Wire::Converse][nth % 4], Wire::Gemini] {
            let meter = Meter::start();
            let read = translate::read(from, body.as_bytes(), &hints);
            let written = read.map(|request| translate::write(to, &request, &target).is_ok());
            judge.look(&format!("{from:?} to {to:?} {written:?} {what}"), told, meter.peak());
        }
    }

    for (nth, name, body, what) in crowded(&seeds("answers")) {
        let Some(from) = wire(name) else { continue };
        let Ok(told) = bounds::answer(from, body.as_bytes()) else { continue };
        for to in [CLIENTS[nth % 4], CLIENTS[(nth + 1) % 4]] {
            let meter = Meter::start();
            let written = translate::answer(from, to, body.as_bytes(), &context).map(drop).map_err(drop);
            judge.look(&format!("answer {from:?} to {to:?} {written:?} {what}"), told, meter.peak());
        }
    }

    for from in CLIENTS {
        for (nth, _, body, what) in crowded(&seeds(&format!("stream_{}", format!("{from:?}").to_lowercase()))) {
            let data = body.lines().filter_map(|line| line.strip_prefix("data:")).max_by_key(|data| data.len());
            // What becomes of one event is counted about as of a whole answer. Beside it is held itself, and may be said
            // anew when it is whole.
            let Ok(told) = bounds::answer(from, data.unwrap().as_bytes()) else { continue };
            let told = told + 4 * SIZE;
            let to = CLIENTS[nth % 4];
            let meter = Meter::start();
            let mut stream = Stream::new(from, to, &context);
            for piece in body.as_bytes().chunks(16 * 1024) {
                stream.push(piece, &mut Output::default());
            }
            let _ = stream.end(true, &mut Output::default());
            judge.look(&format!("stream {from:?} to {to:?} {what}"), told, meter.peak());
        }
    }

    let inner = r#"{"model":"models/m","contents":[{"role":"user","parts":[{"text":"a"}]}]}"#;
    let counts = [("gemini".to_owned(), format!("{{\"generateContentRequest\":{inner}}}"))];
    for (_, _, body, what) in crowded(&counts) {
        let renamed = bounds::embed_request(Dialect::Gemini, body.as_bytes());
        let meter = Meter::start();
        let written = embed::renamed(body.as_bytes(), "u");
        judge.look(&format!("renamed {what}"), renamed.unwrap_or(written.len()), meter.peak());
        let Ok(told) = count::held(Wire::Gemini, body.as_bytes()) else { continue };
        let meter = Meter::start();
        let counted = count::read(Wire::Gemini, body.as_bytes(), &hints).map(|request| count::estimate(&request));
        judge.look(&format!("counted {:?} {what}", counted.is_ok()), told, meter.peak());
    }
    assert!(judge.0.is_empty(), "{}", judge.0.join("\n"));
}
