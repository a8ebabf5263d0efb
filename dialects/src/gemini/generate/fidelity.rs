//! What this format promises about each field.

use crate::loss::{Fidelity, Field};

/// Not yet spoken: nothing but what must carry.
pub const fn carries(field: Field) -> Fidelity {
    if field.must_carry() { Fidelity::Carried } else { Fidelity::Dropped }
}
