//! The memory that a fetch takes of what all bodies may hold.
//!
//! Always: it is taken before the bytes are held, and given back with them.

use super::Why;

/// What all bodies may hold.
pub trait Room {
    /// False: there are not so many bytes left.
    fn take(&self, bytes: u64) -> bool;
    fn give_back(&self, bytes: u64);
}

/// A part of it, given back when it is dropped.
pub struct Held<'a> {
    room: &'a dyn Room,
    bytes: u64,
}

impl<'a> Held<'a> {
    pub fn none(room: &'a dyn Room) -> Self {
        Self { room, bytes: 0 }
    }

    /// # Errors
    /// When there are not so many left.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Why> {
        if !self.room.take(bytes) {
            return Err(Why::NoRoom);
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Leaves so many of them taken.
    pub fn keep(mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.bytes);
    }
}
