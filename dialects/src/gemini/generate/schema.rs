//! Schemas: the subset of OpenAPI 3.0 that `parameters` and `responseSchema` take, and JSON Schema, which goes into
//! `parametersJsonSchema` and `responseJsonSchema`.
//!
//! Source: <https://ai.google.dev/api/caching#Schema>. Inside of the gateway every schema is JSON Schema: the subset's
//! types in capitals (or as numbers), `nullable`, counts as strings and names in snake case are put into its words.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::number::Whole;
use crate::bounds::LONGEST_SCHEMA;
use crate::conversation::{Json, Str};
use crate::json::put::{List, Object};

/// A schema that is nested deeper is left as it is.
const MAX_DEPTH: usize = 32;

/// A schema: its members in their order, but for those that are null.
struct Schema<'a>(Vec<(Str<'a>, Member<'a>)>);

enum Member<'a> {
    /// What is no schema.
    Plain(&'a RawValue),
    One(Schema<'a>),
    Several(Vec<Schema<'a>>),
    Named(Vec<(Str<'a>, Schema<'a>)>),
}

/// What a place in a schema is to hold.
#[derive(Clone, Copy)]
enum Place {
    One,
    Several,
    Named,
}

/// Reads what a place holds, and what lies in it, in one pass; null is nothing. With the levels that may follow.
#[derive(Clone, Copy)]
struct Read(Place, usize);

impl<'a> Schema<'a> {
    fn read(raw: &'a RawValue) -> Option<Self> {
        if raw.get().len() > LONGEST_SCHEMA {
            return None;
        }
        match Read(Place::One, MAX_DEPTH).deserialize(&mut serde_json::Deserializer::from_str(raw.get())) {
            Ok(Some(Member::One(schema))) => Some(schema),
            _ => None,
        }
    }
}

impl<'a> DeserializeSeed<'a> for Read {
    type Value = Option<Member<'a>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'a> Visitor<'a> for Read {
    type Value = Option<Member<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            Place::One | Place::Named => deserializer.deserialize_map(self),
            Place::Several => deserializer.deserialize_seq(self),
        }
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut schemas = Vec::new();
        while let Some(read) = list.next_element_seed(Self(Place::One, self.1))? {
            let Some(Member::One(schema)) = read else { return Err(Error::custom("null is no schema")) };
            schemas.push(schema);
        }
        Ok(Some(Member::Several(schemas)))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if let Place::Named = self.0 {
            let mut schemas = Vec::new();
            while let Some(name) = map.next_key::<Str<'a>>()? {
                if let Some(Member::One(schema)) = map.next_value_seed(Self(Place::One, self.1))? {
                    schemas.push((name, schema));
                }
            }
            return Ok(Some(Member::Named(schemas)));
        }
        let left = self.1.checked_sub(1).ok_or_else(|| Error::custom("nested too deep"))?;
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<Str<'a>>()? {
            let place = match &*key {
                "properties" => Some(Place::Named),
                "items" => Some(Place::One),
                "anyOf" | "any_of" => Some(Place::Several),
                _ => None,
            };
            let member = match place {
                Some(place) => map.next_value_seed(Self(place, left))?,
                None => Some(map.next_value::<&RawValue>()?).filter(|raw| raw.get() != "null").map(Member::Plain),
            };
            members.extend(member.map(|member| (key, member)));
        }
        Ok(Some(Member::One(Schema(members))))
    }
}

/// A schema of the subset as JSON Schema.
pub fn to_json_schema(raw: &RawValue) -> Json<'_> {
    let written = Schema::read(raw).and_then(|schema| {
        let mut out = Vec::with_capacity(raw.get().len());
        schema.write(Object::open(&mut out))?;
        RawValue::from_string(String::from_utf8(out).ok()?).ok()
    });
    written.map_or(Cow::Borrowed(raw), Cow::Owned)
}

impl Schema<'_> {
    fn write(&self, mut object: Object<'_>) -> Option<()> {
        let has = |fits: &dyn Fn(&str, &Member<'_>) -> bool| self.0.iter().any(|(key, member)| fits(key, member));
        let nullable =
            has(&|key, member| matches!(member, Member::Plain(raw) if key == "nullable" && raw.get() == "true"));
        let typed = has(&|key, _| matches!(key, "type" | "type_"));
        for (key, member) in &self.0 {
            match member {
                Member::Plain(raw) => match &**key {
                    "type" | "type_" => {
                        let word = type_word(raw)?;
                        if nullable {
                            object.list("type").text(&word).text("null");
                        } else {
                            object.text("type", &word);
                        }
                    }
                    "nullable" if typed => {}
                    "property_ordering" => drop(object.raw("propertyOrdering", raw.get())),
                    key => match count_name(key) {
                        Some(name) => drop(object.signed(name, serde_json::from_str::<Whole>(raw.get()).ok()?.0)),
                        None => drop(object.raw(key, raw.get())),
                    },
                },
                Member::One(schema) => schema.write(object.object("items"))?,
                Member::Several(schemas) => {
                    let mut list = object.list("anyOf");
                    schemas.iter().try_for_each(|schema| schema.write(list.object()))?;
                }
                Member::Named(schemas) => {
                    let mut inner = object.object("properties");
                    schemas.iter().try_for_each(|(name, schema)| schema.write(inner.object(name)))?;
                }
            }
        }
        Some(())
    }
}

