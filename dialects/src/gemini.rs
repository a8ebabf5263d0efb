//! Google Gemini, by key and on Vertex.

pub mod embed;
pub(crate) mod generate;
