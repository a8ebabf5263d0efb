//! Requests.

use std::convert::Infallible;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::generate::number::Whole;
use super::{Ask, Method};
use crate::bounds::{self, Of};
use crate::conversation::Str;
use crate::json::list::each;
use crate::json::object::object;
use crate::json::put::Object;
use crate::loss::{Field, Losses};
use crate::translate::{Bad, Hints, Refused};

object! {
    struct OpenAi<'a> {
        model: Str<'a> = "model",
        input: Input<'a> = "input",
        dimensions: u64 = "dimensions",
        format: Str<'a> = "encoding_format",
        user: Str<'a> = "user",
        ..extra: bool,
    }
}

/// A text, several texts, or tokens of OpenAI's own counting.
#[derive(Debug)]
enum Input<'a> {
    Texts(Vec<Str<'a>>),
    Tokens,
}

impl<'de> Deserialize<'de> for Input<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de RawValue>::deserialize(deserializer)?.get();
        let read = if json.starts_with('"') {
            serde_json::from_str(json).map(|text| Self::Texts(vec![text]))
        } else {
            let read = each(&mut serde_json::Deserializer::from_str(json), Ok::<Str<'de>, Infallible>);
            match read {
                Ok(Ok(texts)) => Ok(Self::Texts(texts)),
                Err(_) if json.trim_start_matches(['[', ' ', '\n']).starts_with(|c: char| c.is_ascii_digit()) => {
                    Ok(Self::Tokens)
                }
                Err(error) => Err(error),
            }
        };
        read.map_err(serde::de::Error::custom)
    }
}

/// Reads a client's request in OpenAI's format.
pub fn read_openai<'a>(body: &'a [u8]) -> Result<Ask<'a>, Bad> {
    bounds::check(body, Of::EmbedRequest)?;
    let read: OpenAi<'a> = crate::json::from_bytes(body).map_err(|error| Bad::json(body, &error))?;
    let Some(model) = read.model else {
        return Err(Bad::new("You must provide a model parameter.", Some("model")));
    };
    let texts = match read.input {
        Some(Input::Texts(texts)) if !texts.is_empty() => texts,
        Some(Input::Tokens) => {
            return Err(Bad::new("The model behind this name takes texts and no tokens.", Some("input")));
        }
        Some(Input::Texts(_)) | None => return Err(Bad::new("You must provide an input.", Some("input"))),
    };
    let packed = match read.format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(Bad::new("An encoding format is float or base64.", Some("encoding_format"))),
    };
    let mut lost = Losses::default();
    lost.note_if(read.user.is_some(), Field::User);
    lost.note_if(read.extra, Field::Unknown);
    Ok(Ask { model, texts, dimensions: read.dimensions, one: false, packed, lost })
}

object! { struct Batch<'a> { requests: Requests<'a> = "requests", } }

#[derive(Debug)]
struct Requests<'a>(Vec<One<'a>>);

impl<'de> Deserialize<'de> for Requests<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Ok(all) = each(deserializer, Ok::<One<'de>, Infallible>)?;
        Ok(Self(all))
    }
}

object! {
    struct One<'a> {
        model: Str<'a> = "model",
        content: Content<'a> = "content",
        dimensions: Whole = "outputDimensionality" | "output_dimensionality",
        config: Config<'a> = "embedContentConfig" | "embed_content_config",
        ..extra: bool,
    }
}

