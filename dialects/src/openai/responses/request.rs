//! Requests.

mod read;
mod turns;
mod write;
mod write_turn;

pub use read::{only_here, read};
pub use write::write;
