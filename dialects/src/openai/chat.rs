//! OpenAI chat completions, and everyone who followed.
//!
//! Source: the chat completions section of OpenAI's API reference, and recorded traffic of two dozen vendors for what
//! they do differently. A thought goes by the name `reasoning_content` (DeepSeek's, and what most clients look for),
//! and, with what its provider wants back, in `reasoning_details` (OpenRouter's). Both are extra members, which the
//! official SDKs keep in the message object.

pub(crate) mod answer;
mod detail;
pub(crate) mod fidelity;
pub(crate) mod request;
pub(crate) mod stream;
mod words;
