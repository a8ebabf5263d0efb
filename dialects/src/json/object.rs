//! Structs that are read from JSON objects in one borrowed pass.
//!
//! serde's `flatten` would copy every value first, and can hold no raw JSON.
//! Always holds: no more is kept than the members that are named, unless a struct says that it keeps what it does not
//! know. Such a struct is read only from JSON whose members [`crate::bounds`] counts.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::conversation::{Extra, Str};

/// Defines a struct of optional members, each with its key. Null is absent; of duplicate keys the last counts. All other
/// members are passed over, unless the last line says what becomes of them: `..extra: Extra<'a>` keeps them, and
/// `..extra: bool` tells whether there are any.
macro_rules! object {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<$a:lifetime> {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal $(| $alias:literal)*,)*
        $(..$extra:ident: $rest:ty,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        $vis struct $name<$a> {
            $($(#[$field_doc])* $vis $field: Option<$type>,)*
            $(/// What none of the others is.
            $vis $extra: $rest,)?
            /// Not all of them borrow.
            $vis of: std::marker::PhantomData<&$a ()>,
        }

        impl<$a> serde::de::Deserialize<$a> for $name<$a> {
            fn deserialize<D: serde::de::Deserializer<$a>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::json::object::Rest;
                struct Look;
                impl<$a> serde::de::Visitor<$a> for Look {
                    type Value = $name<$a>;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<$a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut read = <$name<$a>>::default();
                        while let Some(key) = map.next_key::<$crate::conversation::Str<$a>>()? {
                            match &*key {
                                $($key $(| $alias)* => read.$field = map.next_value()?,)*
                                _ => $crate::json::object::rest!(read $($extra)?).member(key, &mut map)?,
                            }
                        }
                        Ok(read)
                    }
                }
                deserializer.deserialize_map(Look)
            }
        }
    };
}
/// Where the others go.
macro_rules! rest {
    ($read:ident) => {
        ()
    };
    ($read:ident $extra:ident) => {
        $read.$extra
    };
}
pub(crate) use {object, rest};

/// Looks at each member of an object, but for those that are null; until something is no JSON.
pub fn members_of(json: &str, each: impl FnMut(&str, &RawValue)) {
    struct Look<F>(F);
    impl<'a, F: FnMut(&str, &RawValue)> Visitor<'a> for Look<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<Str<'a>, &'a RawValue>()? {
                if !is_null(value) {
                    (self.0)(&key, value);
                }
            }
            Ok(())
        }
    }
    let _ = serde_json::Deserializer::from_str(json).deserialize_map(Look(each));
}

/// What becomes of a member that a struct does not name.
pub trait Rest<'a> {
    fn member<A: MapAccess<'a>>(&mut self, key: Str<'a>, map: &mut A) -> Result<(), A::Error>;
}

impl<'a> Rest<'a> for () {
    fn member<A: MapAccess<'a>>(&mut self, _: Str<'a>, map: &mut A) -> Result<(), A::Error> {
        map.next_value::<&'a RawValue>().map(drop)
    }
}

impl<'a> Rest<'a> for bool {
    fn member<A: MapAccess<'a>>(&mut self, _: Str<'a>, map: &mut A) -> Result<(), A::Error> {
        *self |= !is_null(map.next_value()?);
        Ok(())
    }
}

/// The name of the first.
impl<'a> Rest<'a> for Option<Str<'a>> {
    fn member<A: MapAccess<'a>>(&mut self, key: Str<'a>, map: &mut A) -> Result<(), A::Error> {
        if !is_null(map.next_value()?) {
            self.get_or_insert(key);
        }
        Ok(())
    }
}

impl<'a> Rest<'a> for Extra<'a> {
    fn member<A: MapAccess<'a>>(&mut self, key: Str<'a>, map: &mut A) -> Result<(), A::Error> {
        let raw = map.next_value()?;
        if !is_null(raw) {
            self.push((key, raw));
        }
        Ok(())
    }
}

/// Null is absent here too.
fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

#[cfg(test)]
mod tests {
    use super::members_of;
    use crate::conversation::{Extra, Str};

    object! {
        struct Thing<'a> {
            name: Str<'a> = "name" | "title",
            /// A member with an inside.
            inner: Box<Thing<'a>> = "inner",
            ..extra: Extra<'a>,
        }
    }
    object! { struct Named<'a> { name: Str<'a> = "name", } }
    object! { struct Noted<'a> { name: Str<'a> = "name", ..more: bool, } }
    object! { struct First<'a> { name: Str<'a> = "name", ..first: Option<Str<'a>>, } }

    #[test]
    fn known_members_are_typed_and_the_others_kept() {
        let thing: Thing<'_> =
            serde_json::from_str(r#"{"x":[1, 2],"title":"a","inner":{"name":"b\n","y":{}},"none":null}"#).unwrap();
        let inner = thing.inner.unwrap();
        assert_eq!((thing.name.as_deref(), inner.name.as_deref()), (Some("a"), Some("b\n")));
        assert_eq!(thing.extra.iter().map(|(k, v)| (&**k, v.get())).collect::<Vec<_>>(), [("x", "[1, 2]")]);
        assert_eq!(inner.extra.iter().map(|(k, v)| (&**k, v.get())).collect::<Vec<_>>(), [("y", "{}")]);
        assert!(serde_json::from_str::<Thing<'_>>(r#"{"name":1}"#).is_err());
        assert!(serde_json::from_str::<Thing<'_>>("[]").is_err());
    }

    #[test]
    fn the_others_are_passed_over_or_noted() {
        for (json, more, first) in [
            (r#"{"name":"a","x":null}"#, false, None),
            (r#"{"x":[{}],"name":"a","y\n":1}"#, true, Some("x")),
            (r#"{"x":null,"y":{"name":"b"},"name":"a"}"#, true, Some("y")),
        ] {
            assert_eq!(serde_json::from_str::<Named<'_>>(json).unwrap().name.as_deref(), Some("a"));
            let noted: Noted<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((noted.name.as_deref(), noted.more), (Some("a"), more));
            let named: First<'_> = serde_json::from_str(json).unwrap();
            assert_eq!((named.name.as_deref(), named.first.as_deref()), (Some("a"), first));
            let mut all = Vec::new();
            members_of(json, |key, _| all.push(key.to_owned()));
            assert_eq!(all.iter().any(|key| key != "name"), more, "{all:?}");
        }
        assert!(serde_json::from_str::<Named<'_>>(r#"{"x":tru}"#).is_err());
    }
}
