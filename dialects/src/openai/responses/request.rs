//! Requests.

use crate::conversation::Request;
use crate::loss::Losses;
use crate::translate::{Bad, Hints, Refused, Target};

const UNSPOKEN: &str = "This format is not translated yet.";

pub fn read<'a>(_body: &'a [u8], _hints: &Hints<'a>) -> Result<Request<'a>, Bad> {
    Err(Bad::new(UNSPOKEN, None))
}

pub fn write(_request: &Request<'_>, _target: &Target<'_>, _losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    Err(Refused::Impossible { message: UNSPOKEN, param: None })
}
