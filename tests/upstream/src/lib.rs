//! Servers that misbehave by name, and the harness that runs the real proxy between them and a client.
//!
//! Everything here works on bare sockets and raw bytes: what a well-mannered HTTP library refuses to send
//! is exactly what the tests are about. Every server listens on a port of its own choosing on loopback,
//! records what reached it, and ends when it is dropped.

pub mod canned;
pub mod client;
pub mod corpus;
pub mod harness;
pub mod server;

mod answers;
mod byte_by_byte_head;
mod closes_in_race_window;
mod ends_early;
mod error_inside_200;
mod floods;
mod gzip_unasked;
mod interim;
mod invalid_utf8;
mod long_line;
mod never_accepts;
mod records;
mod redirects;
mod refuses;
mod replay;
mod resets;
mod silent;
mod stalls_after;
mod status;
mod unframed;

pub use answers::{Reply, answers, sequence};
pub use byte_by_byte_head::byte_by_byte_head;
pub use closes_in_race_window::closes_in_race_window;
pub use ends_early::{Framing, ends_early};
pub use error_inside_200::error_inside_200;
pub use floods::floods;
pub use gzip_unasked::{GZIPPED, gzip_unasked};
pub use interim::{floods_interim, interim};
pub use invalid_utf8::{INVALID, invalid_utf8};
pub use long_line::long_line;
pub use never_accepts::{NeverAccepts, never_accepts};
pub use records::records;
pub use redirects::redirects;
pub use refuses::{Refuses, refuses};
pub use replay::{odd_pieces, replay};
pub use resets::{ResetAt, resets};
pub use server::{Connection, Request, Upstream};
pub use silent::silent;
pub use stalls_after::stalls_after;
pub use status::status;
pub use unframed::unframed;

#[cfg(test)]
mod tests;
