//! OpenAI responses.
//!
//! Source: the responses section of OpenAI's API reference and the Open Responses specification. A conversation is a
//! flat list of items (messages, reasoning, calls, results), and so is an answer. In the neutral model the items of one
//! assistant's turn are the parts of one message.
//!
//! What reading and writing again changes, and means nothing: a string of input or content becomes a list or the other
//! way round, ids of items other than reasoning and the `status` of items that are sent back are left out, and so are
//! empty lists.

pub(crate) mod answer;
mod content;
pub(crate) mod fidelity;
mod item;
mod namespace;
pub(crate) mod request;
mod response;
pub(crate) mod stream;
mod tools;
mod write_item;
