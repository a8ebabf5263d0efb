//! What a message is made of.

use serde_json::value::RawValue;

use super::{Extra, Json, Opaque, Str};

/// One part of a message, in the order in which it was said.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub kind: Kind<'a>,
    /// Everything up to here may be cached.
    pub cache: Option<Cache<'a>>,
    /// What the provider wants back unchanged with this part: the signature of a thought, of a call (Gemini) or of a
    /// text (Gemini); the whole of a redacted thought.
    pub opaque: Option<Box<Opaque<'a>>>,
    /// Members unknown to the reader.
    pub extra: Extra<'a>,
}

impl<'a> From<Kind<'a>> for Part<'a> {
    fn from(kind: Kind<'a>) -> Self {
        Self { kind, cache: None, opaque: None, extra: Extra::new() }
    }
}

impl<'a> Part<'a> {
    pub fn text(text: impl Into<Str<'a>>) -> Self {
        Kind::Text { text: text.into(), citations: Vec::new() }.into()
    }
}

/// What a part says. Nearly all are texts, and there may be very many: what is larger than a text is boxed.
#[derive(Debug, Clone)]
pub enum Kind<'a> {
    Text {
        text: Str<'a>,
        citations: Vec<Citation<'a>>,
    },
    Image(Box<Media<'a>>),
    /// A PDF, a text, or whatever else is read as pages.
    Document(Box<Media<'a>>),
    Audio(Box<Media<'a>>),
    Video(Box<Media<'a>>),
    Call(Box<Call<'a>>),
    Result(Box<ToolResult<'a>>),
    /// The model's reasoning. Empty where it is only to be handed back ([`Part::opaque`]).
    Thinking {
        text: Str<'a>,
    },
    Refusal(Str<'a>),
    /// Something that only the format it came in knows.
    Native(Native<'a>),
}

impl Kind<'_> {
    /// The text, where it is one.
    pub fn said(&self) -> Option<&str> {
        if let Self::Text { text, .. } = self { Some(text) } else { None }
    }

    /// The text of a refusal.
    pub fn refused(&self) -> Option<&str> {
        if let Self::Refusal(text) = self { Some(text) } else { None }
    }

    /// The text of a thought.
    pub fn thought(&self) -> Option<&str> {
        if let Self::Thinking { text } = self { Some(text) } else { None }
    }
}

/// How long a cache marker asks for: `5m`, `1h`; None is the provider's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cache<'a> {
    pub ttl: Option<Str<'a>>,
}

/// A medium, and where it is.
#[derive(Debug, Clone)]
pub struct Media<'a> {
    pub source: Source<'a>,
    /// A file's name, or a document's title.
    pub name: Option<Str<'a>>,
    /// OpenAI's `detail` of an image, Gemini's `mediaResolution`.
    pub detail: Option<Str<'a>>,
    /// What a document is about, in words for the model (Anthropic's `context`).
    pub context: Option<Str<'a>>,
    /// The answer may quote it (Anthropic's `citations`).
    pub cite: Option<bool>,
}

impl<'a> From<Source<'a>> for Media<'a> {
    fn from(source: Source<'a>) -> Self {
        Self { source, name: None, detail: None, context: None, cite: None }
    }
}

impl<'a> From<Source<'a>> for Box<Media<'a>> {
    fn from(source: Source<'a>) -> Self {
        Self::new(source.into())
    }
}

/// Where a medium is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// Its bytes, in base64 as they came, without `data:` before them. The type is like `image/png`.
    Base64 { media_type: Str<'a>, data: Str<'a> },
    /// Plain text in place of a file.
    Text(Str<'a>),
    /// Never a `data:` URL: that is `Base64`.
    Url { url: Str<'a>, media_type: Option<Str<'a>> },
    /// A file that the provider keeps under this id: means nothing to another one.
    File(Str<'a>),
}

/// The model calls a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// Empty where the format has none, and never otherwise.
    pub id: Str<'a>,
    pub name: Str<'a>,
    /// JSON, as the model wrote it: nearly always an object, empty for none, and not to be trusted to be whole.
    pub arguments: Str<'a>,
    /// A tool that takes text and not JSON (OpenAI's custom tools): `arguments` is that text.
    pub free_form: bool,
}

/// What a tool said.
#[derive(Debug, Clone)]
pub struct ToolResult<'a> {
    /// Of the call that it answers.
    pub id: Str<'a>,
    /// Of the tool; empty where the format does not repeat it.
    pub name: Str<'a>,
    /// Text, images, documents.
    pub parts: Vec<Part<'a>>,
    pub is_error: bool,
    /// Answers a free-form call.
    pub free_form: bool,
}

/// Where a text comes from.
#[derive(Debug, Clone)]
pub struct Citation<'a> {
    pub url: Option<Str<'a>>,
    pub title: Option<Str<'a>>,
    /// The words that are quoted.
    pub quote: Option<Str<'a>>,
    /// In characters of the text that quotes, where the format says it.
    pub start: Option<u64>,
    pub end: Option<u64>,
    /// The whole of it as it came, for a writer of the same format.
    pub raw: Option<&'a RawValue>,
}

/// A part in the words of the format that it came in.
#[derive(Debug, Clone)]
pub struct Native<'a> {
    pub raw: Json<'a>,
}
