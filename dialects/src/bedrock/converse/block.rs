//! Content blocks as they are read, in requests and in answers.
//!
//! A block is a union with one member. A `cachePoint` marks what stands before it; what is known to nobody else is
//! native, and kept whole.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::formats::Medium;
use crate::Wire;
use crate::conversation::{Cache, Call, Citation, Extra, Kind, Media, Native, Opaque, Part, Source, Str, ToolResult};
use crate::json::Scalar;
use crate::json::object::object;

object! {
    struct Block<'a> {
        text: Str<'a> = "text",
        image: Held<'a> = "image",
        document: Held<'a> = "document",
        video: Held<'a> = "video",
        audio: Held<'a> = "audio",
        call: ToolUse<'a> = "toolUse",
        result: RawResult<'a> = "toolResult",
        json: &'a RawValue = "json",
        reasoning: Reasoning<'a> = "reasoningContent",
        cited: Cited<'a> = "citationsContent",
        cache: CachePoint<'a> = "cachePoint",
        ..extra: Extra<'a>,
    }
}

object! {
    struct Held<'a> {
        format: Str<'a> = "format",
        name: Str<'a> = "name",
        source: RawSource<'a> = "source",
        context: Str<'a> = "context",
        citations: Enabled<'a> = "citations",
        ..extra: bool,
    }
}

object! { struct RawSource<'a> { bytes: Str<'a> = "bytes", text: Str<'a> = "text", s3: S3<'a> = "s3Location", } }
object! { struct S3<'a> { uri: Str<'a> = "uri", ..extra: bool, } }
object! { struct Enabled<'a> { enabled: bool = "enabled", } }

object! {
    pub struct ToolUse<'a> {
        id: Str<'a> = "toolUseId",
        name: Str<'a> = "name",
        input: &'a RawValue = "input",
        /// `server_tool_use`: the provider calls its own tool.
        kind: Str<'a> = "type",
    }
}

impl ToolUse<'_> {
    /// Nobody is to answer it but the provider.
    pub fn of_provider(&self) -> bool {
        self.kind.as_deref() == Some("server_tool_use")
    }
}

object! {
    struct RawResult<'a> {
        id: Str<'a> = "toolUseId",
        content: Vec<&'a RawValue> = "content",
        status: Str<'a> = "status",
        /// Of the provider's own tools.
        kind: Str<'a> = "type",
    }
}

object! { pub struct Reasoning<'a> { text: ReasoningText<'a> = "reasoningText", redacted: Str<'a> = "redactedContent", } }
object! { pub struct ReasoningText<'a> { text: Str<'a> = "text", signature: Str<'a> = "signature", } }

object! { struct Cited<'a> { content: Vec<Words<'a>> = "content", citations: Vec<&'a RawValue> = "citations", } }
object! { struct Words<'a> { text: Str<'a> = "text", } }

object! {
    struct RawCitation<'a> {
        title: Str<'a> = "title",
        source: Str<'a> = "source",
        quoted: Vec<Words<'a>> = "sourceContent",
        location: Location<'a> = "location",
    }
}
object! { struct Location<'a> { web: Web<'a> = "web", } }
object! { struct Web<'a> { url: Str<'a> = "url", domain: Str<'a> = "domain", } }

object! { pub struct CachePoint<'a> { kind: Str<'a> = "type", ttl: Str<'a> = "ttl", index: Scalar = "index", } }

impl<'a> CachePoint<'a> {
    pub fn cache(self) -> Cache<'a> {
        Cache { ttl: self.ttl }
    }
}

type Error = serde_json::Error;

/// All parts of a content.
pub fn parts<'a>(blocks: impl IntoIterator<Item = &'a RawValue>) -> Result<Vec<Part<'a>>, Error> {
    let mut parts = Vec::new();
    for json in blocks {
        add(json, &mut parts, true)?;
    }
    Ok(parts)
}

fn native(json: &RawValue) -> Part<'_> {
    Kind::Native(Native { raw: Cow::Borrowed(json) }).into()
}

