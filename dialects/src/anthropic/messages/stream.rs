//! Streamed answers.

use crate::conversation::Event;
use crate::translate::Context;
use crate::watch::Failure;

/// Reads one stream.
#[derive(Debug)]
pub struct Read;

impl Read {
    pub fn new(_context: &Context) -> Self {
        Self
    }

    pub fn event(&mut self, _name: &[u8], _data: &[u8], _emit: &mut dyn FnMut(Event<'_>)) -> Result<(), Box<Failure>> {
        Err(Box::new(Failure::ours("this format is not translated yet")))
    }

    pub fn end(&mut self, _emit: &mut dyn FnMut(Event<'_>)) {}
}

/// Writes one stream.
#[derive(Debug)]
pub struct Write;

impl Write {
    pub fn new(_context: &Context) -> Self {
        Self
    }

    pub fn event(&mut self, _event: &Event<'_>, _out: &mut Vec<u8>) {}
}
