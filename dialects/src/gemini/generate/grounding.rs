//! Where an answer comes from: `groundingMetadata` and `citationMetadata`, read and written.
//!
//! Source: <https://ai.google.dev/api/generate-content#GroundingMetadata>. Positions are bytes of a part's text here,
//! and characters everywhere else.

use serde_json::value::RawValue;

use super::number::Whole;
use crate::conversation::{Citation, Str};
use crate::json::object::object;
use crate::json::put::Object;

/// Many supports may name one source, so that a small body could name it without end.
pub const MAX_CITATIONS: usize = 256;
/// A name or an address that is longer is none.
const MAX_WORDS: usize = 4 * 1024;

object! {
    struct Metadata<'a> {
        chunks: Vec<Chunk<'a>> = "groundingChunks",
        supports: Vec<Support<'a>> = "groundingSupports",
    }
}

object! {
    struct Chunk<'a> {
        web: Site<'a> = "web",
        retrieved: Site<'a> = "retrievedContext",
        maps: Site<'a> = "maps",
    }
}

object! {
    struct Site<'a> {
        uri: Str<'a> = "uri",
        title: Str<'a> = "title",
        text: Str<'a> = "text",
    }
}

object! {
    struct Support<'a> {
        segment: Segment<'a> = "segment",
        indices: Vec<Whole> = "groundingChunkIndices",
    }
}

object! {
    struct Segment<'a> {
        part: Whole = "partIndex",
        start: Whole = "startIndex",
        end: Whole = "endIndex",
    }
}

object! { struct Recited<'a> { sources: Vec<Source<'a>> = "citations" | "citationSources", } }

object! {
    struct Source<'a> {
        uri: Str<'a> = "uri",
        title: Str<'a> = "title",
        start: Whole = "startIndex",
        end: Whole = "endIndex",
    }
}

/// A citation, and the part of the content that it belongs to, where that is said. Positions are bytes.
#[derive(Debug)]
pub struct Found<'a> {
    pub part: Option<usize>,
    pub citation: Citation<'a>,
}

/// All sources that the metadata of an answer name. What cannot be read names none.
pub fn read<'a>(grounding: Option<&'a RawValue>, recited: Option<&'a RawValue>) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    if let Some(raw) = grounding {
        grounded(serde_json::from_str(raw.get()).unwrap_or_default(), &mut found);
    }
    if let Some(raw) = recited {
        let recited: Recited<'a> = serde_json::from_str(raw.get()).unwrap_or_default();
        for source in recited.sources.into_iter().flatten() {
            let site = Site { uri: source.uri, title: source.title, ..Site::default() };
            note(&site, None, source.start.unwrap_or(Whole(0)), source.end, &mut found);
        }
    }
    found
}

fn grounded<'a>(metadata: Metadata<'a>, found: &mut Vec<Found<'a>>) {
    let chunks = metadata.chunks.unwrap_or_default();
    let mut named = vec![false; chunks.len()];
    for support in metadata.supports.into_iter().flatten() {
        let segment = support.segment.unwrap_or_default();
        for index in support.indices.into_iter().flatten() {
            let at = usize::try_from(index.0).unwrap_or(usize::MAX);
            let (Some(chunk), Some(named)) = (chunks.get(at), named.get_mut(at)) else { continue };
            *named = true;
            let part = segment.part.unwrap_or(Whole(0)).count().and_then(|n| usize::try_from(n).ok());
            note(chunk.site(), part, segment.start.unwrap_or(Whole(0)), segment.end, found);
        }
    }
    // What no sentence is supported by was looked at all the same.
    for (chunk, _) in chunks.iter().zip(named).filter(|(_, named)| !named) {
        note(chunk.site(), None, Whole(0), None, found);
    }
}

impl<'a> Chunk<'a> {
    fn site(&self) -> &Site<'a> {
        static NONE: Site<'static> = Site { uri: None, title: None, text: None, of: std::marker::PhantomData };
        self.web.as_ref().or(self.retrieved.as_ref()).or(self.maps.as_ref()).unwrap_or(&NONE)
    }
}

fn note<'a>(site: &Site<'a>, part: Option<usize>, start: Whole, end: Option<Whole>, found: &mut Vec<Found<'a>>) {
    let fits = |text: &Option<Str<'a>>| text.clone().filter(|text| text.len() <= MAX_WORDS);
    let (url, title, quote) = (fits(&site.uri), fits(&site.title), fits(&site.text));
    if found.len() >= MAX_CITATIONS || url.is_none() && title.is_none() {
        return;
    }
    let end = end.and_then(Whole::count);
    let start = start.count().filter(|_| end.is_some());
    found.push(Found { part, citation: Citation { url, title, quote, start, end, raw: None } });
}

/// Positions in bytes of `text` as positions in characters; none where the text has no such place.
pub fn in_chars(citation: &mut Citation<'_>, text: &str) {
    let chars = |at: Option<u64>| text.get(..usize::try_from(at?).ok()?).map(|head| head.chars().count() as u64);
    (citation.start, citation.end) = match (chars(citation.start), chars(citation.end)) {
        (Some(start), Some(end)) => (Some(start), Some(end)),
        (_, _) => (None, None),
    };
}

