//! Structs that are read from JSON objects in one borrowed pass and keep what they do not know.
//!
//! serde's `flatten` would copy every value first, and can hold no raw JSON.

/// Defines a struct of optional members, each with its key, and `extra` for all others. Null is absent; of duplicate
/// keys the last counts.
macro_rules! object {
    ($(#[$doc:meta])* $vis:vis struct $name:ident<$a:lifetime> {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal $(| $alias:literal)*,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        $vis struct $name<$a> {
            $($(#[$field_doc])* $vis $field: Option<$type>,)*
            /// What none of the others is.
            $vis extra: $crate::conversation::Extra<$a>,
        }

        impl<$a> serde::de::Deserialize<$a> for $name<$a> {
            fn deserialize<D: serde::de::Deserializer<$a>>(deserializer: D) -> Result<Self, D::Error> {
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
                                _ => {
                                    let raw = map.next_value::<&$a serde_json::value::RawValue>()?;
                                    // Null is absent here too.
                                    if raw.get() != "null" {
                                        read.extra.push((key, raw));
                                    }
                                }
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
pub(crate) use object;

#[cfg(test)]
mod tests {
    use crate::conversation::Str;

    object! {
        struct Thing<'a> {
            name: Str<'a> = "name" | "title",
            /// A member with an inside.
            inner: Box<Thing<'a>> = "inner",
        }
    }

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
}
