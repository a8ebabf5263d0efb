//! What a provider must get back unchanged in the next turn, and how it travels through a client of another dialect.
//!
//! Anthropic signs thoughts and redacts some of them, Gemini signs thoughts, calls and texts, OpenAI encrypts its
//! reasoning. To the client of the same dialect these go in their own place. To one of another dialect they go in that
//! dialect's place for such things, marked with where they come from ([`Opaque::pack`]), and the reader of the client's
//! next request takes the mark off ([`Opaque::unpack`]):
//!
//! | client | thoughts | calls |
//! |---|---|---|
//! | chat | `reasoning_details[].signature` and `.data` (an extra member, which the official SDKs keep) | the call's id |
//! | responses | `encrypted_content` of a reasoning item | the call's id |
//! | messages | `signature` of a thinking block, `data` of a redacted one | the call's id |
//! | gemini | `thoughtSignature`, which its SDKs take for base64 | the call's own `thoughtSignature` |
//!
//! A call's id is the one thing that every client sends back, so what belongs to a call hangs on it
//! ([`Opaque::onto_id`]), in characters that all providers allow in ids. Readers take it off again, so that no upstream
//! ever sees it, whichever the request goes to; a relay that would hand a body on unread asks [`Opaque::marks`] first. A writer for an upstream gives back only what is of its own format:
//! to another provider it means nothing, and is dropped as [`crate::loss::Field::ForeignState`].

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::write::EncoderStringWriter;
use memchr::memmem::Finder;

use super::Str;
use crate::Wire;

/// A provider's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque<'a> {
    /// Whose it is.
    pub from: Wire,
    /// It is all there is of a thought (Anthropic's redacted thinking), not the signature of one.
    pub redacted: bool,
    /// The id that goes with it (OpenAI's reasoning items have one).
    pub id: Option<Str<'a>>,
    pub data: Str<'a>,
}

/// What packed state begins with.
const MARK: &str = "aip1:";
/// The same in base64: what all of its encodings have in common.
const MARK_BASE64: &str = "YWlwMT";
/// What hangs on an id.
const ON_ID: &str = "__sig";

