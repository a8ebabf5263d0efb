//! A conversation as all wire formats can say it: the middle of every translation.
//!
//! There are no pairwise translators. Each format reads into these types and writes out of them, for requests
//! ([`Request`]), whole answers ([`Answer`]) and streams ([`Event`]). Text is borrowed from the body it was read from
//! wherever it holds no escapes, and JSON whose inside does not matter here (schemas, arguments) is kept as the bytes
//! it came as.
//!
//! Conventions that every reader and writer keeps:
//! - Order is the order of the body. A reader moves nothing and joins nothing; what a format wants elsewhere, its
//!   writer puts there.
//! - Instructions from outside of the list of messages (`system`, `instructions`, `systemInstruction`) are
//!   [`Request::system`]; those inside stay messages of the role [`Role::System`] or [`Role::Developer`].
//! - A tool result is a part of a message of the role User or Tool. Writers look for it in both.
//! - Ids of calls are as the model gave them. What had to be hung on one for a client ([`Opaque`]) is taken off again
//!   by the reader.
//! - Null and absent are the same.
//! - What a reader does not know it keeps as [`Extra`] or [`Kind::Native`], in the words of [`Request::wire`]. Its own
//!   writer writes it back; every other one notes a loss.

mod answer;
mod event;
pub(crate) mod media;
mod opaque;
pub(crate) mod pairing;
mod part;
mod request;
mod text;

pub(crate) use answer::LONG;
pub use answer::{Answer, Finish};
pub use event::{Delta, Event, Opened};
pub use opaque::Opaque;
pub use part::{Cache, Call, Citation, Kind, Media, Native, Part, Source, ToolResult};
pub use request::{Effort, Message, Output, Reasoning, Request, Role, Sampling, Thinking, Tool, ToolChoice, ToolKind};
pub use text::{Extra, Json, Maybe, Str};
