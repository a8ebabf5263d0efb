//! Content and its parts as they are read, in requests and in answers.
//!
//! A part is a union by its members: text, inline data, a file, a call, a response. `thought` and `thoughtSignature`
//! stand beside any of them. What holds none of these members is native, and kept whole.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::path;
use crate::Wire;
use crate::conversation::{Call, Extra, Kind, Media, Native, Opaque, Part, Source, Str, ToolResult};
use crate::json::list;
use crate::json::object::object;

object! {
    pub struct Content<'a> {
        role: Str<'a> = "role",
        parts: list::Raws<'a> = "parts",
        ..extra: Extra<'a>,
    }
}

object! {
    struct RawPart<'a> {
        text: Str<'a> = "text",
        thought: bool = "thought",
        signature: Str<'a> = "thoughtSignature" | "thought_signature",
        inline: Blob<'a> = "inlineData" | "inline_data",
        file: File<'a> = "fileData" | "file_data",
        call: FunctionCall<'a> = "functionCall" | "function_call",
        response: FunctionResponse<'a> = "functionResponse" | "function_response",
        resolution: Resolution<'a> = "mediaResolution" | "media_resolution",
        ..extra: Extra<'a>,
    }
}

object! {
    struct Blob<'a> {
        media_type: Str<'a> = "mimeType" | "mime_type",
        data: Str<'a> = "data",
        name: Str<'a> = "displayName" | "display_name",
        ..extra: Extra<'a>,
    }
}

object! {
    struct File<'a> {
        media_type: &'a RawValue = "mimeType" | "mime_type",
        uri: Str<'a> = "fileUri" | "file_uri",
        name: Str<'a> = "displayName" | "display_name",
        ..extra: Extra<'a>,
    }
}

object! { struct Resolution<'a> { level: Str<'a> = "level", } }

object! {
    struct FunctionCall<'a> {
        id: Str<'a> = "id",
        name: Str<'a> = "name",
        args: &'a RawValue = "args",
        ..extra: Extra<'a>,
    }
}

object! {
    struct FunctionResponse<'a> {
        id: Str<'a> = "id",
        name: Str<'a> = "name",
        response: &'a RawValue = "response",
        parts: list::Raws<'a> = "parts",
        ..extra: Extra<'a>,
    }
}

/// The part that was meant.
pub fn part(json: &RawValue) -> Result<Part<'_>, serde_json::Error> {
    let raw: RawPart<'_> = serde_json::from_str(json.get())?;
    let mut extra = raw.extra;
    let signature = raw.signature.and_then(|text| Opaque::unpack_base64(Wire::Gemini, text));
    let detail = raw.resolution.and_then(|resolution| resolution.level).map(level);
    let mut hung = None;
    let kind = if let Some(call) = raw.call {
        path::keep(&mut extra, "functionCall.", call.extra);
        let (id, on_id) = Opaque::off_id(call.id.unwrap_or_default());
        hung = on_id;
        let arguments = call.args.map(Str::json_text).unwrap_or_default();
        Kind::Call(Box::new(Call { id, name: call.name.unwrap_or_default(), arguments, free_form: false }))
    } else if let Some(response) = raw.response {
        path::keep(&mut extra, "functionResponse.", response.extra);
        let (mut parts, is_error) = response.response.map(said).unwrap_or_default();
        for json in response.parts.unwrap_or_default().0 {
            parts.push(part_below(json)?);
        }
        let (id, _) = Opaque::off_id(response.id.unwrap_or_default());
        Kind::Result(Box::new(ToolResult {
            id,
            name: response.name.unwrap_or_default(),
            parts,
            is_error,
            free_form: false,
        }))
    } else if let Some(blob) = raw.inline {
        path::keep(&mut extra, "inlineData.", blob.extra);
        let media_type = blob.media_type.unwrap_or_default();
        let of = media_kind(&media_type);
        let source = Source::Base64 { media_type, data: blob.data.unwrap_or_default() };
        of(Box::new(Media { name: blob.name, detail, ..source.into() }))
    } else if let Some(file) = raw.file {
        path::keep(&mut extra, "fileData.", file.extra);
        let url = file.uri.unwrap_or_default();
        let media_type = file.media_type.map(Str::json_text);
        let of = media_kind(media_type.as_deref().unwrap_or_else(|| guessed_type(&url)));
        let source = if is_kept(&url) {
            if let Some(raw) = file.media_type {
                extra.push(("fileData.mimeType".into(), raw));
            }
            Source::File(url)
        } else {
            Source::Url { url, media_type }
        };
        of(Box::new(Media { name: file.name, detail, ..source.into() }))
    } else if let Some(text) = raw.text {
        if raw.thought == Some(true) { Kind::Thinking { text } } else { Kind::Text { text, citations: Vec::new() } }
    } else if signature.is_some() && extra.is_empty() {
        Kind::Text { text: Str::default(), citations: Vec::new() }
    } else {
        return Ok(Kind::Native(Native { raw: Cow::Borrowed(json) }).into());
    };
    Ok(Part { opaque: signature.or(hung).map(Box::new), extra, ..kind.into() })
}

