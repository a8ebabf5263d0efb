//! The whole way from files to a configuration: what is right, and each mistake that is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod accepted;
mod damaged;
mod mistakes;
mod secrecy;
mod templates;
