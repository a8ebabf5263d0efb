//! Content blocks, as requests and answers have them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Wire;
use crate::conversation::{Cache, Call, Citation, Extra, Kind, Media, Native, Opaque, Part, Source, Str, ToolResult};
use crate::json::list;
use crate::json::object::object;
use crate::loss::{Field, Losses};

object! {
    struct Block<'a> {
        kind: Str<'a> = "type",
        text: Str<'a> = "text",
        citations: Citations<'a> = "citations",
        source: RawSource<'a> = "source",
        title: Str<'a> = "title",
        context: Str<'a> = "context",
        id: Str<'a> = "id",
        name: Str<'a> = "name",
        input: &'a RawValue = "input",
        tool_use_id: Str<'a> = "tool_use_id",
        content: Content<'a> = "content",
        is_error: bool = "is_error",
        thinking: Str<'a> = "thinking",
        signature: Str<'a> = "signature",
        data: Str<'a> = "data",
        cache: RawCache<'a> = "cache_control",
        ..extra: Extra<'a>,
    }
}

object! {
    struct RawSource<'a> {
        kind: Str<'a> = "type",
        media_type: Str<'a> = "media_type",
        data: Str<'a> = "data",
        url: Str<'a> = "url",
        file_id: Str<'a> = "file_id",
        content: &'a RawValue = "content",
        ..extra: bool,
    }
}

object! {
    pub struct RawCache<'a> {
        kind: Str<'a> = "type",
        ttl: Str<'a> = "ttl",
    }
}

impl<'a> RawCache<'a> {
    pub fn cache(self) -> Cache<'a> {
        Cache { ttl: self.ttl }
    }
}

object! {
    /// Of the five kinds, what they have in common.
    pub struct RawCitation<'a> {
        kind: Str<'a> = "type",
        cited_text: Str<'a> = "cited_text",
        url: Str<'a> = "url" | "source",
        title: Str<'a> = "title" | "document_title",
    }
}

/// A citation, with the whole of it for a writer of this format.
pub fn citation(json: &RawValue) -> Option<Citation<'_>> {
    let raw: RawCitation<'_> = serde_json::from_str(json.get()).ok()?;
    Some(Citation { url: raw.url, title: raw.title, quote: raw.cited_text, start: None, end: None, raw: Some(json) })
}

/// `citations`: of a text a list, of a document a switch.
#[derive(Debug)]
enum Citations<'a> {
    List(Vec<Citation<'a>>),
    Switch(Option<bool>),
}

impl<'de> Deserialize<'de> for Citations<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object! { struct Switch<'a> { enabled: bool = "enabled", } }
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            let switch: Switch<'_> = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
            return Ok(Self::Switch(switch.enabled));
        }
        let list: Vec<&'de RawValue> = serde_json::from_str(raw.get()).map_err(serde::de::Error::custom)?;
        Ok(Self::List(list.into_iter().filter_map(citation).collect()))
    }
}

/// Content: a string or blocks; an object in results of built-in tools.
#[derive(Debug)]
pub enum Content<'a> {
    Text(Str<'a>),
    Blocks(Vec<&'a RawValue>),
    Foreign,
}

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of blocks")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::Text(v.into()))
            }
            fn visit_str<E>(self, v: &str) -> Result<Content<'de>, E> {
                Ok(Content::Text(v.to_owned().into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Content<'de>, A::Error> {
                let mut blocks = Vec::new();
                while let Some(block) = seq.next_element()? {
                    list::push(&mut blocks, block);
                }
                Ok(Content::Blocks(blocks))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Content<'de>, A::Error> {
                while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
                Ok(Content::Foreign)
            }
        }
        deserializer.deserialize_any(Look)
    }
}

impl<'a> Content<'a> {
    /// The parts that were meant; None for a block with members of the wrong type.
    pub fn parts(self, lost: &mut Losses) -> Option<Vec<Part<'a>>> {
        self.read(false, lost)
    }

    fn read(self, inside: bool, lost: &mut Losses) -> Option<Vec<Part<'a>>> {
        match self {
            Self::Text(text) => Some(vec![Part::text(text)]),
            Self::Blocks(blocks) => list::try_map(blocks, |json| read(json, inside, lost).ok_or(())).ok(),
            Self::Foreign => None,
        }
    }
}

