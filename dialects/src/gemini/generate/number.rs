//! Whole numbers as protocol buffers' JSON has them: `7`, `7.0` and `"7"` are one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole(pub i64);

impl Whole {
    /// None below zero.
    pub fn count(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl Visitor<'_> for Look {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_i64<E>(self, n: i64) -> Result<Whole, E> {
                Ok(Whole(n))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Whole, E> {
                Ok(Whole(i64::try_from(n).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E: Error>(self, n: f64) -> Result<Whole, E> {
                if n.fract() == 0.0 && n.abs() <= 9_007_199_254_740_992.0 {
                    return Ok(Whole(n as i64));
                }
                Err(E::custom("not a whole number"))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Whole, E> {
                text.parse().map(Whole).map_err(|_| E::custom("not a whole number"))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_number_in_any_dress() {
        let read = |json: &str| serde_json::from_str::<Whole>(json).map(|whole| whole.0).ok();
        assert_eq!((read("7"), read("7.0"), read("\"7\""), read("-1")), (Some(7), Some(7), Some(7), Some(-1)));
        assert_eq!((read("7.5"), read("\"x\""), read("true"), read("1e300")), (None, None, None, None));
        assert_eq!(read("18446744073709551615"), Some(i64::MAX));
    }
}
