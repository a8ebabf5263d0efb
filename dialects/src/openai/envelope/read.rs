//! The pass over the body.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Envelope, EnvelopeError, Options};
use crate::json::scan::Scan;
use crate::json::{Scalar, keys};

keys! { Key {
    Model = "model",
    Stream = "stream",
    StreamOptions = "stream_options",
    Store = "store",
    MaxTokens = "max_tokens" | "max_completion_tokens" | "max_output_tokens",
} }

#[derive(Debug, Default, PartialEq)]
struct Raw<'a> {
    model: Option<&'a str>,
    models: u32,
    stream: Option<Scalar>,
    streams: u32,
    stream_options: Option<&'a str>,
    store: Option<bool>,
    max_tokens: Option<u64>,
}

pub(super) fn parse(body: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let lead = body.len() - body.trim_ascii_start().len();
    match body.get(lead) {
        None => return Err(EnvelopeError::Empty),
        Some(b'{') => {}
        Some(_) => return Err(not_an_object(body)),
    }
    let raw = match walk(body) {
        Some(raw) => raw,
        None => parse_strictly(body)?,
    };

    let model = match (raw.model, raw.models) {
        (None, _) => return Err(EnvelopeError::NoModel),
        (Some(model), 1) => model,
        (Some(_), _) => return Err(EnvelopeError::DuplicateModel),
    };
    if raw.streams > 1 {
        return Err(EnvelopeError::DuplicateStream);
    }
    let model_span = span(body, model);
    let model = text(model).ok_or(EnvelopeError::ModelNotAString)?;
    if model.is_empty() {
        return Err(EnvelopeError::EmptyModel);
    }
    let stream = match raw.stream {
        None | Some(Scalar::Null) => false,
        Some(Scalar::Bool(stream)) => stream,
        Some(Scalar::Number(_) | Scalar::Other) => return Err(EnvelopeError::StreamNotABoolean),
    };
    let (include_usage, stream_options) = match raw.stream_options {
        None => (false, Options::Absent(lead + 1)),
        Some(value) => options(span(body, value), value),
    };
    Ok(Envelope {
        model,
        model_span,
        stream,
        include_usage,
        store: raw.store,
        max_tokens: raw.max_tokens,
        stream_options,
    })
}

/// The quick way, for bodies without anything unusual.
fn walk(body: &[u8]) -> Option<Raw<'_>> {
    let mut scan = Scan::new(body);
    let mut raw = Raw::default();
    let mut more = scan.open()?;
    while more {
        let key = scan.key()?;
        match Key::of(key) {
            Key::Model => {
                raw.model = Some(std::str::from_utf8(scan.value()?).ok()?);
                raw.models = raw.models.saturating_add(1);
            }
            Key::Stream => {
                raw.stream = Some(flag(scan.value()?)?);
                raw.streams = raw.streams.saturating_add(1);
            }
            Key::Store => raw.store = flag(scan.value()?)?.as_bool(),
            Key::StreamOptions => raw.stream_options = Some(std::str::from_utf8(scan.value()?).ok()?),
            Key::MaxTokens => raw.max_tokens = raw.max_tokens.max(Some(scan.whole()?)),
            Key::Other => {
                match key.len() {
                    5 if key.eq_ignore_ascii_case(b"model") => raw.models = raw.models.saturating_add(1),
                    6 if key.eq_ignore_ascii_case(b"stream") => raw.streams = raw.streams.saturating_add(1),
                    _ => {}
                }
                scan.skip()?;
            }
        }
        more = scan.more()?;
    }
    scan.at_end().then_some(raw)
}

fn flag(text: &[u8]) -> Option<Scalar> {
    match text {
        b"true" => Some(Scalar::Bool(true)),
        b"false" => Some(Scalar::Bool(false)),
        _ => None,
    }
}

/// The way that has the last word, and the words for what is wrong.
fn parse_strictly(body: &[u8]) -> Result<Raw<'_>, EnvelopeError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let raw = json.deserialize_map(Read).map_err(not_json)?;
    json.end().map_err(not_json)?;
    Ok(raw)
}

