//! The workers and what they own: provider actors, their supervisor, the router, the policies. Knows no HTTP server.

pub mod alarm;
mod beside;
pub mod clock;
mod connection;
mod discovery;
pub mod error;
pub mod exchange;
pub mod fetching;
pub mod headers;
pub mod health;
pub mod heavy;
pub mod pieces;
pub mod policy;
pub mod provider;
pub mod query;
pub mod router;
pub mod shard;
pub mod share;
pub mod speech;
pub mod spell;
pub mod state;
pub mod supervisor;
pub mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod testing;
mod trust;
pub mod worker;
