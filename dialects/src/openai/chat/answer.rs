//! Whole answers.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::detail::{self, Detail};
use super::request::{Annotation, Content, RawCall, cite, client_id, thoughts};
use super::words;
use crate::Wire;
use crate::conversation::media::{data_url, from_url};
use crate::conversation::{Answer, Citation, Finish, Kind, Maybe, Media, Native, Part, Source, Str};
use crate::json::object::object;
use crate::json::put::Object;
use crate::json::{Filled, Scalar};
use crate::loss::{Field, Losses};
use crate::translate::{Context, Malformed};

object! {
    struct Body<'a> {
        id: Maybe<'a> = "id",
        model: Maybe<'a> = "model",
        created: Scalar = "created",
        choices: Vec<Choice<'a>> = "choices",
        usage: &'a RawValue = "usage",
        error: Filled = "error",
        citations: Vec<Maybe<'a>> = "citations",
        ..extra: bool,
    }
}

object! {
    struct Choice<'a> {
        index: Scalar = "index",
        message: Message<'a> = "message",
        finish: Maybe<'a> = "finish_reason",
        error: Filled = "error",
        /// vLLM's: the stop sequence that was hit, or the id of a token.
        stop: Maybe<'a> = "stop_reason",
    }
}

object! {
    struct Message<'a> {
        role: Maybe<'a> = "role",
        content: Content<'a> = "content",
        refusal: Maybe<'a> = "refusal",
        reasoning: Maybe<'a> = "reasoning_content" | "reasoning",
        reasoning_details: Vec<Detail<'a>> = "reasoning_details",
        tool_calls: Vec<RawCall<'a>> = "tool_calls",
        function_call: RawFunction<'a> = "function_call",
        annotations: Vec<Annotation<'a>> = "annotations",
        images: Vec<Image<'a>> = "images",
        audio: Audio<'a> = "audio",
    }
}

type RawFunction<'a> = super::request::Function<'a>;

object! {
    /// A picture in an answer (OpenRouter).
    pub struct Image<'a> {
        kind: Maybe<'a> = "type",
        url: ImageUrl<'a> = "image_url",
        index: Scalar = "index",
    }
}
object! { pub struct ImageUrl<'a> { url: Str<'a> = "url", } }

impl<'a> Image<'a> {
    pub fn part(self) -> Option<Part<'a>> {
        let url = self.url?.url?;
        Some(Kind::Image(from_url(url).into()).into())
    }
}

object! {
    struct Audio<'a> { transcript: Maybe<'a> = "transcript", data: &'a RawValue = "data", }
}

pub fn read(body: &[u8]) -> Result<Answer<'_>, Malformed> {
    let read: Body<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    if read.error.is_some_and(|error| error.0) {
        return Err(Malformed::of(body));
    }
    // Only one was asked for.
    let first = read.choices.ok_or_else(|| Malformed::of(body))?.into_iter().next();
    let choice = first.ok_or_else(|| Malformed::of(body))?;
    let failed = choice.error.is_some_and(|error| error.0);
    if failed || (choice.message.is_none() && choice.finish.is_none()) {
        return Err(Malformed::of(body));
    }
    let mut parts = Vec::new();
    let message = choice.message.unwrap_or_default();
    let refused = message.refusal.as_ref().is_some_and(|text| text.0.as_ref().is_some_and(|text| !text.is_empty()));
    thoughts(message.reasoning.and_then(Maybe::filled), message.reasoning_details, &mut parts);
    match message.content {
        Some(Content::Text(text)) if !text.is_empty() => parts.push(Part::text(text)),
        Some(Content::Parts(list)) => parts.extend(list.into_iter().map(content_part)),
        Some(Content::Text(_)) | None => {}
    }
    if let Some(text) = message.audio.and_then(|audio| audio.transcript).and_then(Maybe::filled) {
        parts.push(Part::text(text));
    }
    parts.extend(message.images.into_iter().flatten().filter_map(Image::part));
    if let Some(text) = message.refusal.and_then(Maybe::filled) {
        parts.push(Kind::Refusal(text).into());
    }
    cite(&mut parts, message.annotations);
    if let Some(urls) = read.citations {
        perplexity(&mut parts, urls);
    }
    let mut lost = Losses::default();
    let mut calls = message.tool_calls.unwrap_or_default();
    calls.extend(message.function_call.and_then(RawCall::old));
    let any_call = !calls.is_empty();
    parts.extend(calls.into_iter().map(|call| call.part(&mut lost)));

    let stop_sequence = choice.stop.and_then(Maybe::filled);
    let reason = choice.finish.and_then(Maybe::filled);
    if reason.as_deref() == Some("error") {
        return Err(Malformed::of(body));
    }
    let finish = reason.and_then(|reason| words::finish(&reason)).unwrap_or(Finish::Stop);
    Ok(Answer {
        id: read.id.and_then(Maybe::filled),
        model: read.model.and_then(Maybe::filled),
        created: read.created.and_then(Scalar::number),
        parts,
        finish: Some(words::settle(finish, any_call, refused, stop_sequence.is_some())),
        stop_sequence,
        usage: read.usage.and_then(|usage| crate::usage::read(usage.get())),
        extra: read.extra,
        ..Answer::new(Wire::Chat)
    })
}

