//! Streamed answers.

mod read;
mod write;

pub use read::Read;
pub use write::Write;
