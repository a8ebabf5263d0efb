//! Whole answers.

use serde_json::value::RawValue;

use super::content::{self, Content};
use super::grounding::{self, Cited};
use super::put;
use super::words::{self, Counts};
use crate::Wire;
use crate::conversation::{Answer, Finish, Kind, Maybe, Part};
use crate::date;
use crate::json::Filled;
use crate::json::list::push;
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{Context, Malformed};

object! {
    pub struct Body<'a> {
        candidates: Vec<Candidate<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback",
        usage: Counts<'a> = "usageMetadata",
        model: Maybe<'a> = "modelVersion",
        id: Maybe<'a> = "responseId",
        created: Maybe<'a> = "createTime",
        error: Filled = "error",
        ..extra: bool,
    }
}

object! {
    pub struct Candidate<'a> {
        index: &'a RawValue = "index",
        content: Content<'a> = "content",
        finish: &'a RawValue = "finishReason",
        grounding: &'a RawValue = "groundingMetadata",
        recited: &'a RawValue = "citationMetadata",
        ..extra: bool,
    }
}

object! {
    /// The prompt was withheld from the model: there is no candidate then.
    pub struct Feedback<'a> {
        reason: &'a RawValue = "blockReason",
    }
}

impl Body<'_> {
    /// Whether it tells anything of an answer: that a prompt was withheld and what was counted are enough.
    pub fn is_answer(&self) -> bool {
        let mut candidates = self.candidates.iter().flatten();
        let told = candidates.any(|candidate| candidate.content.is_some() || candidate.finish.is_some());
        let counted = self.usage.as_ref().and_then(Counts::usage);
        told || self.feedback.is_some() || counted.is_some_and(|usage| usage.input > 0 || usage.output > 0)
    }

    /// Why the answer ended, as far as this body says it.
    pub fn finish(&self) -> Option<Finish> {
        let candidate = self.candidates.iter().flatten().next();
        let told = candidate.and_then(|candidate| candidate.finish).and_then(words::finish);
        let blocked = self.feedback.as_ref().is_some_and(|feedback| feedback.reason.is_some());
        told.or(blocked.then_some(Finish::Filter))
    }
}

pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    // A stream that was not asked for as events comes as a list of its pieces.
    let pieces = if body.trim_ascii_start().starts_with(b"[") {
        crate::json::from_bytes::<Vec<Body<'_>>>(body)
    } else {
        crate::json::from_bytes(body).map(|one| vec![one])
    };
    let mut answer = Answer::new(Wire::Gemini);
    let (mut any, mut cited) = (false, 0);
    for piece in pieces.map_err(|_| Malformed::of(body))? {
        if piece.error.as_ref().is_some_and(|error| error.0) {
            return Err(Malformed::of(body));
        }
        any |= piece.is_answer();
        add(&mut answer, piece, &mut cited).map_err(|_| Malformed::Foreign)?;
    }
    if !any {
        return Err(Malformed::of(body));
    }
    let calls = answer.parts.iter().any(|part| matches!(part.kind, Kind::Call(_)));
    answer.finish = answer.finish.map(|finish| words::settle(finish, calls));
    Ok(answer)
}

/// `cited`: so many sources were named before.
fn add<'a>(answer: &mut Answer<'a>, piece: Body<'a>, cited: &mut usize) -> Result<(), serde_json::Error> {
    answer.finish = piece.finish().or(answer.finish);
    answer.id = piece.id.and_then(Maybe::filled).or(answer.id.take());
    answer.model = piece.model.and_then(Maybe::filled).or(answer.model.take());
    let created = piece.created.and_then(Maybe::filled);
    answer.created = created.and_then(|time| date::rfc3339_ms(&time)).map(|ms| ms / 1000).or(answer.created);
    if let Some(counts) = piece.usage {
        answer.usage = counts.usage().or(answer.usage);
        answer.service_tier = counts.service_tier.or(answer.service_tier.take());
    }
    answer.extra |= piece.extra;
    // Others were not asked for: one request gets one answer.
    let Some(candidate) = piece.candidates.into_iter().flatten().next() else { return Ok(()) };
    answer.extra |= candidate.extra;
    let begin = answer.parts.len();
    let parts = content::parts(candidate.content.unwrap_or_default().parts)?;
    if answer.parts.is_empty() {
        answer.parts = parts;
    } else {
        parts.into_iter().for_each(|part| push(&mut answer.parts, part));
    }
    let mut found = grounding::read(candidate.grounding, candidate.recited);
    // Of all pieces together no more than one may name.
    found.truncate(grounding::MAX_CITATIONS.saturating_sub(*cited));
    *cited += found.len();
    let last = if found.is_empty() { None } else { answer.parts.iter().rposition(is_text) };
    for mut found in found {
        let meant = found.part.map(|part| part + begin).filter(|at| answer.parts.get(*at).is_some_and(is_text));
        let at = meant.or(last);
        if let Some(Part { kind: Kind::Text { text, citations }, .. }) = at.and_then(|at| answer.parts.get_mut(at)) {
            grounding::in_chars(&mut found.citation, text);
            citations.push(found.citation);
        }
    }
    fold_signatures(&mut answer.parts, begin.saturating_sub(1));
    Ok(())
}

