//! Requests.

mod read;
mod write;
mod write_block;
pub(crate) mod write_think;

pub use read::read;
pub use write::write;