/// Members that are counts, by any of their names.
fn count_name(key: &str) -> Option<&'static str> {
    Some(match key {
        "minItems" | "min_items" => "minItems",
        "maxItems" | "max_items" => "maxItems",
        "minLength" | "min_length" => "minLength",
        "maxLength" | "max_length" => "maxLength",
        "minProperties" | "min_properties" => "minProperties",
        "maxProperties" | "max_properties" => "maxProperties",
        _ => return None,
    })
}

/// JSON Schema's word for a type, which some clients give by its number.
fn type_word(raw: &RawValue) -> Option<String> {
    let text = raw.get();
    if text.starts_with('"') {
        return Some(Str::json_text(raw).to_ascii_lowercase());
    }
    let words = ["string", "number", "integer", "boolean", "array", "object", "null"];
    let number = serde_json::from_str::<Whole>(text).ok()?.0;
    words.get(usize::try_from(number.checked_sub(1)?).ok()?).map(|word| (*word).to_owned())
}

/// Whether a JSON Schema says nothing but what the subset knows.
pub fn in_subset(raw: &RawValue) -> bool {
    Schema::read(raw).is_some_and(|schema| schema.fits())
}

impl Schema<'_> {
    fn fits(&self) -> bool {
        let (mut kind, mut properties, mut items, mut any_of, mut words) = (None, false, false, false, false);
        for (key, member) in &self.0 {
            let fine = match member {
                Member::Named(schemas) => {
                    properties = !schemas.is_empty();
                    schemas.iter().all(|(_, schema)| schema.fits())
                }
                Member::One(schema) => {
                    items = true;
                    schema.fits()
                }
                Member::Several(schemas) => {
                    any_of = true;
                    &**key == "anyOf" && schemas.iter().all(Self::fits)
                }
                Member::Plain(raw) => match &**key {
                    "type" => {
                        kind = raw.get().starts_with('"').then(|| Str::json_text(raw).to_ascii_lowercase());
                        matches!(
                            kind.as_deref(),
                            Some("string" | "number" | "integer" | "boolean" | "array" | "object")
                        )
                    }
                    // By API key no other format of a string is taken.
                    "format" => {
                        matches!(&*Str::json_text(raw), "enum" | "date-time" | "int32" | "int64" | "float" | "double")
                    }
                    "enum" => {
                        words = true;
                        serde_json::from_str::<Vec<Str<'_>>>(raw.get()).is_ok()
                    }
                    "title" | "description" | "pattern" => raw.get().starts_with('"'),
                    "nullable" | "required" | "propertyOrdering" | "default" | "example" | "minimum" | "maximum" => {
                        true
                    }
                    key => count_name(key).is_some(),
                },
            };
            if !fine {
                return false;
            }
        }
        match kind.as_deref() {
            // The subset refuses an object without properties and a list without a type.
            Some("object") => properties && !words,
            Some("array") => items && !words,
            Some("string") => true,
            Some(_) => !words,
            None => any_of,
        }
    }
}

/// Writes a JSON Schema under the first name where it is of the subset, else under the second.
pub fn put(object: &mut Object<'_>, subset: &str, full: &str, json: &RawValue) {
    object.raw(if in_subset(json) { subset } else { full }, json.get());
}

/// The schema of a tool that takes one text.
pub fn one_text(object: &mut Object<'_>, key: &str, member: &str) {
    let mut schema = object.object(key);
    schema.text("type", "object");
    schema.object("properties").object(member).text("type", "string");
    let mut required: List<'_> = schema.list("required");
    required.text(member);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn the_subset_is_put_into_the_words_of_json_schema() {
        let from = raw(
            r#"{"type":"OBJECT","properties":{"z":{"type":"STRING","nullable":true},"a":{"type":5,"items":{"type":"INTEGER"},"max_items":"3"},"b":{"any_of":[{"type":"NUMBER"},{"type":"BOOLEAN"}]}},"required":["z"],"property_ordering":["z"]}"#,
        );
        assert_eq!(
            to_json_schema(&from).get(),
            r#"{"type":"object","properties":{"z":{"type":["string","null"]},"a":{"type":"array","items":{"type":"integer"},"maxItems":3},"b":{"anyOf":[{"type":"number"},{"type":"boolean"}]}},"required":["z"],"propertyOrdering":["z"]}"#
        );
    }

    #[test]
    fn what_is_no_schema_is_left_as_it_is() {
        let deep = format!("{}{{}}{}", r#"{"items":"#.repeat(40), "}".repeat(40));
        for json in [r#"{"type":["string"]}"#, "[]", r#"{"properties":[]}"#, &deep] {
            assert_eq!(to_json_schema(&raw(json)).get(), json);
        }
        assert!(!in_subset(&raw(&deep)));
    }

    #[test]
    fn only_what_the_subset_knows_is_of_it() {
        for json in [
            r#"{"type":"object","properties":{"a":{"type":"string","enum":["x"]},"b":{"type":"array","items":{"type":"integer"}}},"required":["a"]}"#,
            r#"{"anyOf":[{"type":"string"},{"type":"number"}]}"#,
        ] {
            assert!(in_subset(&raw(json)), "{json}");
        }
        for json in [
            "{}",
            "true",
            r#"{"type":"object"}"#,
            r#"{"type":"object","properties":{}}"#,
            r#"{"type":["string","null"]}"#,
            r#"{"type":"array"}"#,
            r#"{"type":"integer","enum":[1]}"#,
            r#"{"type":"string","format":"uuid"}"#,
            r#"{"type":"object","properties":{"a":{"$ref":"x"}}}"#,
            r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
        ] {
            assert!(!in_subset(&raw(json)), "{json}");
        }
    }
}
