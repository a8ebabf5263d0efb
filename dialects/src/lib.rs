//! The wire formats: pure functions and state machines over bytes, without a clock, a socket or a random number.
//!
//! What the gateway must understand of a request ([`envelope`], [`multipart`]) and of an answer ([`watch`], [`quota`],
//! [`fault`]), and what it says itself ([`error`], [`models`]). Bytes are looked at, hardly ever copied: within one
//! dialect an answer passes as it came. Everything that is kept is bounded, nothing panics on any input, and no error
//! of this crate carries text of a body or of a header.
//!
//! The OpenAI family lives in [`openai`]; each further dialect has a module of its own beside it. Where client and
//! upstream speak different formats, [`translate`] goes from one into the other by way of [`conversation`], and [`loss`]
//! names what does not come along.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod anthropic;
mod bedrock;
pub mod bounds;
pub mod conversation;
pub mod count;
mod date;
mod dialect;
mod endpoint;
pub mod error;
pub mod fault;
mod gemini;
mod json;
pub mod loss;
pub mod mask;
pub mod models;
pub mod multipart;
mod name;
pub mod openai;
mod output;
pub mod quota;
pub mod translate;
mod usage;
pub mod watch;
mod wire;

pub use dialect::Dialect;
pub use endpoint::Endpoint;
pub use gemini::embed;
pub use name::{MAX_MODEL_NAME, safe_model_name};
pub use openai::envelope;
pub use output::Output;
pub use usage::Usage;
pub use wire::Wire;
