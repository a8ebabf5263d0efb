//! Whole answers.

use crate::conversation::Answer;
use crate::loss::Losses;
use crate::translate::{Context, Malformed};

pub fn read(_body: &[u8]) -> Result<Answer<'_>, Malformed> {
    Err(Malformed::Foreign)
}

pub fn write(_answer: &Answer<'_>, _context: &Context, _losses: &mut Losses) -> Vec<u8> {
    Vec::new()
}
