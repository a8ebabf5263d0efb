//! Requests.

mod message;
mod options;
mod read;
mod write;
mod write_content;
mod write_message;

pub use message::{Annotation, Content, Function, RawCall, cite, thoughts};
pub use read::read;
pub use write::{free_form_schema, write};
pub use write_message::{client_id, free_form_json};
