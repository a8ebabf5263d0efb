//! Google Gemini, by key and on Vertex.

pub(crate) mod chunk;
pub mod embed;
pub(crate) mod generate;
