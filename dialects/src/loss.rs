//! What a translation may lose, by name, and what each wire format promises about it.
//!
//! Nothing is lost in silence: whatever a writer leaves out it notes here, and may note only what its format's table
//! declares. The tables are matches without a catch-all arm, so that a new field asks every format, and the document of
//! all pairs is made from them. Names are ours and static; nothing a client wrote is ever among them.

mod field;

pub use field::Field;

use crate::Wire;

/// What becomes of a field on its way into a wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fidelity {
    /// Means there what it meant here. Never noted as a loss.
    Carried,
    /// Comes near, or comes only where that format's models take it. Noted where it did not come at all, but never a
    /// reason to refuse: the answer means the same without it.
    Approximated,
    /// Has no place there. Noted, and a refusal where losses are refused (`on_loss: refuse`).
    Dropped,
    /// Without it the answer would be another one: always a refusal.
    Refused,
}

impl Fidelity {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Approximated => "approximated",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }
}

/// What becomes of `field` when it is written for `wire`, in a request or in an answer.
pub const fn carries(wire: Wire, field: Field) -> Fidelity {
    match wire {
        Wire::Chat => crate::openai::chat::fidelity::carries(field),
        Wire::Responses => crate::openai::responses::fidelity::carries(field),
        Wire::Messages => crate::anthropic::messages::fidelity::carries(field),
        Wire::Gemini => crate::gemini::generate::fidelity::carries(field),
        Wire::Converse => crate::bedrock::converse::fidelity::carries(field),
    }
}

/// What becomes of `field` from one format to another; None where the first cannot say it.
pub const fn between(from: Wire, to: Wire, field: Field) -> Option<Fidelity> {
    match (carries(from, field), field) {
        // None can be given more than one, but these can ask.
        (_, Field::Candidates) => match from {
            Wire::Chat | Wire::Gemini => Some(carries(to, field)),
            Wire::Responses | Wire::Messages | Wire::Converse => None,
        },
        // What only the format it came in understands comes in every format.
        (_, Field::Unknown | Field::Native | Field::ForeignState | Field::BuiltinTools) => Some(carries(to, field)),
        (Fidelity::Carried | Fidelity::Approximated, _) => Some(carries(to, field)),
        (Fidelity::Dropped | Fidelity::Refused, _) => None,
    }
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses(u128);

impl Losses {
    pub fn note(&mut self, field: Field) {
        self.0 |= 1 << field as u32;
    }

    /// Notes the field where there is something to lose.
    pub fn note_if(&mut self, lost: bool, field: Field) {
        if lost {
            self.note(field);
        }
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u32) != 0
    }

    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of which this is true.
    pub fn only(self, wanted: impl Fn(Field) -> bool) -> Self {
        let mut losses = Self::default();
        self.fields().filter(|field| wanted(*field)).for_each(|field| losses.note(field));
        losses
    }

    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL.into_iter().filter(move |field| self.has(*field))
    }

    /// The names, in the order of the table: for a header or a message.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.fields().map(Field::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_fits_the_set_and_has_a_name_of_its_own() {
        let mut names: Vec<_> = Field::ALL.into_iter().map(Field::name).collect();
        for (at, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, at);
            assert!(at < 128);
        }
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Field::ALL.len());
    }

    #[test]
    fn what_must_carry_is_declared_lost_by_nobody() {
        for wire in Wire::ALL {
            for field in Field::ALL.into_iter().filter(|field| field.must_carry()) {
                let fidelity = carries(wire, field);
                assert!(matches!(fidelity, Fidelity::Carried), "{}: {}", wire.label(), field.name());
            }
        }
    }

    #[test]
    fn a_set_names_what_was_noted() {
        let mut losses = Losses::default();
        assert!(losses.is_empty());
        losses.note(Field::TopK);
        losses.note_if(false, Field::Seed);
        losses.note(Field::Unknown);
        assert_eq!(losses.names().collect::<Vec<_>>(), ["top_k", "unknown_fields"]);
    }
}
