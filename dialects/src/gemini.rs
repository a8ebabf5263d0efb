//! Google Gemini, by key and on Vertex.

pub(crate) mod chunk;
pub(crate) mod generate;
