//! Google Gemini, by key and on Vertex.

pub(crate) mod generate;
