//! What an answer is: its first byte decides, not its label, which gateways and relays set as they please.
//!
//! Nearly every endpoint answers with one JSON object or with events, and whatever begins otherwise (a login page, a
//! server's greeting, `null`) is no answer of it. Where sound, pictures or bare text are answers, the label counts too.
//! Always: how an answer was cut into chunks does not change whether it is taken for events, an array or a document.

use super::foreign;
use crate::Endpoint;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    /// Of what streams: Gemini's.
    Array,
    Events,
    /// Sound, a picture, a text: not to be understood.
    Bytes,
    /// Nothing that this endpoint answers with, and what it seems to be.
    Foreign(&'static str),
}

/// What the content type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Events,
    Json,
    /// `text/html` aside.
    Text,
    Page,
    Media,
    Octets,
    /// Nothing, or something unheard of.
    None,
}

impl Label {
    pub fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let begins = |name: &str| essence.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        let tail = essence.get(essence.len().saturating_sub(5)..);
        if is("application/json") || tail.is_some_and(|tail| tail.eq_ignore_ascii_case("+json")) {
            Self::Json
        } else if is("text/event-stream") {
            Self::Events
        } else if is("text/html") || is("application/xhtml+xml") {
            Self::Page
        } else if begins("text/") || is("application/x-subrip") {
            Self::Text
        } else if ["audio/", "image/", "video/"].into_iter().any(begins) {
            Self::Media
        } else if is("application/octet-stream") {
            Self::Octets
        } else {
            Self::None
        }
    }
}

/// `beginning`: what has come, from the first byte on that is not white space.
pub(super) fn of(endpoint: Endpoint, label: Label, beginning: &[u8]) -> Kind {
    let Some(first) = beginning.first() else { return Kind::Foreign(foreign::EMPTY) };
    match endpoint {
        Endpoint::AudioSpeech if is_sound(label, beginning) => Kind::Bytes,
        Endpoint::AudioSpeech if label == Label::Events => Kind::Events,
        Endpoint::AudioSpeech => readable(beginning),
        // Text, subtitles or JSON, as the request asked. Of JSON only an object is one: `[Music]` is a text. whisper.cpp's
        // server labels its texts as web pages.
        Endpoint::AudioTranscriptions | Endpoint::AudioTranslations => match (label, first) {
            (Label::Events, _) => Kind::Events,
            (Label::Page, b'<') => Kind::Foreign(foreign::PAGE),
            (_, b'{') | (Label::Json, b'[' | 0xEF) => Kind::Document,
            (Label::Octets | Label::None, _) if begins_as_event(beginning) == Some(true) => Kind::Events,
            _ if is_page(beginning) => Kind::Foreign(foreign::PAGE),
            // A text that was made JSON is a string.
            (Label::Json, b'"') => Kind::Bytes,
            (Label::Json, _) => Kind::Foreign(foreign::TEXT),
            _ => Kind::Bytes,
        },
        // vLLM's `encoding_format: bytes`.
        Endpoint::Embeddings if label == Label::Octets => bytes(beginning),
        Endpoint::ImagesGenerations | Endpoint::ImagesEdits | Endpoint::ImagesVariations
            if matches!(label, Label::Media | Label::Octets) =>
        {
            bytes(beginning)
        }
        _ => match (first, label) {
            (b'{', _) => Kind::Document,
            (b'[', _) if endpoint == Endpoint::GenerateContent => Kind::Array,
            // Text Embeddings Inference.
            (b'[', _) if endpoint == Endpoint::Rerank => Kind::Document,
            (b'[', _) => Kind::Foreign(foreign::JSON),
            (b'<', _) => Kind::Foreign(foreign::PAGE),
            (0xEF, Label::Json | Label::Page) => Kind::Document,
            (_, Label::Events) | (b'd' | b'e' | b'i' | b'r' | b':' | 0xEF, _) => Kind::Events,
            (b'"' | b'-' | b'0'..=b'9' | b'n' | b't' | b'f', Label::Json) => Kind::Foreign(foreign::JSON),
            _ => Kind::Foreign(foreign::TEXT),
        },
    }
}

/// Whether more is needed to tell bare text from events: a transcript may begin with "data" or "event" in so many words.
pub(super) fn is_open(endpoint: Endpoint, label: Label, beginning: &[u8]) -> bool {
    matches!(endpoint, Endpoint::AudioTranscriptions | Endpoint::AudioTranslations)
        && matches!(label, Label::Octets | Label::None)
        && begins_as_event(beginning).is_none()
}