fn add<'a>(json: &'a RawValue, parts: &mut Vec<Part<'a>>, outside: bool) -> Result<(), Error> {
    let block: Block<'a> = serde_json::from_str(json.get())?;
    let mut opaque = None;
    let kind = if let Some(text) = block.text {
        Kind::Text { text, citations: Vec::new() }
    } else if let Some(call) = block.call.filter(|call| !call.of_provider()) {
        let (id, hung) = Opaque::off_id(call.id.unwrap_or_default());
        opaque = hung;
        let arguments = call.input.map(Str::json_text).unwrap_or_default();
        Kind::Call(Box::new(Call { id, name: call.name.unwrap_or_default(), arguments, free_form: false }))
    } else if let Some(result) = block.result.filter(|result| outside && result.kind.is_none()) {
        let mut inner = Vec::new();
        for json in result.content.unwrap_or_default() {
            add(json, &mut inner, false)?;
        }
        let (id, _) = Opaque::off_id(result.id.unwrap_or_default());
        let is_error = result.status.as_deref() == Some("error");
        Kind::Result(Box::new(ToolResult { id, name: Str::default(), parts: inner, is_error, free_form: false }))
    } else if let Some(json) = block.json {
        // What a tool said as JSON is as good as text.
        Kind::Text { text: json.get().into(), citations: Vec::new() }
    } else if let Some(reasoning) = block.reasoning {
        let (text, state) = reasoning.read();
        opaque = state;
        Kind::Thinking { text }
    } else if let Some(cited) = block.cited {
        cite(cited, parts);
        return Ok(());
    } else if let (Some(point), Some(before)) = (block.cache, parts.last_mut().filter(|part| part.cache.is_none())) {
        before.cache = Some(point.cache());
        return Ok(());
    } else {
        let media = [
            (Medium::Image, block.image),
            (Medium::Document, block.document),
            (Medium::Video, block.video),
            (Medium::Audio, block.audio),
        ];
        match media.into_iter().find_map(|(medium, held)| held?.kind(medium)) {
            Some(kind) => kind,
            None => {
                parts.push(native(json));
                return Ok(());
            }
        }
    };
    parts.push(Part { opaque: opaque.map(Box::new), extra: block.extra, ..kind.into() });
    Ok(())
}

impl<'a> Reasoning<'a> {
    /// The thought, and what is to be handed back with it.
    pub fn read(self) -> (Str<'a>, Option<Opaque<'a>>) {
        if let Some(data) = self.redacted {
            return (Str::default(), Opaque::unpack(Wire::Converse, true, data));
        }
        let thought = self.text.unwrap_or_default();
        let signature = thought.signature.filter(|text| !text.is_empty());
        let state = signature.and_then(|text| Opaque::unpack(Wire::Converse, false, text));
        (thought.text.unwrap_or_default(), state)
    }
}

impl<'a> Held<'a> {
    /// None for what has a source, or anything else, that is not known.
    fn kind(self, medium: Medium) -> Option<Kind<'a>> {
        let source = self.source.filter(|_| !self.extra)?;
        let format = self.format.unwrap_or_default();
        let source = match (source.bytes, source.text, source.s3) {
            (Some(data), ..) => Source::Base64 { media_type: Str(medium.media_type(&format)), data },
            (None, Some(text), _) => Source::Text(text),
            // Only the provider's customer can read it.
            (None, None, Some(S3 { uri: Some(uri), extra: false, .. })) => Source::File(uri),
            (None, None, _) => return None,
        };
        let cite = self.citations.and_then(|citations| citations.enabled);
        let media = Box::new(Media { source, name: self.name, detail: None, context: self.context, cite });
        Some(match medium {
            Medium::Image => Kind::Image(media),
            Medium::Document => Kind::Document(media),
            Medium::Video => Kind::Video(media),
            Medium::Audio => Kind::Audio(media),
        })
    }
}

/// A cited text; one without words says where the text before comes from.
fn cite<'a>(cited: Cited<'a>, parts: &mut Vec<Part<'a>>) {
    let found: Vec<_> = cited.citations.into_iter().flatten().filter_map(citation).collect();
    let words = cited.content.unwrap_or_default();
    if words.is_empty()
        && let Some(Part { kind: Kind::Text { citations, .. }, .. }) = parts.last_mut()
    {
        citations.extend(found);
        return;
    }
    let mut texts: Vec<Str<'a>> = words.into_iter().filter_map(|words| words.text).collect();
    let text = match texts.len() {
        1 => texts.remove(0),
        _ => texts.iter().map(|text| &**text).collect::<String>().into(),
    };
    parts.push(Kind::Text { text, citations: found }.into());
}

/// A citation; None for what is none.
pub fn citation(json: &RawValue) -> Option<Citation<'_>> {
    let read: RawCitation<'_> = serde_json::from_str(json.get()).ok()?;
    let web = read.location.and_then(|location| location.web).unwrap_or_default();
    let source = read.source.filter(|source| source.starts_with("http"));
    Some(Citation {
        url: web.url.or(source),
        title: read.title.or(web.domain),
        quote: read.quoted.into_iter().flatten().find_map(|words| words.text),
        start: None,
        end: None,
        raw: Some(json),
    })
}
