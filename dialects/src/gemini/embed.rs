//! Embeddings, between OpenAI's format and Gemini's.
//!
//! Sources: the embeddings section of OpenAI's API reference, <https://ai.google.dev/api/embeddings>, recorded traffic.
//! A request is read into an [`Ask`] and written out of it, an answer into [`Vectors`]. Numbers stay the text that they
//! came as, unless one side packs them: then they are 32-bit floats, little end first, in base64.

mod answer;
mod named;
mod request;

pub use answer::{Vectors, read_gemini_answer, read_openai_answer, write_gemini_answer, write_openai_answer};
pub use named::{renamed, wraps_request};
pub use request::{read_gemini, read_openai, write_gemini, write_openai};

use crate::conversation::Str;
use crate::loss::Losses;

/// What is to be embedded.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// As the client calls it.
    pub model: Str<'a>,
    /// One vector is wanted for each.
    pub texts: Vec<Str<'a>>,
    pub dimensions: Option<u64>,
    /// The client wants one answer, not a list of them (Gemini's `embedContent`).
    pub one: bool,
    /// The client wants vectors packed (OpenAI's `encoding_format: base64`).
    pub packed: bool,
    /// What the other format has no place for.
    pub lost: Losses,
}

/// What an answer must be like, whatever was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub one: bool,
    pub packed: bool,
    /// Vectors that were asked for.
    pub count: usize,
}

impl Ask<'_> {
    /// Bytes of the texts as they are written.
    fn length(&self) -> usize {
        self.texts.iter().map(|text| crate::json::put::escaped(text) + 3).sum()
    }

    pub fn shape(&self) -> Shape {
        Shape { one: self.one, packed: self.packed, count: self.texts.len() }
    }
}

/// Which of Gemini's methods a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `embedContent`: all that Vertex has.
    One,
    /// `batchEmbedContents`.
    Batch,
}

#[cfg(test)]
mod tests;
