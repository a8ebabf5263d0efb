//! Parts of a request's messages as they are written.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::content::RESOLUTION;
use super::super::{path, put};
use crate::Wire;
use crate::conversation::{Call, Kind, Media, Opaque, Part, Request, ToolResult};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};

/// Writes parts, and remembers of the conversation what later ones need.
#[derive(Debug)]
pub struct Parts<'r> {
    /// The request came in this format.
    own: bool,
    /// The model takes media within a result (Gemini 3); others get them beside it.
    nests_media: bool,
    /// The model refuses a call without a signature (Gemini 3).
    wants_signatures: bool,
    /// Names of called functions by the calls' ids: other formats do not repeat the name with the result.
    names: HashMap<&'r str, &'r str>,
}

/// Stands for a signature with calls that another model made.
/// Source: <https://ai.google.dev/gemini-api/docs/thought-signatures>, the questions at its end.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

impl<'r> Parts<'r> {
    pub fn new(request: &'r Request<'_>, generation: Option<(u32, u32)>) -> Self {
        let own = request.wire == Wire::Gemini;
        let newest = generation.is_some_and(|(major, _)| major >= 3);
        let mut names = HashMap::new();
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            if let Kind::Call(call) = &part.kind
                && !call.id.is_empty()
            {
                names.insert(&*call.id, &*call.name);
            }
        }
        Self { own, nests_media: own || newest, wants_signatures: newest && !own, names }
    }

    /// Writes what of the parts has a place; false where that is nothing. `called`: a call stands before in this turn.
    pub fn write(&self, list: &mut List<'_>, part: &Part<'_>, called: &mut bool, losses: &mut Losses) -> bool {
        losses.note_if(part.cache.is_some(), Field::CacheMarkers);
        losses.note_if(!self.own && !part.extra.is_empty(), Field::Unknown);
        let signature = self.signature(part.opaque.as_deref(), losses);
        match &part.kind {
            Kind::Text { text, citations } => {
                losses.note_if(!citations.is_empty(), Field::Citations);
                // An empty text is refused unless there is something to be handed back with it.
                if text.is_empty() && signature.is_none() && !self.own {
                    return false;
                }
                self.close(list.object().text("text", text), part, signature);
            }
            Kind::Refusal(text) => {
                if text.is_empty() {
                    return false;
                }
                list.object().text("text", text);
            }
            Kind::Thinking { text } => {
                let foreign = part.opaque.as_ref().is_some_and(|opaque| opaque.from != Wire::Gemini || opaque.redacted);
                if foreign || text.is_empty() && signature.is_none() {
                    return false;
                }
                self.close(list.object().text("text", text).flag("thought", true), part, signature);
            }
            Kind::Image(media) => return self.media(list, part, media, "image/jpeg", losses),
            Kind::Document(media) => return self.media(list, part, media, "application/pdf", losses),
            Kind::Audio(media) => return self.media(list, part, media, "audio/mpeg", losses),
            Kind::Video(media) => return self.media(list, part, media, "video/mp4", losses),
            Kind::Call(call) => {
                // Only the first of parallel calls bears one.
                let first = !std::mem::replace(called, true);
                let stand_in = (first && self.wants_signatures).then_some(NO_SIGNATURE);
                self.call(list, call, part, signature.or(stand_in));
            }
            Kind::Result(result) => self.result(list, result, part, losses),
            Kind::Native(native) => {
                losses.note_if(!self.own, Field::Native);
                if !self.own {
                    return false;
                }
                list.raw(native.raw.get());
            }
        }
        true
    }

    fn signature<'p>(&self, opaque: Option<&'p Opaque<'_>>, losses: &mut Losses) -> Option<&'p str> {
        let opaque = opaque?;
        if opaque.from != Wire::Gemini {
            losses.note(Field::ForeignState);
            return None;
        }
        Some(&opaque.data)
    }

    /// What stands beside any part.
    fn close(&self, object: &mut Object<'_>, part: &Part<'_>, signature: Option<&str>) {
        object.text_if("thoughtSignature", signature);
        if self.own {
            path::put(object, &part.extra, "");
        }
    }

    fn media(&self, list: &mut List<'_>, part: &Part<'_>, media: &Media<'_>, usual: &str, losses: &mut Losses) -> bool {
        let extra = self.own.then_some(&part.extra);
        let told = put::tells(media);
        losses.note_if(!told, Field::FileIds);
        losses.note_if(!self.own && media.name.is_some(), Field::DocumentName);
        losses.note_if(media.context.is_some(), Field::DocumentContext);
        losses.note_if(media.cite == Some(true), Field::Citations);
        losses.note_if(!self.own && media.detail.as_deref().is_some_and(|level| level != "auto"), Field::ImageDetail);
        let signature = self.signature(part.opaque.as_deref(), losses);
        if told {
            let mut object = list.object();
            put::media(&mut object, media, usual, extra);
            if let Some(level) = media.detail.as_deref().filter(|_| self.own) {
                object.object("mediaResolution").text("level", &resolution(level));
            }
            self.close(&mut object, part, signature);
        }
        told
    }

    fn call(&self, list: &mut List<'_>, call: &Call<'_>, part: &Part<'_>, signature: Option<&str>) {
        // What the client left out stays out in its own format.
        let args = !self.own || !call.arguments.is_empty();
        let mut object = list.object();
        put::call(&mut object, &call.id, call, args, self.own.then_some(&part.extra));
        self.close(&mut object, part, signature);
    }

    fn result(&self, list: &mut List<'_>, result: &ToolResult<'_>, part: &Part<'_>, losses: &mut Losses) {
        let name = match (&*result.name, self.names.get(&*result.id)) {
            ("", Some(name)) => name,
            // Some name there must be.
            ("", None) => "tool",
            (name, _) => name,
        };
        let media =
            |part: &&Part<'_>| !matches!(part.kind, Kind::Text { .. } | Kind::Refusal(_) | Kind::Thinking { .. });
        let mut object = list.object();
        let mut answer = object.object("functionResponse");
        if !result.id.is_empty() {
            answer.text("id", &result.id);
        }
        answer.text("name", name);
        response(&mut answer, result);
        if self.nests_media && result.parts.iter().any(|part| media(&part)) {
            let mut nested = answer.list("parts");
            for part in result.parts.iter().filter(media) {
                self.write(&mut nested, part, &mut true, losses);
            }
        }
        if self.own {
            path::put(&mut answer, &part.extra, "functionResponse.");
        }
        drop(answer);
        let signature = self.signature(part.opaque.as_deref(), losses);
        self.close(&mut object, part, signature);
        drop(object);
        if !self.nests_media {
            for part in result.parts.iter().filter(media) {
                self.write(list, part, &mut true, losses);
            }
        }
    }
}

