//! Gemini generateContent: what the relay must know of its answers.

pub(crate) mod chunk;
