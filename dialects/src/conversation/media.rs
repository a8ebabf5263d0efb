//! Media types and `data:` URLs (RFC 2397), as far as the formats use them.

use super::{Source, Str};

/// A source out of a URL: of `data:` its bytes.
pub fn from_url(url: Str<'_>) -> Source<'_> {
    match url.0 {
        std::borrow::Cow::Borrowed(text) => match split(text) {
            Some((media_type, data)) => Source::Base64 { media_type: media_type.into(), data: data.into() },
            None => Source::Url { url: text.into(), media_type: None },
        },
        std::borrow::Cow::Owned(mut text) => match split(&text) {
            Some((media_type, data)) => {
                let (media_type, before) = (media_type.to_owned(), text.len() - data.len());
                // In place: there may be much of it.
                text.drain(..before);
                Source::Base64 { media_type: media_type.into(), data: text.into() }
            }
            None => Source::Url { url: text.into(), media_type: None },
        },
    }
}

/// Media type and base64 of `data:TYPE;base64,DATA`.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.get(..5).filter(|head| head.eq_ignore_ascii_case("data:")).and_then(|_| url.get(5..))?;
    let (head, data) = rest.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    // Parameters (`;charset=utf-8`) say nothing about an image.
    Some((media_type.split(';').next().unwrap_or_default(), data))
}

/// A `data:` URL in pieces, for [`crate::json::put::Object::texts`]: it is never built.
pub fn data_url<'t>(media_type: &'t str, data: &'t str) -> [&'t str; 4] {
    ["data:", media_type, ";base64,", data]
}

/// OpenAI's `format` of audio, as a media type.
pub fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// A media type, as OpenAI's `format` of audio.
pub fn audio_format(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/x-wav" | "audio/wave" => "wav",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_url_is_its_bytes() {
        let source = from_url("data:image/png;base64,AAAA".into());
        assert_eq!(source, Source::Base64 { media_type: "image/png".into(), data: "AAAA".into() });
        let source = from_url("DATA:text/plain;charset=utf-8;base64,QQ==".to_owned().into());
        assert_eq!(source, Source::Base64 { media_type: "text/plain".into(), data: "QQ==".into() });
        for url in ["https://example.com/a.png", "data:text/plain,hello", "data:", "é", ""] {
            assert_eq!(from_url(url.into()), Source::Url { url: url.into(), media_type: None });
        }
    }

    #[test]
    fn audio_formats_lead_back() {
        for format in ["mp3", "wav", "flac", "opus"] {
            assert_eq!(audio_format(&audio_type(format)), format);
        }
    }
}
