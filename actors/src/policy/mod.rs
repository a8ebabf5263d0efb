//! The policies: small state machines that decide, and touch nothing.
//!
//! Always: no IO, no clock, no randomness of their own. `now` and the random number are arguments, so every decision
//! can be replayed in a test without waiting. Whoever owns a machine sees to it that it is called under one lock;
//! those that are called without one ([`ewma`], [`hedge`]) are atomics. A `now` that runs a little backwards, as it
//! does when threads read the clock before they take the lock, does no harm anywhere.

pub mod balance;
pub mod breaker;
pub mod cooldown;
pub mod ewma;
mod gate;
pub mod hedge;
pub mod limits;
mod moment;
pub mod pause;
pub mod retry;
#[cfg(test)]
mod testing;

pub use gate::{Admission, Ticket};
pub use moment::Moment;