/// A citation of a text, and which part of the content that is. Positions are bytes.
#[derive(Debug)]
pub struct Cited<'c> {
    pub part: usize,
    pub citation: &'c Citation<'c>,
    pub span: Option<(u64, u64)>,
}

/// Where the characters of a text are in its bytes: looked for once, however many citations ask.
#[derive(Debug)]
pub struct Places<'t> {
    text: &'t str,
    /// The byte at which each [`STEP`]th character begins, as far as one was asked for.
    known: Vec<usize>,
}

const STEP: usize = 256;

impl<'t> Places<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, known: Vec::new() }
    }

    /// Positions in characters of the text as positions in bytes.
    pub fn in_bytes(&mut self, citation: &Citation<'_>) -> Option<(u64, u64)> {
        Some((self.byte(citation.start?)?, self.byte(citation.end?)?))
    }

    fn byte(&mut self, at: u64) -> Option<u64> {
        let at = usize::try_from(at).ok()?;
        if at > self.text.len() {
            return None;
        }
        if self.known.is_empty() {
            let steps = self.text.char_indices().step_by(STEP).map(|(byte, _)| byte);
            self.known.extend(steps);
        }
        let from = self.known.get(at / STEP).copied();
        let (from, skip) = match from {
            Some(from) => (from, at % STEP),
            // The end of the text, right behind a whole number of steps.
            None => (self.text.len(), if at == self.known.len() * STEP && self.full() { 0 } else { 1 }),
        };
        let rest = self.text.get(from..)?;
        let mut ends = rest.char_indices().map(|(byte, _)| byte).chain([rest.len()]);
        ends.nth(skip).map(|byte| (from + byte) as u64)
    }

    /// Whether the last step is a whole one.
    fn full(&self) -> bool {
        let last = self.known.last().and_then(|from| self.text.get(*from..));
        last.is_none_or(|last| last.chars().count() == STEP)
    }
}

/// Writes `groundingMetadata`; nothing where nothing is cited.
pub fn write(candidate: &mut Object<'_>, cited: &[Cited<'_>]) {
    if cited.is_empty() {
        return;
    }
    let mut metadata = candidate.object("groundingMetadata");
    let mut chunks = metadata.list("groundingChunks");
    for cited in cited {
        let mut chunk = chunks.object();
        let mut web = chunk.object("web");
        web.text_if("uri", cited.citation.url.as_deref()).text_if("title", cited.citation.title.as_deref());
    }
    drop(chunks);
    let mut supports = metadata.list("groundingSupports");
    for (index, cited) in cited.iter().enumerate() {
        let Some((start, end)) = cited.span else { continue };
        let mut support = supports.object();
        let mut segment = support.object("segment");
        if cited.part > 0 {
            segment.whole("partIndex", cited.part as u64);
        }
        segment.whole("startIndex", start).whole("endIndex", end);
        drop(segment);
        support.raw("groundingChunkIndices", &format!("[{index}]"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_with_their_places() {
        let raw = RawValue::from_string(
            r#"{"groundingChunks":[{"web":{"uri":"a","title":"A"}},{"retrievedContext":{"title":"B","text":"q"}},{"web":{}}],"groundingSupports":[{"segment":{"endIndex":3,"text":"äb"},"groundingChunkIndices":[0,7]}]}"#.to_owned(),
        )
        .unwrap();
        let mut found = read(Some(&raw), None);
        assert_eq!(found.len(), 2);
        let first = &mut found[0].citation;
        assert_eq!((first.start, first.end), (Some(0), Some(3)));
        in_chars(first, "äb c");
        assert_eq!((first.url.as_deref(), first.start, first.end), (Some("a"), Some(0), Some(2)));
        assert_eq!(Places::new("äb c").in_bytes(first), Some((0, 3)));
        assert_eq!(found[1].citation.quote.as_deref(), Some("q"));
        in_chars(&mut found[0].citation, "");
        assert_eq!(found[0].citation.end, None);
    }

    #[test]
    fn every_place_is_found() {
        for length in [0, 1, 255, 256, 257, 512, 600] {
            let text: String = "aä".chars().cycle().take(length).collect();
            let mut places = Places::new(&text);
            for at in 0..=length + 300 {
                let plain = text.char_indices().map(|(byte, _)| byte as u64).chain([text.len() as u64]).nth(at);
                assert_eq!(places.byte(at as u64), plain, "{at} of {length}");
            }
        }
    }

    #[test]
    fn sources_are_bounded() {
        let indices = "0,".repeat(5_000);
        let json = format!(
            r#"{{"groundingChunks":[{{"web":{{"uri":"a"}}}}],"groundingSupports":[{{"groundingChunkIndices":[{indices}0]}}]}}"#
        );
        let raw = RawValue::from_string(json).unwrap();
        assert_eq!(read(Some(&raw), None).len(), MAX_CITATIONS);
    }
}