/// Perplexity lists the pages it has read beside the answer, where it does not annotate it.
fn perplexity<'a>(parts: &mut [Part<'a>], urls: Vec<Maybe<'a>>) {
    if let Some(Part { kind: Kind::Text { citations, .. }, .. }) = parts.last_mut()
        && citations.is_empty()
    {
        citations.extend(urls.into_iter().filter_map(Maybe::filled).map(|url| Citation {
            url: Some(url),
            title: None,
            quote: None,
            start: None,
            end: None,
            raw: None,
        }));
    }
}

object! {
    /// Mistral answers in parts: text, and thoughts that are lists of text.
    struct ContentPart<'a> {
        kind: Maybe<'a> = "type",
        text: Str<'a> = "text",
        thinking: Thought<'a> = "thinking",
    }
}

/// A thought: a string, or a list of parts.
type Thought<'a> = Content<'a>;

/// A part of an answer's content.
pub fn content_part(json: &RawValue) -> Part<'_> {
    let read: ContentPart<'_> = serde_json::from_str(json.get()).unwrap_or_default();
    match (read.text, read.thinking) {
        (Some(text), _) => Part::text(text),
        (None, Some(thought)) => Kind::Thinking { text: thought_text(thought) }.into(),
        (None, None) => Kind::Native(Native { raw: Cow::Borrowed(json) }).into(),
    }
}

fn thought_text(thought: Thought<'_>) -> Str<'_> {
    match thought {
        Content::Text(text) => text,
        Content::Parts(parts) => {
            let mut thought = String::new();
            for json in parts {
                let part: ContentPart<'_> = serde_json::from_str(json.get()).unwrap_or_default();
                thought.push_str(part.text.as_deref().unwrap_or_default());
            }
            thought.into()
        }
    }
}

pub fn write(answer: &Answer<'_>, context: &Context, losses: &mut Losses) -> Vec<u8> {
    let mut body = Vec::with_capacity(answer.room(Wire::Chat));
    let mut object = Object::open(&mut body);
    object.text("id", &words::answer_id(answer.id.as_ref(), &context.request_id));
    object.text("object", "chat.completion").whole("created", answer.created.unwrap_or(context.created));
    object.text("model", &context.model);
    let mut choices = object.list("choices");
    let mut choice = choices.object();
    choice.whole("index", 0);
    message(&mut choice, &answer.parts, context, losses);
    choice.raw("logprobs", "null");
    choice.text("finish_reason", words::finish_word(answer.finish.unwrap_or(Finish::Stop)));
    drop(choice);
    drop(choices);
    losses.note_if(answer.stop_sequence.is_some(), Field::StopSequence);
    losses.note_if(answer.service_tier.is_some(), Field::ServiceTier);
    losses.note_if(answer.extra, Field::Unknown);
    if let Some(usage) = &answer.usage {
        words::usage(&mut object.object("usage"), usage);
    }
    drop(object);
    body
}

fn message(choice: &mut Object<'_>, parts: &[Part<'_>], context: &Context, losses: &mut Losses) {
    let mut object = choice.object("message");
    object.text("role", "assistant");
    let mut images = Vec::new();
    let (mut any_call, mut any_thought, mut any_text, mut any_refusal) = (false, false, false, false);
    let mut cited = Vec::new();
    // Characters of text so far.
    let mut end = 0;
    for part in parts {
        match &part.kind {
            Kind::Text { text, citations } => {
                losses.note_if(any_call, Field::PartOrder);
                any_text = true;
                let start = end;
                end += text.chars().count() as u64;
                cited.extend(citations.iter().map(|citation| (citation, start, end)));
                any_thought |= part.opaque.is_some();
            }
            Kind::Refusal(_) => any_refusal = true,
            Kind::Thinking { .. } => any_thought = true,
            Kind::Call(_) => any_call = true,
            Kind::Image(media) => images.push(&**media),
            Kind::Document(_) | Kind::Audio(_) | Kind::Video(_) => losses.note(Field::AnswerMedia),
            Kind::Result(_) | Kind::Native(_) => losses.note(Field::Native),
        }
    }
    if any_text {
        object.texts("content", parts.iter().filter_map(|part| part.kind.said()));
    } else {
        object.raw("content", "null");
    }
    if any_refusal {
        object.texts("refusal", parts.iter().filter_map(|part| part.kind.refused()));
    } else {
        object.raw("refusal", "null");
    }
    let thoughts = || parts.iter().filter_map(|part| part.kind.thought());
    if thoughts().any(|text| !text.is_empty()) {
        object.texts("reasoning_content", thoughts());
    }
    if any_thought {
        details(&mut object, parts);
    }
    annotations(&mut object, &cited, losses);
    pictures(&mut object, &images);
    if any_call {
        let mut list = object.list("tool_calls");
        for (n, part) in parts.iter().enumerate() {
            if let Kind::Call(call) = &part.kind {
                let mut entry = list.object();
                let made = call.id.is_empty().then(|| context.id("call_", n as u32));
                entry.text("id", &client_id(made.as_deref().unwrap_or(&call.id), part.opaque.as_deref()));
                write_call(&mut entry, &call.name, &call.arguments, call.free_form, context);
            }
        }
    }
}

