//! Gemini generateContent.

pub(crate) mod answer;
pub(crate) mod fidelity;
pub(crate) mod request;
pub(crate) mod stream;