/// All that was said in words: an object as it is, anything else as the one member of one.
fn response(answer: &mut Object<'_>, result: &ToolResult<'_>) {
    let texts = || result.parts.iter().filter_map(|part| part.kind.said().or(part.kind.refused()));
    let member = if result.is_error { "error" } else { "output" };
    let first = texts().find(|text| !text.trim().is_empty());
    // Nothing else is joined only to be looked at.
    if !result.is_error && first.is_some_and(|text| text.trim_start().starts_with('{')) {
        let mut all = texts();
        let whole = match (all.next(), all.next()) {
            (Some(one), None) => Cow::Borrowed(one),
            (_, _) => Cow::Owned(texts().collect::<Vec<_>>().join("\n")),
        };
        if put::is_object(&whole) {
            answer.raw("response", &whole);
            return;
        }
    }
    // Of nothing but white space nothing is said.
    let blank = first.is_none() && (texts().count() > 1 || texts().any(|text| !text.is_empty()));
    if !result.is_error && blank {
        answer.raw("response", "{}");
        return;
    }
    let between = texts().enumerate().flat_map(|(n, text)| [if n > 0 { "\n" } else { "" }, text]);
    answer.object("response").texts(member, between);
}

/// Google's word for a level.
fn resolution(level: &str) -> String {
    let word = level.to_ascii_uppercase();
    if word.starts_with(RESOLUTION) { word } else { format!("{RESOLUTION}{word}") }
}