object! { struct Config<'a> { dimensions: Whole = "outputDimensionality" | "output_dimensionality", ..extra: bool, } }
object! { struct Content<'a> { role: Str<'a> = "role", parts: Vec<Part<'a>> = "parts", } }
object! { struct Part<'a> { text: Str<'a> = "text", } }

const CONTENT: Option<&str> = Some("content");

/// Reads a client's request in Gemini's format. The model stands in the path.
pub fn read_gemini<'a>(body: &'a [u8], method: Method, hints: &Hints<'a>) -> Result<Ask<'a>, Bad> {
    bounds::check(body, Of::EmbedRequest)?;
    let bad = |error: serde_json::Error| Bad::json(body, &error);
    let requests = match method {
        Method::One => vec![crate::json::from_bytes::<One<'a>>(body).map_err(bad)?],
        Method::Batch => {
            crate::json::from_bytes::<Batch<'a>>(body).map_err(bad)?.requests.map(|all| all.0).unwrap_or_default()
        }
    };
    let Some(first) = requests.first() else {
        return Err(Bad::new("You must provide requests.", Some("requests")));
    };
    let named = first.model.as_ref().map(|model| model.strip_prefix("models/").unwrap_or(model).to_owned());
    let Some(model) = hints.model.map(Str::from).or(named.map(Str::from)) else {
        return Err(Bad::new("You must name a model in the path.", Some("model")));
    };
    let dimensions = first.dimensions();
    let mut ask = Ask {
        model,
        texts: Vec::with_capacity(requests.len()),
        dimensions: None,
        one: method == Method::One,
        packed: false,
        lost: Losses::default(),
    };
    for request in requests {
        if request.dimensions() != dimensions {
            return Err(Bad::new("All requests must ask for as many dimensions.", Some("outputDimensionality")));
        }
        // The kind of task and a title, which others do not tell apart.
        let inner = request.config.as_ref().is_some_and(|config| config.extra);
        ask.lost.note_if(inner || request.extra, Field::Unknown);
        ask.texts.push(text(request.content)?);
    }
    ask.dimensions = dimensions.and_then(Whole::count);
    Ok(ask)
}

impl One<'_> {
    fn dimensions(&self) -> Option<Whole> {
        self.dimensions.or(self.config.as_ref().and_then(|config| config.dimensions))
    }
}

/// Parts of one content make one vector.
fn text(content: Option<Content<'_>>) -> Result<Str<'_>, Bad> {
    let mut texts = Vec::new();
    for part in content.and_then(|content| content.parts).unwrap_or_default() {
        match part.text {
            Some(text) => texts.push(text),
            None => return Err(Bad::new("The model behind this name embeds nothing but text.", CONTENT)),
        }
    }
    match <[Str<'_>; 1]>::try_from(texts) {
        Ok([text]) => Ok(text),
        Err(texts) if texts.is_empty() => Err(Bad::new("You must provide a content.", CONTENT)),
        Err(texts) => Ok(texts.iter().map(|text| &**text).collect::<Vec<_>>().join("\n").into()),
    }
}

/// Writes a request for an upstream that speaks OpenAI's format. Vectors are asked for as numbers.
pub fn write_openai(ask: &Ask<'_>, model: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(ask.length() + model.len() + 128);
    let mut object = Object::open(&mut out);
    object.text("model", model);
    match ask.texts.as_slice() {
        [text] if ask.one => {
            object.text("input", text);
        }
        texts => {
            let mut list = object.list("input");
            texts.iter().for_each(|text| {
                list.text(text);
            });
        }
    }
    if let Some(dimensions) = ask.dimensions {
        object.whole("dimensions", dimensions);
    }
    object.text("encoding_format", "float");
    drop(object);
    out
}

/// Writes a request for a Gemini upstream.
pub fn write_gemini(ask: &Ask<'_>, model: &str, method: Method) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(ask.length() + ask.texts.len() * (model.len() + 88) + 128);
    match (method, ask.texts.as_slice()) {
        (Method::One, [text]) => one(&mut Object::open(&mut out), ask, text),
        (Method::One, _) => {
            let message = "The model behind this name embeds one text at a time.";
            return Err(Refused::Impossible { message, param: Some("input") });
        }
        (Method::Batch, texts) => {
            let name = format!("models/{model}");
            let mut object = Object::open(&mut out);
            let mut list = object.list("requests");
            for text in texts {
                let mut request = list.object();
                request.text("model", &name);
                one(&mut request, ask, text);
            }
        }
    }
    Ok(out)
}

fn one(request: &mut Object<'_>, ask: &Ask<'_>, text: &str) {
    request.object("content").list("parts").object().text("text", text);
    if let Some(dimensions) = ask.dimensions {
        request.whole("outputDimensionality", dimensions);
    }
}