/// Whatever of ours may stand in a body. Building a searcher costs as much as a short search, and every conversation is
/// searched: each is built once.
static MARKS: LazyLock<[Finder<'static>; 3]> =
    LazyLock::new(|| [MARK, MARK_BASE64, ON_ID].map(|mark| Finder::new(mark.as_bytes())));

impl<'a> Opaque<'a> {
    pub fn signature(from: Wire, data: Str<'a>) -> Self {
        Self { from, redacted: false, id: None, data }
    }

    pub fn redacted(from: Wire, data: Str<'a>) -> Self {
        Self { from, redacted: true, id: None, data }
    }

    /// Whether an upstream of this format takes it back. Claude's signatures are the same wherever it runs.
    pub const fn is_for(&self, wire: Wire) -> bool {
        match (self.from, wire) {
            (Wire::Chat, Wire::Chat)
            | (Wire::Responses, Wire::Responses)
            | (Wire::Gemini, Wire::Gemini)
            | (Wire::Messages | Wire::Converse, Wire::Messages | Wire::Converse) => true,
            (Wire::Chat | Wire::Responses | Wire::Gemini | Wire::Messages | Wire::Converse, _) => false,
        }
    }

    /// Whether a body of this format bears marks of ours anywhere, and is therefore to be read and written even where
    /// client and upstream speak the same format: no provider knows the state of another one. May say yes too often.
    pub fn marks(client: Wire, body: &[u8]) -> bool {
        let [plain, base64, on_id] = &*MARKS;
        let bears = |mark: &Finder<'_>| mark.find(body).is_some();
        // Only Gemini's clients were ever given base64, and only its reader takes it off.
        bears(plain) || bears(on_id) || client == Wire::Gemini && bears(base64)
    }

    /// As it goes to a client that speaks `to`: of its own format as it is, else with the mark.
    pub fn pack(&self, to: Wire) -> Str<'_> {
        if self.from == to {
            return self.data.again();
        }
        let [mark, letter, id, data] = self.packed();
        format!("{mark}{letter}{id}:{data}").into()
    }

    /// The mark, whose it is, its id, and itself; a colon stands before the last.
    fn packed(&self) -> [&str; 4] {
        // A colon in an id would end it.
        let id = self.id.as_deref().filter(|id| !id.contains(':')).unwrap_or_default();
        [MARK, letter_and_colon(self.from, self.redacted), id, &self.data]
    }

    /// What a client that speaks `wire` sent back: state of another provider where it bears the mark, else its own.
    /// None for an empty text. `redacted`: whether the place it was found in is for redacted thoughts.
    pub fn unpack(wire: Wire, redacted: bool, text: Str<'a>) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        if let Some(rest) = text.strip_prefix(MARK)
            && let Some((from, rest)) = rest.split_once(':')
            && let Some((from, redacted)) = of_letter(from)
            && let Some((id, data)) = rest.split_once(':')
        {
            let id = (!id.is_empty()).then(|| id.to_owned().into());
            return Some(Self { from, redacted, id, data: data.to_owned().into() });
        }
        Some(Self { from: wire, redacted, id: None, data: text })
    }

    /// [`Self::pack`] for places whose SDKs take the text for base64.
    pub fn pack_base64(&self, to: Wire) -> Str<'_> {
        if self.from == to {
            return self.data.again();
        }
        let [mark, letter, id, data] = self.packed();
        let length = mark.len() + letter.len() + id.len() + data.len() + 1;
        // In pieces: there may be much of it.
        let mut text = EncoderStringWriter::from_consumer(String::with_capacity(length.div_ceil(3) * 4), &STANDARD);
        for piece in [mark, letter, id, ":", data] {
            let _ = text.write_all(piece.as_bytes());
        }
        text.into_inner().into()
    }

    /// [`Self::unpack`] for places whose SDKs take the text for base64.
    pub fn unpack_base64(wire: Wire, text: Str<'a>) -> Option<Self> {
        // What does not begin so is none, and is spared the copy.
        let marked = text.starts_with(MARK_BASE64).then(|| STANDARD.decode(text.as_bytes()).ok()).flatten();
        let packed = marked.and_then(|bytes| String::from_utf8(bytes).ok());
        match packed.filter(|packed| packed.starts_with(MARK)) {
            Some(packed) => Opaque::unpack(wire, false, packed.into()).map(Opaque::into_owned),
            None => Self::unpack(wire, false, text),
        }
    }

    /// A call's id with this on it.
    pub fn onto_id(&self, id: &str) -> String {
        format!("{id}{ON_ID}{}_{}", letter(self.from, self.redacted), URL_SAFE_NO_PAD.encode(self.data.as_bytes()))
    }

    /// A call's id as the model gave it, and what hung on it.
    pub fn off_id(id: Str<'a>) -> (Str<'a>, Option<Opaque<'static>>) {
        let parts = id.split_once(ON_ID).and_then(|(bare, rest)| {
            let (from, data) = rest.split_once('_')?;
            let (from, redacted) = of_letter(from)?;
            let data = String::from_utf8(URL_SAFE_NO_PAD.decode(data).ok()?).ok()?;
            Some((bare.to_owned(), Opaque { from, redacted, id: None, data: data.into() }))
        });
        match parts {
            Some((bare, opaque)) => (bare.into(), Some(opaque)),
            None => (id, None),
        }
    }

    /// The same, without the body that it was read from.
    pub fn into_owned(self) -> Opaque<'static> {
        Opaque {
            from: self.from,
            redacted: self.redacted,
            id: self.id.map(Str::into_owned),
            data: self.data.into_owned(),
        }
    }
}