/// A block; None where it has members of the wrong type.
pub fn part<'a>(json: &'a RawValue, lost: &mut Losses) -> Option<Part<'a>> {
    read(json, false, lost)
}

/// `inside` of a tool's result there is no other one: whoever nests them without end gets them back as they came.
fn read<'a>(json: &'a RawValue, inside: bool, lost: &mut Losses) -> Option<Part<'a>> {
    let Ok(mut block) = serde_json::from_str::<Block<'a>>(json.get()) else {
        // The blocks of built-in tools give other meanings to some of these members.
        let head: Head<'a> = serde_json::from_str(json.get()).ok()?;
        return (!KNOWN.contains(&&*head.kind?)).then(|| native(json));
    };
    let mut opaque = None;
    let kind = match block.kind.take().as_deref() {
        Some("text") => {
            let citations = match block.citations {
                Some(Citations::List(list)) => list,
                Some(Citations::Switch(_)) | None => Vec::new(),
            };
            Kind::Text { text: block.text?, citations }
        }
        Some("thinking") => {
            opaque = block.signature.and_then(|text| Opaque::unpack(Wire::Messages, false, text));
            Kind::Thinking { text: block.thinking.unwrap_or_default() }
        }
        Some("redacted_thinking") => {
            opaque = block.data.and_then(|text| Opaque::unpack(Wire::Messages, true, text));
            Kind::Thinking { text: Str::default() }
        }
        Some("tool_use") => {
            let (id, state) = Opaque::off_id(block.id.unwrap_or_default());
            opaque = state;
            let arguments = block.input.map(|input| Str::from(input.get())).unwrap_or_default();
            Kind::Call(Box::new(Call { id, name: block.name.unwrap_or_default(), arguments, free_form: false }))
        }
        Some("tool_result") if !inside => {
            let (id, _) = Opaque::off_id(block.tool_use_id.unwrap_or_default());
            let parts = block.content.map_or_else(|| Some(Vec::new()), |content| content.read(true, lost))?;
            let is_error = block.is_error.unwrap_or(false);
            Kind::Result(Box::new(ToolResult { id, name: Str::default(), parts, is_error, free_form: false }))
        }
        Some(kind @ ("image" | "document")) if block.source.as_ref().is_some_and(|source| source.content.is_none()) => {
            let source = source(block.source?, lost)?;
            let cite = match block.citations {
                Some(Citations::Switch(cite)) => cite,
                Some(Citations::List(_)) | None => None,
            };
            let media = Box::new(Media { source, name: block.title, detail: None, context: block.context, cite });
            if kind == "image" { Kind::Image(media) } else { Kind::Document(media) }
        }
        _ => return Some(native(json)),
    };
    Some(Part { kind, cache: block.cache.map(RawCache::cache), opaque: opaque.map(Box::new), extra: block.extra })
}

object! { struct Head<'a> { kind: Str<'a> = "type", } }

/// The blocks that are read.
const KNOWN: [&str; 7] = ["text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image", "document"];

fn native(json: &RawValue) -> Part<'_> {
    Kind::Native(Native { raw: Cow::Borrowed(json) }).into()
}

fn source<'a>(raw: RawSource<'a>, lost: &mut Losses) -> Option<Source<'a>> {
    lost.note_if(raw.extra, Field::Unknown);
    Some(match (raw.data, raw.url, raw.file_id) {
        (Some(data), ..) if raw.kind.as_deref() == Some("text") => Source::Text(data),
        (Some(data), ..) => Source::Base64 { media_type: raw.media_type.unwrap_or_default(), data },
        (None, Some(url), _) => Source::Url { url, media_type: None },
        (None, None, Some(id)) => Source::File(id),
        (None, None, None) => return None,
    })
}