const fn is_text(part: &Part<'_>) -> bool {
    matches!(part.kind, Kind::Text { .. })
}

/// A signature that comes with an empty text belongs to what was said before.
/// `from`: those before are folded already.
fn fold_signatures(parts: &mut Vec<Part<'_>>, from: usize) {
    let foldable = |part: &Part<'_>| {
        part.extra.is_empty()
            && matches!(&part.kind, Kind::Text { text, citations } if text.is_empty() && citations.is_empty())
    };
    if !parts.iter().skip(from).any(foldable) {
        return;
    }
    for part in parts.split_off(from) {
        let before = parts.last_mut().filter(|before| {
            before.opaque.is_none() && matches!(before.kind, Kind::Text { .. } | Kind::Thinking { .. })
        });
        match before {
            Some(before) if foldable(&part) => before.opaque = part.opaque,
            Some(_) | None => push(parts, part),
        }
    }
}

pub fn write(answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    let mut body = Vec::with_capacity(answer.room(Wire::Gemini));
    let mut object = Object::open(&mut body);
    let mut candidates = object.list("candidates");
    let mut candidate = candidates.object();
    let mut cited = Vec::new();
    let mut content = candidate.object("content");
    let mut list = content.list("parts");
    let mut written = 0;
    for (n, part) in answer.parts.iter().enumerate() {
        if let Kind::Text { text, citations } = &part.kind {
            let mut places = grounding::Places::new(text);
            cited.extend(citations.iter().map(|citation| Cited {
                part: written,
                citation,
                span: places.in_bytes(citation),
            }));
        }
        let own = answer.wire == Wire::Gemini;
        written += usize::from(write_part(&mut list, part, n, own, context, losses));
    }
    if written == 0 {
        // The SDKs take an answer without parts for a broken one.
        list.object().text("text", "");
    }
    drop(list);
    content.text("role", "model");
    drop(content);
    candidate.text("finishReason", words::finish_word(answer.finish.unwrap_or(Finish::Stop))).whole("index", 0);
    grounding::write(&mut candidate, &cited);
    drop(candidate);
    drop(candidates);
    if let Some(usage) = &answer.usage {
        words::usage(&mut object.object("usageMetadata"), usage);
    }
    object.text("modelVersion", &context.model);
    object.text("responseId", answer.id.as_deref().unwrap_or(&context.request_id));
    losses.note_if(answer.wire != Wire::Gemini && answer.extra, Field::Unknown);
    losses.note_if(answer.stop_sequence.is_some(), Field::StopSequence);
    losses.note_if(answer.service_tier.is_some(), Field::ServiceTier);
    drop(object);
    body
}

/// Writes what of the answer's part number `n` has a place; false where that is nothing.
pub fn write_part(
    list: &mut List<'_>,
    part: &Part<'_>,
    n: usize,
    own: bool,
    context: &Context,
    losses: &mut Losses,
) -> bool {
    let signature = part.opaque.as_ref().map(|opaque| opaque.pack_base64(Wire::Gemini));
    let usual = match &part.kind {
        Kind::Text { text, .. } => {
            if text.is_empty() && signature.is_none() {
                return false;
            }
            list.object().text("text", text).text_if("thoughtSignature", signature.as_deref());
            return true;
        }
        Kind::Refusal(text) => {
            list.object().text("text", text);
            return true;
        }
        Kind::Thinking { text } => {
            let mut object = list.object();
            object.text("text", text).flag("thought", true).text_if("thoughtSignature", signature.as_deref());
            return true;
        }
        Kind::Call(call) => {
            let made = call.id.is_empty().then(|| context.id("call_", n as u32));
            let mut object = list.object();
            let id = made.as_deref().unwrap_or(&call.id);
            put::call(&mut object, id, call, true, None);
            object.text_if("thoughtSignature", signature.as_deref());
            return true;
        }
        Kind::Native(native) if own => {
            list.raw(native.raw.get());
            return true;
        }
        Kind::Native(_) | Kind::Result(_) => {
            losses.note(Field::Native);
            return false;
        }
        Kind::Image(media) => (media, "image/png"),
        Kind::Document(media) => (media, "application/pdf"),
        Kind::Audio(media) => (media, "audio/wav"),
        Kind::Video(media) => (media, "video/mp4"),
    };
    let told = put::tells(usual.0);
    if told {
        put::media(&mut list.object(), usual.0, usual.1, None);
    }
    losses.note_if(!told, Field::FileIds);
    told
}
