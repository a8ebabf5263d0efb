//! Requests.

mod options;
mod read;
mod tools;
mod write;
mod write_block;

pub use read::read;
pub use write::write;
