//! Whole answers.

use serde_json::value::RawValue;

use super::content;
use super::item::{Item, Sort, filled, is_item, native};
use super::response::{self, Head, Status};
use super::write_item::{self, Called, annotation, is_free_form};
use crate::Wire;
use crate::conversation::{Answer, Call, Finish, Kind, Maybe, Opaque, Part};
use crate::json::list::{Raws, push};
use crate::json::object::object;
use crate::json::put::{List, Object};
use crate::json::{Filled, Scalar};
use crate::loss::{Field, Losses};
use crate::openai::chat::answer::free_form_text;
use crate::translate::{Context, Malformed};

object! {
    /// A response, as far as it tells of the answer. All else repeats the request.
    pub struct Response<'a> {
        id: Maybe<'a> = "id",
        model: Maybe<'a> = "model",
        created: Scalar = "created_at",
        status: Maybe<'a> = "status",
        output: Raws<'a> = "output",
        usage: &'a RawValue = "usage",
        error: Filled = "error",
        incomplete: Incomplete<'a> = "incomplete_details",
        service_tier: Maybe<'a> = "service_tier",
    }
}

object! { pub struct Incomplete<'a> { reason: Maybe<'a> = "reason", } }

/// The parts that an item of an answer comes to.
pub fn parts<'a>(json: &'a RawValue) -> Vec<Part<'a>> {
    let Some(item) = Item::read(json) else { return Vec::new() };
    match item.sort() {
        Sort::Message => item.content.and_then(content::parts).unwrap_or_default(),
        Sort::Reasoning => item.thought().into_iter().collect(),
        Sort::Call => vec![item.call(false)],
        Sort::FreeFormCall => vec![item.call(true)],
        Sort::Result | Sort::FreeFormResult | Sort::Native => vec![native(json)],
    }
}

pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Response<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    let status = filled(read.status);
    if read.error.is_some_and(|error| error.0) || !response::is_over(status.as_deref()) {
        return Err(Malformed::of(body));
    }
    let output = read.output.filter(|output| status.is_some() || !output.0.is_empty());
    let Some(output) = output else { return Err(Malformed::of(body)) };
    let mut all = Vec::with_capacity(output.0.len());
    for item in output.0 {
        parts(item).into_iter().for_each(|part| push(&mut all, part));
    }
    let parts = all;
    let (mut calls, mut refused) = (false, false);
    for part in &parts {
        match &part.kind {
            Kind::Call(_) => calls = true,
            Kind::Refusal(_) => refused = true,
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Native(_) => {}
        }
    }
    let reason = read.incomplete.and_then(|details| filled(details.reason));
    Ok(Answer {
        id: filled(read.id),
        model: filled(read.model),
        created: read.created.and_then(Scalar::number),
        parts,
        finish: Some(response::finish(status.as_deref(), reason.as_deref(), calls, refused)),
        usage: read.usage.and_then(|usage| crate::usage::read(usage.get())),
        service_tier: filled(read.service_tier),
        ..Answer::new(Wire::Responses)
    })
}

/// An answer's id, as this format's clients know them.
pub fn answer_id(id: Option<&str>, context: &Context) -> String {
    id.map_or_else(|| format!("resp_{}", context.request_id), str::to_owned)
}

pub fn write(answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    let refused = answer.parts.iter().any(|part| matches!(part.kind, Kind::Refusal(_)));
    let status = Status::of(answer.finish.unwrap_or(Finish::Stop), refused);
    let id = answer_id(answer.id.as_deref(), context);
    let mut body = Vec::with_capacity(answer.room(Wire::Responses));
    let mut object = Object::open(&mut body);
    let head = Head {
        id: &id,
        created: answer.created.unwrap_or(context.created),
        model: &context.model,
        status,
        usage: answer.usage.as_ref(),
        service_tier: answer.service_tier.as_deref().filter(|_| matches!(answer.wire, Wire::Responses | Wire::Chat)),
    };
    losses.note_if(answer.service_tier.is_some() && head.service_tier.is_none(), Field::ServiceTier);
    losses.note_if(answer.stop_sequence.is_some(), Field::StopSequence);
    losses.note_if(answer.extra, Field::Unknown);
    response::write(&mut object, &head);
    let mut list = object.list("output");
    let said = |part: &Part<'_>| matches!(part.kind, Kind::Text { .. } | Kind::Refusal(_));
    let mut index = 0;
    for run in answer.parts.chunk_by(|a, b| said(a) && said(b)) {
        let wrote = match run {
            [part] if !said(part) => one(&mut list, part, index, answer.wire, context, losses),
            _ => {
                let last =
                    answer.parts.last().is_some_and(|last| run.last().is_some_and(|end| std::ptr::eq(last, end)));
                let status = if last { status } else { Status::Completed };
                message(&mut list, run, &context.id("msg_", index), status, losses);
                true
            }
        };
        index += u32::from(wrote);
    }
    drop(list);
    drop(object);
    body
}

