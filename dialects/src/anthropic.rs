//! Anthropic.

pub(crate) mod messages;
