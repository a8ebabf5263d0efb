//! Answers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::generate::number::Whole;
use super::Shape;
use crate::Usage;
use crate::bounds::{self, Of};
use crate::json::object::object;
use crate::json::put::{Base64, List, Object};
use crate::json::{Filled, Scalar};
use crate::translate::Malformed;

/// The vectors of an answer, in the order of what was asked.
#[derive(Debug)]
pub struct Vectors<'a> {
    /// Lists of numbers, or one text of packed ones.
    values: Vec<&'a RawValue>,
    /// What the upstream counted; Gemini's first models count nothing.
    pub usage: Option<Usage>,
}

impl Vectors<'_> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// About as many bytes are written.
    fn room(&self, pack: bool) -> usize {
        // How long the numbers of one are, those of the others are too.
        let digits = self.values.iter().find_map(|raw| packed(raw)).map_or(0, digits);
        let one = |raw: &&RawValue| match (pack, packed(raw)) {
            (true, None) => (memchr::memchr_iter(b',', raw.get().as_bytes()).count() + 1).div_ceil(3) * 16,
            (false, Some(text)) => text.len() / 4 * 3 / 4 * (digits + 1),
            (true, Some(_)) | (false, None) => raw.get().len(),
        };
        self.values.iter().map(|raw| one(raw) + 64).sum::<usize>() + 256
    }

    fn fit(&self, shape: Shape) -> Result<(), Malformed> {
        if self.len() == shape.count { Ok(()) } else { Err(Malformed::Foreign) }
    }
}

object! {
    struct OpenAi<'a> {
        data: Vec<Entry<'a>> = "data",
        usage: &'a RawValue = "usage",
        error: Filled = "error",
    }
}

object! {
    struct Entry<'a> {
        index: Scalar = "index",
        embedding: &'a RawValue = "embedding",
    }
}

/// Reads an upstream's answer in OpenAI's format.
pub fn read_openai_answer(body: &[u8]) -> Result<Vectors<'_>, Malformed> {
    bounds::check(body, Of::EmbedAnswer)?;
    let read: OpenAi<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    let (Some(mut data), None | Some(Filled(false))) = (read.data, read.error) else {
        return Err(Malformed::of(body));
    };
    // Those without a number keep their place.
    data.sort_by_key(|entry| entry.index.and_then(Scalar::number));
    let values: Vec<_> = data.iter().filter_map(|entry| entry.embedding).collect();
    if values.len() != data.len() {
        return Err(Malformed::Foreign);
    }
    Ok(Vectors { values, usage: read.usage.and_then(|usage| crate::usage::read(usage.get())) })
}

object! {
    struct Gemini<'a> {
        one: Values<'a> = "embedding",
        batch: Vec<Values<'a>> = "embeddings",
        usage: Counts<'a> = "usageMetadata",
        error: Filled = "error",
    }
}

object! { struct Values<'a> { values: &'a RawValue = "values", } }
object! { struct Counts<'a> { prompt: Whole = "promptTokenCount", total: Whole = "totalTokenCount", } }

/// Reads a Gemini upstream's answer, of either method.
pub fn read_gemini_answer(body: &[u8]) -> Result<Vectors<'_>, Malformed> {
    bounds::check(body, Of::EmbedAnswer)?;
    let read: Gemini<'_> = crate::json::from_bytes(body).map_err(|_| Malformed::of(body))?;
    if read.error.is_some_and(|error| error.0) || read.one.is_none() && read.batch.is_none() {
        return Err(Malformed::of(body));
    }
    let all = read.batch.unwrap_or_default().into_iter().chain(read.one);
    let values = all.map(|entry| entry.values).collect::<Option<Vec<_>>>().ok_or(Malformed::Foreign)?;
    let count = |counts: Counts<'_>| counts.prompt.or(counts.total).and_then(Whole::count);
    let usage = read.usage.and_then(count).map(|input| Usage { input, ..Usage::default() });
    Ok(Vectors { values, usage })
}

