//! Images and documents by URL that an upstream's format has no place for: which they are, and their bytes put in.
//!
//! Whether a format takes a URL is what its table of losses says ([`crate::loss::carries`]). Getting the bytes is not
//! done here: this crate has no socket.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::Wire;
use crate::conversation::{Kind, Media, Part, Request, Source};
use crate::json::put;
use crate::loss::{Fidelity, Field, carries};

/// What a URL is meant to lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// In how many places of the request it stands: its bytes will be written that often.
    pub places: u64,
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

impl Inline<'_> {
    /// The most bytes of a body that it takes in one place.
    pub fn written(self) -> u64 {
        match self {
            Self::Base64 { data, .. } => data.len() as u64,
            // Some formats take a text as a file.
            Self::Text(text) => put::escaped(text).max(text.len().div_ceil(3) * 4) as u64,
        }
    }
}

/// Puts in the bytes of whatever `wire` takes by no URL. `found` is asked once for every place and knows them; what it
/// does not know stays as it is. Returns that, each once.
///
/// # Errors
/// The first that `found` has: nothing is looked at after it.
pub fn put_in<'b, E>(
    request: &mut Request<'b>,
    wire: Wire,
    found: impl FnMut(Medium, &str) -> Result<Option<Inline<'b>>, E>,
) -> Result<Vec<Remote>, E> {
    let mut putting = Putting { wire, found, missing: Vec::new(), at: BTreeMap::new() };
    if request.wire == wire || Medium::Image.goes_by_url(wire) && Medium::Document.goes_by_url(wire) {
        return Ok(putting.missing);
    }
    let said = request.messages.iter_mut().map(|message| &mut message.parts);
    for parts in std::iter::once(&mut request.system).chain(said) {
        putting.each(parts)?;
    }
    Ok(putting.missing)
}

struct Putting<F> {
    wire: Wire,
    found: F,
    missing: Vec<Remote>,
    /// Where in `missing`.
    at: BTreeMap<(Medium, String), usize>,
}

impl<'b, E, F: FnMut(Medium, &str) -> Result<Option<Inline<'b>>, E>> Putting<F> {
    fn each(&mut self, parts: &mut [Part<'b>]) -> Result<(), E> {
        for part in parts {
            let (medium, media) = match &mut part.kind {
                Kind::Image(media) => (Medium::Image, media),
                Kind::Document(media) => (Medium::Document, media),
                Kind::Result(result) => {
                    // Results hold no results: it goes no deeper.
                    self.each(&mut result.parts)?;
                    continue;
                }
                // By URL they are large, and a format that takes them at all mostly takes the URL.
                Kind::Audio(_) | Kind::Video(_) => continue,
                Kind::Text { .. } | Kind::Call(_) | Kind::Thinking { .. } | Kind::Refusal(_) | Kind::Native(_) => {
                    continue;
                }
            };
            if !medium.goes_by_url(self.wire) {
                let was_away = matches!(media.source, Source::Url { .. });
                self.one(media, medium)?;
                if was_away {
                    told_by_bytes(&mut part.kind);
                }
            }
        }
        Ok(())
    }

    fn one(&mut self, media: &mut Media<'b>, medium: Medium) -> Result<(), E> {
        let Source::Url { url, .. } = &media.source else { return Ok(()) };
        match (self.found)(medium, url)? {
            Some(Inline::Base64 { media_type, data }) => {
                media.source = Source::Base64 { media_type: media_type.into(), data: data.into() };
            }
            Some(Inline::Text(text)) => media.source = Source::Text(text.into()),
            None => match self.at.entry((medium, url.to_string())) {
                Entry::Vacant(at) => {
                    self.missing.push(Remote { medium, url: url.to_string(), places: 1 });
                    at.insert(self.missing.len() - 1);
                }
                Entry::Occupied(at) => {
                    if let Some(known) = self.missing.get_mut(*at.get()) {
                        known.places += 1;
                    }
                }
            },
        }
        Ok(())
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