/// A part within a response: nothing but media are allowed there, so nothing nests any deeper.
fn part_below(json: &RawValue) -> Result<Part<'_>, serde_json::Error> {
    object! { struct Nested<'a> { response: &'a RawValue = "functionResponse" | "function_response", } }
    let nested: Nested<'_> = serde_json::from_str(json.get())?;
    match nested.response {
        Some(_) => Ok(Kind::Native(Native { raw: Cow::Borrowed(json) }).into()),
        None => part(json),
    }
}

/// What a tool said: by Google's convention under `output`, or under `error` where it failed; else the whole object.
fn said(response: &RawValue) -> (Vec<Part<'_>>, bool) {
    object! {
        struct Response<'a> {
            output: &'a RawValue = "output",
            error: &'a RawValue = "error",
            ..extra: bool,
        }
    }
    let bare = |raw: &RawValue| {
        let text = Str::json_text(raw).into_owned();
        // A text that looks like an object would not come back as a text.
        (raw.get().starts_with('"') && !text.trim_start().starts_with('{')).then_some(text)
    };
    if let Ok(Response { output, error, extra: false, .. }) = serde_json::from_str(response.get())
        && let (Some(raw), None) | (None, Some(raw)) = (output, error)
        && let Some(text) = bare(raw)
    {
        return (vec![Part::text(text)], error.is_some());
    }
    (vec![Part::text(response.get())], false)
}

/// OpenAI's word for `MEDIA_RESOLUTION_HIGH` and the like.
fn level(level: Str<'_>) -> Str<'_> {
    level.strip_prefix(RESOLUTION).map(|word| Str::from(word.to_ascii_lowercase())).unwrap_or(level)
}

/// What the names of resolutions begin with.
pub const RESOLUTION: &str = "MEDIA_RESOLUTION_";

fn media_kind<'m>(media_type: &str) -> fn(Box<Media<'m>>) -> Kind<'m> {
    match media_type.split('/').next().unwrap_or_default() {
        "image" => Kind::Image,
        "audio" => Kind::Audio,
        "video" => Kind::Video,
        _ => Kind::Document,
    }
}

/// The media type that a URL's end stands for; a URL that YouTube serves is a video.
pub fn guessed_type(url: &str) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let end = path.rsplit('.').next().unwrap_or_default();
    let is = |word: &str| end.eq_ignore_ascii_case(word);
    let known = [
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("webp", "image/webp"),
        ("gif", "image/gif"),
        ("heic", "image/heic"),
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
        ("mp3", "audio/mp3"),
        ("wav", "audio/wav"),
        ("mp4", "video/mp4"),
        ("webm", "video/webm"),
    ];
    if let Some((_, media_type)) = known.into_iter().find(|(word, _)| is(word)) {
        return media_type;
    }
    let video = ["https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"];
    if video.iter().any(|head| url.starts_with(head)) { "video/*" } else { "" }
}

/// Whether a URL is one that only Google can read: of a file that was uploaded, or of a bucket.
pub fn is_kept(url: &str) -> bool {
    ["https://generativelanguage.googleapis.com/", "gs://"].iter().any(|head| url.starts_with(head))
}

/// All parts of a content.
pub fn parts<'a>(raw: Option<list::Raws<'a>>) -> Result<Vec<Part<'a>>, serde_json::Error> {
    list::try_map(raw.unwrap_or_default().0, part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Part<'_> {
        part(serde_json::from_str(json).unwrap()).unwrap()
    }

    #[test]
    fn a_part_is_told_by_its_members() {
        assert!(matches!(read(r#"{"text":"a"}"#).kind, Kind::Text { .. }));
        assert!(matches!(read(r#"{"text":"a","thought":true}"#).kind, Kind::Thinking { .. }));
        assert!(matches!(read(r#"{"thoughtSignature":"abcd"}"#).kind, Kind::Text { .. }));
        assert!(matches!(read(r#"{"inline_data":{"mime_type":"image/png","data":""}}"#).kind, Kind::Image(_)));
        assert!(matches!(read(r#"{"fileData":{"fileUri":"https://youtu.be/x"}}"#).kind, Kind::Video(_)));
        assert!(matches!(read(r#"{"fileData":{"fileUri":"https://x/a.PDF?b"}}"#).kind, Kind::Document(_)));
        assert!(matches!(read(r#"{"executableCode":{"code":"1"}}"#).kind, Kind::Native(_)));
    }

    #[test]
    fn a_result_is_what_the_tool_said() {
        let result = |json: &str| match read(json).kind {
            Kind::Result(result) => match &result.parts.first().unwrap().kind {
                Kind::Text { text, .. } => (text.to_string(), result.is_error),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        let said = |response: &str| result(&format!(r#"{{"functionResponse":{{"name":"f","response":{response}}}}}"#));
        assert_eq!(said(r#"{"output":"a\n"}"#), ("a\n".to_owned(), false));
        assert_eq!(said(r#"{"error":"no"}"#), ("no".to_owned(), true));
        for whole in [r#"{"result":"a"}"#, r#"{"output":"{\"a\":1}"}"#, r#"{"output":1}"#, "{}"] {
            assert_eq!(said(whole), (whole.to_owned(), false));
        }
    }
}