/// Writes an answer for a client that speaks OpenAI's format. `model`: as the client calls it. `usage`: what was
/// counted, by the upstream or by estimate.
pub fn write_openai_answer(
    vectors: &Vectors<'_>,
    shape: Shape,
    model: &str,
    usage: Usage,
) -> Result<Vec<u8>, Malformed> {
    vectors.fit(shape)?;
    let mut out = Vec::with_capacity(vectors.room(shape.packed));
    let mut object = Object::open(&mut out);
    object.text("object", "list");
    let mut data = object.list("data");
    for (index, values) in vectors.values.iter().enumerate() {
        let mut entry = data.object();
        entry.text("object", "embedding").whole("index", index as u64);
        match (shape.packed, packed(values)) {
            (true, Some(_)) | (false, None) => {
                entry.raw("embedding", values.get());
            }
            (true, None) => {
                let mut numbers = serde_json::Deserializer::from_str(values.get());
                numbers.deserialize_seq(Pack(entry.base64("embedding"))).map_err(|_| Malformed::Foreign)?;
            }
            (false, Some(text)) => unpack(&mut entry.list("embedding"), text)?,
        }
    }
    drop(data);
    object.text("model", model);
    let mut counts = object.object("usage");
    counts.whole("prompt_tokens", usage.input).whole("total_tokens", usage.input);
    drop(counts);
    drop(object);
    Ok(out)
}

/// Writes an answer for a Gemini client.
pub fn write_gemini_answer(vectors: &Vectors<'_>, shape: Shape) -> Result<Vec<u8>, Malformed> {
    vectors.fit(shape)?;
    let mut out = Vec::with_capacity(vectors.room(false));
    let mut object = Object::open(&mut out);
    if shape.one {
        let first = vectors.values.first().ok_or(Malformed::Foreign)?;
        values(&mut object.object("embedding"), first)?;
    } else {
        let mut list = object.list("embeddings");
        for vector in &vectors.values {
            values(&mut list.object(), vector)?;
        }
    }
    if let Some(usage) = vectors.usage {
        let mut counts = object.object("usageMetadata");
        counts.whole("promptTokenCount", usage.input).whole("totalTokenCount", usage.input);
    }
    drop(object);
    Ok(out)
}

fn values(object: &mut Object<'_>, raw: &RawValue) -> Result<(), Malformed> {
    match packed(raw) {
        Some(text) => unpack(&mut object.list("values"), text)?,
        None => {
            object.raw("values", raw.get());
        }
    }
    Ok(())
}

/// The text of packed numbers.
/// How many digits a number of this packed vector takes, on average and rounded up.
fn digits(text: &str) -> usize {
    let (mut written, mut count) = (Vec::new(), 0_usize);
    let mut list = List::open(&mut written);
    let sample = text.get(..text.len().min(1_024)).unwrap_or_default();
    let _ = numbers(sample, |number| {
        list.single(number);
        count += 1;
    });
    drop(list);
    written.len().div_ceil(count.max(1))
}

fn packed(raw: &RawValue) -> Option<&str> {
    raw.get().strip_prefix('"')?.strip_suffix('"')
}

fn unpack(list: &mut List<'_>, text: &str) -> Result<(), Malformed> {
    numbers(text, |number| {
        list.single(number);
    })
}

/// The numbers of a packed vector, one by one: of a long one no copy is made.
fn numbers(text: &str, mut each: impl FnMut(f32)) -> Result<(), Malformed> {
    const CHARS: usize = 1_024;
    let mut bytes = [0; CHARS / 4 * 3];
    let mut pieces = text.as_bytes().chunks(CHARS).peekable();
    while let Some(piece) = pieces.next() {
        let length = STANDARD.decode_slice(piece, &mut bytes).map_err(|_| Malformed::Foreign)?;
        let read = bytes.get(..length).unwrap_or_default();
        let (numbers, []) = read.as_chunks::<4>() else { return Err(Malformed::Foreign) };
        // Only the last may be padded.
        if pieces.peek().is_some() && length < bytes.len() {
            return Err(Malformed::Foreign);
        }
        for number in numbers {
            let number = f32::from_le_bytes(*number);
            // No JSON, and a sign that something else is packed here: Perplexity packs bytes.
            if !number.is_finite() {
                return Err(Malformed::Foreign);
            }
            each(number);
        }
    }
    Ok(())
}

/// Packs numbers as they are read.
struct Pack<'o>(Base64<'o>);

impl<'de> Visitor<'de> for Pack<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(number) = seq.next_element::<f32>()? {
            self.0.push(number.to_le_bytes());
        }
        Ok(())
    }
}