fn not_json(error: serde_json::Error) -> EnvelopeError {
    EnvelopeError::NotJson { line: error.line(), column: error.column() }
}

fn not_an_object(body: &[u8]) -> EnvelopeError {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => EnvelopeError::NotAnObject,
        Err(error) => not_json(error),
    }
}

/// Where `part` stands in `whole`, of which it is a slice.
fn span(whole: &[u8], part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

/// The text of a JSON string, borrowed unless it holds escapes; None for any other value.
fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(json).ok().map(Cow::Owned)
}

/// A key, whatever it is.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether readers that do not look at the case (Go's, .NET's) take this key for that one, given in capitals.
fn is_spelling_of(key: &str, capitals: &str) -> bool {
    key.len() <= 2 * capitals.len() && key.chars().flat_map(char::to_uppercase).eq(capitals.chars())
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Raw<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        let mut raw = Raw::default();
        while let Some(Text(text)) = map.next_key()? {
            match Key::of(text.as_bytes()) {
                Key::Model => {
                    raw.model = Some(map.next_value::<&RawValue>()?.get());
                    raw.models = raw.models.saturating_add(1);
                }
                Key::Stream => {
                    raw.stream = Some(map.next_value()?);
                    raw.streams = raw.streams.saturating_add(1);
                }
                Key::StreamOptions => raw.stream_options = Some(map.next_value::<&RawValue>()?.get()),
                Key::Store => raw.store = map.next_value::<Scalar>()?.as_bool(),
                Key::MaxTokens => raw.max_tokens = raw.max_tokens.max(map.next_value::<Scalar>()?.number()),
                Key::Other => {
                    raw.models = raw.models.saturating_add(u32::from(is_spelling_of(&text, "MODEL")));
                    raw.streams = raw.streams.saturating_add(u32::from(is_spelling_of(&text, "STREAM")));
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(raw)
    }
}

/// Whether usage is asked for, and where it would be.
fn options(at: Range<usize>, json: &str) -> (bool, Options) {
    keys! { Inner { IncludeUsage = "include_usage" } }
    struct ReadOptions;
    impl<'de> Visitor<'de> for ReadOptions {
        type Value = (Option<&'de RawValue>, bool);
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("stream options")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut usage, mut empty) = (None, true);
            while let Some(key) = map.next_key::<Inner>()? {
                empty = false;
                match key {
                    Inner::IncludeUsage => usage = Some(map.next_value()?),
                    Inner::Other => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok((usage, empty))
        }
    }
    if json == "null" {
        return (false, Options::Replace { at, whole: true });
    }
    match serde_json::Deserializer::from_str(json).deserialize_map(ReadOptions) {
        Err(_) => (false, Options::Foreign),
        Ok((None, empty)) => (false, Options::Inside { at: at.start + 1, empty }),
        Ok((Some(value), _)) => {
            let inner = span(json.as_bytes(), value.get());
            let at = at.start + inner.start..at.start + inner.end;
            (value.get() == "true", Options::Replace { at, whole: false })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_lead_to_the_same() {
        let words = [
            "\"model\":\"m\"",
            "\"model\":7",
            "\"stream\":true",
            "\"stream\":null",
            "\"store\":false",
            "\"max_tokens\":12",
            "\"max_tokens\":1.5",
            "\"stream_options\":{\"include_usage\":true}",
            "\"stream_options\":{ }",
            "\"x\":[1,{\"y\":\"z\\n\"}]",
            "}",
            "\"mod\\u0065l\":1",
            "\"Model\":\"n\"",
            "\"STREAM\":1",
        ];
        let (mut seed, mut walked) = (5_u64, 0);
        for _ in 0..200_000 {
            let mut body = "{".to_owned();
            for index in 0..6 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                body.push_str(if index == 0 || seed % 50 == 0 { "" } else { ", " });
                body.push_str(words[(seed >> 8) as usize % words.len()]);
            }
            body.push('}');
            if let Some(raw) = walk(body.as_bytes()) {
                assert_eq!(Ok(raw), parse_strictly(body.as_bytes()), "{body}");
                walked += 1;
            }
        }
        assert!(walked > 5_000, "{walked}");
    }
}
