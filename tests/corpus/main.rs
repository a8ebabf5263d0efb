//! Recorded exchanges with real providers, replayed through the real binary.
//!
//! An upstream sends the recorded bytes in odd-sized pieces. What must hold for every one of them: the request
//! arrives upstream byte for byte but for the model's name under an alias, the answer reaches the client byte for
//! byte, and the usage in the access line is the one that was recorded. The recordings lie beside the project;
//! where they do not, this says so and skips.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod clients;
mod exchanges;
mod usage;
