//! Images and documents by URL that an upstream's format has no place for: which they are, and their bytes put in.
//!
//! Whether a format takes a URL is what its table of losses says ([`crate::loss::carries`]). Getting the bytes is not
//! done here: this crate has no socket.

use std::borrow::Cow;

use crate::Wire;
use crate::conversation::{Kind, Media, Part, Request, Source};
use crate::loss::{Fidelity, Field, carries};

/// What a URL is meant to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    Image,
    Document,
}

impl Medium {
    /// Whether a format takes a URL in place of it.
    const fn goes_by_url(self, wire: Wire) -> bool {
        let field = match self {
            Self::Image => Field::ImageUrls,
            Self::Document => Field::DocumentUrls,
        };
        match carries(wire, field) {
            Fidelity::Carried | Fidelity::Approximated => true,
            Fidelity::Dropped | Fidelity::Refused => false,
        }
    }
}

/// A medium that is somewhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub medium: Medium,
    /// As the client wrote it.
    pub url: String,
}

/// What stands in the place of a URL once its bytes are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inline<'b> {
    Base64 {
        media_type: &'b str,
        data: &'b str,
    },
    /// Plain text: most formats take it in no other way.
    Text(&'b str),
}

/// Puts in the bytes of whatever `wire` takes by no URL. `found` knows them; what it does not know stays as it is.
/// Returns that, each once.
pub fn put_in<'b>(
    request: &mut Request<'b>,
    wire: Wire,
    mut found: impl FnMut(Medium, &str) -> Option<Inline<'b>>,
) -> Vec<Remote> {
    let mut missing = Vec::new();
    if request.wire == wire || Medium::Image.goes_by_url(wire) && Medium::Document.goes_by_url(wire) {
        return missing;
    }
    let said = request.messages.iter_mut().map(|message| &mut message.parts);
    for parts in std::iter::once(&mut request.system).chain(said) {
        each(parts, wire, &mut found, &mut missing);
    }
    missing
}

fn each<'b>(
    parts: &mut [Part<'b>],
    wire: Wire,
    found: &mut impl FnMut(Medium, &str) -> Option<Inline<'b>>,
    missing: &mut Vec<Remote>,
) {
    for part in parts {
        let (medium, media) = match &mut part.kind {
            Kind::Image(media) => (Medium::Image, media),
            Kind::Document(media) => (Medium::Document, media),
            Kind::Result(result) => {
                // Results hold no results: it goes no deeper.
                each(&mut result.parts, wire, found, missing);
                continue;
            }
            // By URL they are large, and a format that takes them at all mostly takes the URL.
            Kind::Audio(_) | Kind::Video(_) => continue,
            Kind::Text { .. } | Kind::Call(_) | Kind::Thinking { .. } | Kind::Refusal(_) | Kind::Native(_) => continue,
        };
        if !medium.goes_by_url(wire) {
            let was_away = matches!(media.source, Source::Url { .. });
            one(media, medium, found, missing);
            if was_away {
                told_by_bytes(&mut part.kind);
            }
        }
    }
}

fn one<'b>(
    media: &mut Media<'b>,
    medium: Medium,
    found: &mut impl FnMut(Medium, &str) -> Option<Inline<'b>>,
    missing: &mut Vec<Remote>,
) {
    let Source::Url { url, .. } = &media.source else { return };
    match found(medium, url) {
        Some(Inline::Base64 { media_type, data }) => {
            media.source = Source::Base64 { media_type: media_type.into(), data: data.into() };
        }
        Some(Inline::Text(text)) => media.source = Source::Text(text.into()),
        None => {
            if !missing.iter().any(|known| known.medium == medium && known.url == **url) {
                missing.push(Remote { medium, url: Cow::clone(&url.0).into_owned() });
            }
        }
    }
}

/// A document whose bytes are an image's is one: Gemini's clients need not say which they mean.
fn told_by_bytes(kind: &mut Kind<'_>) {
    if let Kind::Document(media) = kind
        && let Source::Base64 { media_type, .. } = &media.source
        && media_type.starts_with("image/")
    {
        *kind = Kind::Image(media.clone());
    }
}

#[cfg(test)]
mod tests;
