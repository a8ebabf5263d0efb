//! Small pieces for borrowed parses of JSON: values that are looked at and dropped, without an allocation.
//!
//! serde_json's `IgnoredAny` skips a value without recursion, so nesting of any depth neither overflows nor is slow.

pub mod list;
pub mod object;
pub mod put;
pub mod scan;

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads a value that borrows from its bytes.
pub fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice(bytes)
}

/// A scalar as far as the gateway cares; everything else is `Other`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    /// A non-negative whole number.
    Number(u64),
    Other,
}

impl Scalar {
    /// The value, if it is a boolean.
    pub const fn as_bool(self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(value),
            _ => None,
        }
    }
}

impl Scalar {
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(n) => Some(n),
            Self::Null | Self::Bool(_) | Self::Other => None,
        }
    }
}

/// Vendors write whole numbers as floats now and then; beyond 2^53 a float is no count of anything.
fn whole(n: f64) -> Scalar {
    if (0.0..=9_007_199_254_740_992.0).contains(&n) && n.fract() == 0.0 {
        Scalar::Number(n as u64)
    } else {
        Scalar::Other
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Null)
            }
            fn visit_bool<E>(self, v: bool) -> Result<Scalar, E> {
                Ok(Scalar::Bool(v))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(v))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_f64<E>(self, v: f64) -> Result<Scalar, E> {
                Ok(whole(v))
            }
            fn visit_str<E>(self, _: &str) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// Whether a value holds anything: not null, a number, a flag, `""`, `[]` or `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight(pub bool);

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Weight;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Weight, E> {
                Ok(Weight(false))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Weight, E> {
                Ok(Weight(false))
            }
            fn visit_u64<E>(self, _: u64) -> Result<Weight, E> {
                Ok(Weight(false))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Weight, E> {
                Ok(Weight(false))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Weight, E> {
                Ok(Weight(false))
            }
            fn visit_str<E>(self, v: &str) -> Result<Weight, E> {
                Ok(Weight(!v.is_empty()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Weight, A::Error> {
                let mut any = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(Weight(any))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weight, A::Error> {
                let mut any = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(Weight(any))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// Whether anything in a value is filled: neither null, zero, false nor empty, however deep it stands. Many servers
/// send `"error": {"message": "", "code": null}` beside a good answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Filled(pub bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl<'de> Visitor<'de> for Look {
            type Value = Filled;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Filled, E> {
                Ok(Filled(false))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Filled, E> {
                Ok(Filled(v))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Filled, E> {
                Ok(Filled(v != 0))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Filled, E> {
                Ok(Filled(v != 0))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Filled, E> {
                Ok(Filled(v != 0.0))
            }
            fn visit_str<E>(self, v: &str) -> Result<Filled, E> {
                Ok(Filled(!v.is_empty()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Filled, A::Error> {
                let mut any = false;
                while let Some(item) = seq.next_element::<Filled>()? {
                    any |= item.0;
                }
                Ok(Filled(any))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filled, A::Error> {
                let mut any = false;
                while let Some((_, value)) = map.next_entry::<IgnoredAny, Filled>()? {
                    any |= value.0;
                }
                Ok(Filled(any))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// A key out of a fixed set, compared without being copied (an escaped key is unescaped first).
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $($text:literal)|+),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum $name { $($variant,)+ Other }

        impl $name {
            #[inline]
            fn of(text: &[u8]) -> Self {
                $(if $(text == $text.as_bytes())||+ { return Self::$variant; })+
                Self::Other
            }
        }

        impl<'de> serde::de::Deserialize<'de> for $name {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Look;
                impl serde::de::Visitor<'_> for Look {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("a key") }
                    fn visit_str<E>(self, v: &str) -> Result<$name, E> {
                        Ok($name::of(v.as_bytes()))
                    }
                }
                deserializer.deserialize_str(Look)
            }
        }
    };
}
pub(crate) use keys;