const fn letter_and_colon(from: Wire, redacted: bool) -> &'static str {
    match (from, redacted) {
        (Wire::Chat, false) => "c:",
        (Wire::Chat, true) => "C:",
        (Wire::Responses, false) => "r:",
        (Wire::Responses, true) => "R:",
        (Wire::Messages, false) => "m:",
        (Wire::Messages, true) => "M:",
        (Wire::Gemini, false) => "g:",
        (Wire::Gemini, true) => "G:",
        (Wire::Converse, false) => "b:",
        (Wire::Converse, true) => "B:",
    }
}

/// A capital stands for a redacted thought.
const fn letter(from: Wire, redacted: bool) -> char {
    let letter = match from {
        Wire::Chat => 'c',
        Wire::Responses => 'r',
        Wire::Messages => 'm',
        Wire::Gemini => 'g',
        Wire::Converse => 'b',
    };
    if redacted { letter.to_ascii_uppercase() } else { letter }
}

fn of_letter(text: &str) -> Option<(Wire, bool)> {
    let mut chars = text.chars();
    let (char, None) = (chars.next()?, chars.next()) else { return None };
    let wire = Wire::ALL.into_iter().find(|wire| letter(*wire, false) == char.to_ascii_lowercase())?;
    Some((wire, char.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_comes_back_through_every_client_as_it_left() {
        for from in Wire::ALL {
            for to in Wire::ALL {
                for data in ["EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrzLoky", "a:b:c", "+/==", "é"] {
                    for redacted in [false, true] {
                        let id = (from == Wire::Responses && to != from).then(|| Str::from("rs_1"));
                        let opaque = Opaque { from, redacted, id, data: data.into() };
                        let packed = opaque.pack(to).into_owned();
                        assert_eq!(Opaque::unpack(to, redacted, packed), Some(opaque.clone()));
                        let opaque = Opaque { redacted: from != to && redacted, ..opaque };
                        let packed = opaque.pack_base64(to).into_owned();
                        assert!(from == to || STANDARD.decode(packed.as_bytes()).is_ok());
                        assert_eq!(Opaque::unpack_base64(to, packed), Some(opaque.clone()));
                        let (id, off) = Opaque::off_id(opaque.onto_id("call_1").into());
                        assert_eq!((&*id, off), ("call_1", Some(Opaque { id: None, ..opaque })));
                    }
                }
            }
        }
    }

    #[test]
    fn marks_are_seen_in_any_body_that_may_bear_them() {
        let opaque = Opaque::signature(Wire::Gemini, "CiQB".into());
        let wires = || Wire::ALL.into_iter();
        for (text, all) in [
            (opaque.pack(Wire::Messages).to_string(), true),
            (opaque.pack_base64(Wire::Responses).to_string(), false),
            (opaque.onto_id("call_1"), true),
        ] {
            let body = format!("{{\"a\":\"{text}\"}}");
            assert!(
                wires().all(|wire| Opaque::marks(wire, body.as_bytes()) == (all || wire == Wire::Gemini)),
                "{body}"
            );
        }
        let own = b"{\"model\":\"m\",\"signature\":\"EqQBCgIYAhIM1gbcDa9GJwZA2b3h\"}";
        assert!(!wires().any(|wire| Opaque::marks(wire, own)));
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        assert_eq!(Opaque::unpack(Wire::Messages, false, "".into()), None);
        for text in ["aip1:", "aip1:x:y:z", "aip1:mm:y:z", "aip1:m:y"] {
            let own = Opaque::unpack(Wire::Messages, false, text.into());
            assert_eq!(own, Some(Opaque::signature(Wire::Messages, text.into())));
        }
        for id in ["", "call_1", "a__sig", "a__sigm_!", "a__sigx_YQ", "a__sigm"] {
            assert_eq!(Opaque::off_id(id.into()), (id.into(), None));
        }
    }
}