/// The body of a call, in the form in which the client has declared its tool.
fn write_call(entry: &mut Object<'_>, name: &str, arguments: &str, free_form: bool, context: &Context) {
    if free_form || context.free_form.contains(name) {
        let input = if free_form { Cow::Borrowed(arguments) } else { free_form_text(arguments) };
        entry.text("type", "custom").object("custom").text("name", name).text("input", &input);
    } else {
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        entry.text("type", "function").object("function").text("name", name).text("arguments", arguments);
    }
}

/// The text of a free-form call that came as JSON; the JSON itself where it is not what was asked for.
pub fn free_form_text(arguments: &str) -> Cow<'_, str> {
    object! { struct Input<'a> { input: Str<'a> = "input", } }
    match serde_json::from_str::<Input<'_>>(arguments) {
        Ok(Input { input: Some(text), .. }) => text.0,
        Ok(Input { input: None, .. }) | Err(_) => Cow::Borrowed(arguments),
    }
}

fn details(object: &mut Object<'_>, parts: &[Part<'_>]) {
    let mut list = object.list("reasoning_details");
    let mut index = 0;
    for part in parts {
        let text = match &part.kind {
            Kind::Thinking { text } => &**text,
            Kind::Text { .. } if part.opaque.is_some() => "",
            Kind::Text { .. }
            | Kind::Image(_)
            | Kind::Document(_)
            | Kind::Audio(_)
            | Kind::Video(_)
            | Kind::Call(_)
            | Kind::Result(_)
            | Kind::Refusal(_)
            | Kind::Native(_) => continue,
        };
        detail::write(&mut list.object(), index, text, part.opaque.as_deref());
        index += 1;
    }
}

fn annotations(object: &mut Object<'_>, cited: &[(&Citation<'_>, u64, u64)], losses: &mut Losses) {
    losses.note_if(cited.iter().any(|(citation, ..)| citation.url.is_none()), Field::Citations);
    let mut with_url = cited.iter().filter(|(citation, ..)| citation.url.is_some()).peekable();
    if with_url.peek().is_none() {
        return;
    }
    let mut list = object.list("annotations");
    for (citation, start, end) in with_url {
        annotation(&mut list.object(), citation, citation.start.unwrap_or(*start), citation.end.unwrap_or(*end));
    }
}

/// A citation of a page; others have no place here.
pub fn annotation(entry: &mut Object<'_>, citation: &Citation<'_>, start: u64, end: u64) {
    let mut url = entry.text("type", "url_citation").object("url_citation");
    url.text("url", citation.url.as_deref().unwrap_or_default());
    // The SDKs' types ask for a title.
    url.text("title", citation.title.as_deref().unwrap_or_default());
    url.text_if("content", citation.quote.as_deref()).whole("start_index", start).whole("end_index", end);
}

fn pictures(object: &mut Object<'_>, images: &[&Media<'_>]) {
    if images.is_empty() {
        return;
    }
    let mut list = object.list("images");
    for (index, media) in images.iter().enumerate() {
        picture(&mut list.object(), media, index as u64);
    }
}

/// A picture of an answer, in OpenRouter's form.
pub fn picture(entry: &mut Object<'_>, media: &Media<'_>, index: u64) {
    let url = match &media.source {
        Source::Base64 { media_type, data } => data_url(media_type, data),
        Source::Url { url, .. } => [url, "", "", ""],
        Source::File(_) | Source::Text(_) => [""; 4],
    };
    entry.text("type", "image_url").whole("index", index).object("image_url").texts("url", url);
}
