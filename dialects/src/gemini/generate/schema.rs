//! Schemas: the subset of OpenAPI 3.0 that `parameters` and `responseSchema` take, and JSON Schema, which goes into
//! `parametersJsonSchema` and `responseJsonSchema`.
//!
//! Source: <https://ai.google.dev/api/caching#Schema>. Inside of the gateway every schema is JSON Schema: the subset's
//! types in capitals (or as numbers), `nullable`, counts as strings and names in snake case are put into its words.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::number::Whole;
use crate::conversation::{Json, Str};
use crate::json::object::object;
use crate::json::put::{List, Object};

object! {
    /// All members, in their order.
    struct Members<'a> {}
}

/// Each level is parsed again, so a schema that is nested deeper is left as it is.
const MAX_DEPTH: usize = 32;

/// No schema is longer. What is, is left as it is: it would be held several times.
const MAX_LENGTH: usize = 256 * 1024;

/// A schema of the subset as JSON Schema.
pub fn to_json_schema(raw: &RawValue) -> Json<'_> {
    if raw.get().len() > MAX_LENGTH {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.get().len());
    let written = schema(raw, &mut out, MAX_DEPTH);
    let text = written.and_then(|()| String::from_utf8(out).ok());
    match text.and_then(|text| RawValue::from_string(text).ok()) {
        Some(json) => Cow::Owned(json),
        None => Cow::Borrowed(raw),
    }
}

fn schema(raw: &RawValue, out: &mut Vec<u8>, depth: usize) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
    let nullable = members.extra.iter().any(|(key, value)| &**key == "nullable" && value.get() == "true");
    let typed = members.extra.iter().any(|(key, _)| matches!(&**key, "type" | "type_"));
    let mut object = Object::open(out);
    for (key, value) in &members.extra {
        match &**key {
            "type" | "type_" => {
                let word = type_word(value)?;
                if nullable {
                    object.list("type").text(&word).text("null");
                } else {
                    object.text("type", &word);
                }
            }
            "nullable" if typed => {}
            "properties" => {
                let properties: Members<'_> = serde_json::from_str(value.get()).ok()?;
                let mut inner = object.object("properties");
                for (name, value) in &properties.extra {
                    inner.raw(name, &nested(value, depth)?);
                }
            }
            "items" => {
                object.raw("items", &nested(value, depth)?);
            }
            "anyOf" | "any_of" => {
                let schemas: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                let mut list = object.list("anyOf");
                for value in schemas {
                    list.raw(&nested(value, depth)?);
                }
            }
            key => match count_name(key) {
                Some(name) => {
                    object.signed(name, serde_json::from_str::<Whole>(value.get()).ok()?.0);
                }
                None => {
                    object.raw(if key == "property_ordering" { "propertyOrdering" } else { key }, value.get());
                }
            },
        }
    }
    Some(())
}

fn nested(raw: &RawValue, depth: usize) -> Option<String> {
    let mut out = Vec::with_capacity(raw.get().len());
    schema(raw, &mut out, depth)?;
    String::from_utf8(out).ok()
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
    raw.get().len() <= MAX_LENGTH && fits(raw, MAX_DEPTH) == Some(true)
}

/// None where it cannot be told.
fn fits(raw: &RawValue, depth: usize) -> Option<bool> {
    let depth = depth.checked_sub(1)?;
    let members: Members<'_> = serde_json::from_str(raw.get()).ok()?;
    let (mut kind, mut properties, mut items, mut any_of, mut words) = (None, false, false, false, false);
    for (key, value) in &members.extra {
        let text = value.get();
        let fine = match &**key {
            "type" => {
                kind = text.starts_with('"').then(|| Str::json_text(value).to_ascii_lowercase());
                matches!(kind.as_deref(), Some("string" | "number" | "integer" | "boolean" | "array" | "object"))
            }
            // By API key no other format of a string is taken.
            "format" => {
                matches!(&*Str::json_text(value), "enum" | "date-time" | "int32" | "int64" | "float" | "double")
            }
            "properties" => {
                let inner: Members<'_> = serde_json::from_str(text).ok()?;
                properties = !inner.extra.is_empty();
                inner.extra.iter().all(|(_, value)| fits(value, depth) == Some(true))
            }
            "items" => {
                items = true;
                fits(value, depth)?
            }
            "anyOf" => {
                any_of = true;
                let schemas: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                schemas.iter().all(|value| fits(value, depth) == Some(true))
            }
            "enum" => {
                words = true;
                serde_json::from_str::<Vec<Str<'_>>>(text).is_ok()
            }
            "title" | "description" | "pattern" => text.starts_with('"'),
            "nullable" | "required" | "propertyOrdering" | "default" | "example" | "minimum" | "maximum" => true,
            key => count_name(key).is_some(),
        };
        if !fine {
            return Some(false);
        }
    }
    Some(match kind.as_deref() {
        // The subset refuses an object without properties and a list without a type.
        Some("object") => properties && !words,
        Some("array") => items && !words,
        Some("string") => true,
        Some(_) => !words,
        None => any_of,
    })
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
