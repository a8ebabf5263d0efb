//! Anthropic messages.
//!
//! Source: the messages section of Anthropic's API reference, and recorded traffic. Thoughts of other providers go to a
//! client as `thinking` and `redacted_thinking` blocks whose `signature` and `data` bear the mark of
//! [`crate::conversation::Opaque::pack`]: clients of this format send both back as they got them.

pub(crate) mod answer;
mod block;
pub(crate) mod fidelity;
pub(crate) mod model;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod words;