fn message(list: &mut List<'_>, run: &[Part<'_>], id: &str, status: Status, losses: &mut Losses) {
    let mut entry = list.object();
    write_item::message(&mut entry, id, status.word());
    let mut contents = entry.list("content");
    for part in run {
        losses.note_if(part.opaque.is_some(), Field::ProviderState);
        match &part.kind {
            Kind::Text { text, citations } => {
                let mut annotations = Vec::new();
                let mut cited = List::open(&mut annotations);
                let length = if citations.is_empty() { 0 } else { text.chars().count() as u64 };
                for citation in citations {
                    losses.note_if(!annotation(&mut cited, citation, length), Field::Citations);
                }
                drop(cited);
                let mut entry = contents.object();
                let name = write_item::content(&mut entry, false);
                entry.raw("annotations", std::str::from_utf8(&annotations).unwrap_or("[]")).text(name, text);
            }
            Kind::Refusal(text) => write_item::plain_content(&mut contents.object(), true, text),
            Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Thinking { .. }
            | Kind::Native(_) => {}
        }
    }
}

/// An item of its own; false where there is none for it.
fn one(list: &mut List<'_>, part: &Part<'_>, index: u32, wire: Wire, context: &Context, losses: &mut Losses) -> bool {
    match &part.kind {
        Kind::Thinking { text } => {
            let own = part.opaque.as_ref().filter(|opaque| opaque.from == Wire::Responses);
            let id = match own.and_then(|opaque| opaque.id.as_deref()) {
                Some(id) => id.to_owned(),
                None => context.id("rs_", index),
            };
            let shown = (!text.is_empty()).then_some(|entry: &mut Object<'_>| {
                entry.text("text", text);
            });
            write_item::reasoning(&mut list.object(), &id, shown, part.opaque.as_deref());
            true
        }
        Kind::Call(call) => {
            write_call(list, call, part.opaque.as_deref(), index, context);
            true
        }
        Kind::Image(media) => {
            let wrote = write_item::picture(list, &context.id("ig_", index), media);
            losses.note_if(!wrote, Field::AnswerMedia);
            wrote
        }
        Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => {
            losses.note(Field::AnswerMedia);
            false
        }
        Kind::Native(native) if wire == Wire::Responses || is_item(&native.raw) => {
            list.raw(native.raw.get());
            true
        }
        Kind::Native(_) | Kind::Result(_) | Kind::Text { .. } | Kind::Refusal(_) => {
            losses.note(Field::Native);
            false
        }
    }
}

fn write_call(list: &mut List<'_>, call: &Call<'_>, opaque: Option<&Opaque<'_>>, index: u32, context: &Context) {
    let hidden = !call.free_form && is_free_form(&call.name, context);
    let free_form = call.free_form || hidden;
    let id = call_id(&call.id, opaque, index, context);
    let item = context.id(if free_form { "ctc_" } else { "fc_" }, index);
    let called = Called { item: &item, id: &id, name: &call.name, free_form, status: "completed" };
    let arguments = match &*call.arguments {
        arguments if hidden => free_form_text(arguments),
        "" if !free_form => "{}".into(),
        arguments => arguments.into(),
    };
    let mut entry = list.object();
    let name = write_item::call(&mut entry, &called);
    entry.text(name, &arguments);
}

/// A call's id, with what hangs on it; made where it has none.
pub fn call_id(id: &str, opaque: Option<&Opaque<'_>>, index: u32, context: &Context) -> String {
    let id = if id.is_empty() { context.id("call_", index) } else { id.to_owned() };
    opaque.map(|opaque| opaque.onto_id(&id)).unwrap_or(id)
}