/// Whether a field of an event, or a comment, stands first; None where that has not come yet.
fn begins_as_event(beginning: &[u8]) -> Option<bool> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    const FIELDS: [&[u8]; 5] = [b":", b"data:", b"event:", b"id:", b"retry:"];
    let text = beginning.strip_prefix(MARK).unwrap_or(beginning);
    if FIELDS.iter().any(|field| text.starts_with(field)) {
        return Some(true);
    }
    let open = MARK.starts_with(beginning) || FIELDS.iter().any(|field| field.starts_with(text));
    if open { None } else { Some(false) }
}

/// What is labelled as bytes, which are never text.
fn bytes(beginning: &[u8]) -> Kind {
    if is_text(beginning) { readable(beginning) } else { Kind::Bytes }
}

/// What reads as text where bytes are answers.
fn readable(beginning: &[u8]) -> Kind {
    match foreign::bare(beginning).first() {
        Some(b'{') => Kind::Document,
        Some(b'<') => Kind::Foreign(foreign::PAGE),
        _ => Kind::Foreign(foreign::TEXT),
    }
}

/// Whether an answer without a byte can be one: a recording of silence, as text.
pub(super) fn may_be_empty(endpoint: Endpoint, label: Label) -> bool {
    matches!(endpoint, Endpoint::AudioTranscriptions | Endpoint::AudioTranslations)
        && matches!(label, Label::Text | Label::Page | Label::Octets | Label::None)
}

/// HTML or XML.
fn is_page(beginning: &[u8]) -> bool {
    let begins = |with: &[u8]| beginning.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    [&b"<!doctype"[..], b"<html", b"<head", b"<body", b"<?xml", b"<!--"].into_iter().any(begins)
}

/// Sound, by its label or by what it is; vendors label it as they please, and so do their errors.
fn is_sound(label: Label, beginning: &[u8]) -> bool {
    let is_known = [&b"RIFF"[..], b"ID3", b"OggS", b"fLaC", b"FORM", b"caff", b"#!AMR"]
        .into_iter()
        .any(|magic| beginning.starts_with(magic));
    match label {
        Label::Events => false,
        Label::Media => {
            !is_text(beginning) || !(foreign::bare(beginning).starts_with(b"{") || is_page(foreign::bare(beginning)))
        }
        Label::Json | Label::Text | Label::Page | Label::Octets | Label::None => is_known || !is_text(beginning),
    }
}

/// Text in any script. A few bytes of sound may read as it by chance.
fn is_text(beginning: &[u8]) -> bool {
    let first = beginning.get(..64).unwrap_or(beginning);
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        // A letter that is cut in two by the piece's end.
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            first.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    beginning.len() >= 4
        && !beginning.starts_with(b"RIFF")
        && !beginning.starts_with(b"GIF8")
        && text.chars().all(|c| matches!(c, '\t' | '\r' | '\n') || !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_any_script_is_no_sound() {
        let labels = [Label::Json, Label::Media, Label::Octets, Label::Page, Label::None];
        for document in [
            r#"{"error":{"message":"密钥无权使用该音色","code":500}}"#,
            "\u{feff}{\"error\":\"x\"}",
            r#"{"error":"You can’t use this voice"}"#,
        ] {
            for label in labels {
                let kind = of(Endpoint::AudioSpeech, label, document.as_bytes());
                assert_eq!(kind, Kind::Document, "{label:?} {document}");
            }
            // However a letter is cut.
            for cut in 8..document.len() {
                let begun = &document.as_bytes()[..cut];
                assert_eq!(of(Endpoint::ImagesEdits, Label::Octets, begun), Kind::Document, "{cut} {document}");
            }
        }
        let page = "<html><title>Вход</title>".as_bytes();
        assert_eq!(of(Endpoint::AudioSpeech, Label::Page, page), Kind::Foreign(foreign::PAGE));
        assert_eq!(of(Endpoint::AudioSpeech, Label::Json, "请先登录".as_bytes()), Kind::Foreign(foreign::TEXT));
        for sound in [
            &b"\xff\xfb\x90\x64\0\0\0\0"[..],
            &[0; 64],
            b"ID3\x04\0\0",
            b"RIFF\x24\x08\0\0WAVEfmt ",
            b"\x80\x7f\x80\x80",
        ] {
            assert_eq!(of(Endpoint::AudioSpeech, Label::None, sound), Kind::Bytes, "{sound:?}");
        }
    }
}
