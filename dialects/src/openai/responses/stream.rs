//! Streamed answers.

mod held;
mod open;
mod read;
mod tail;
mod write;

pub use read::Read;
pub use write::Write;
