//! The OpenAI family: chat, completions, embeddings, responses, images, audio, and all who speak like them.

pub(crate) mod chat;
pub(crate) mod chunk;
pub mod envelope;
mod model;
pub(crate) mod responses;
pub(crate) mod typed;
