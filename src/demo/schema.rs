//! A value that satisfies a JSON Schema, for tool arguments and structured answers.
//!
//! Covers what tools and `response_format` use: types, enums, constants, references within the schema, alternatives,
//! formats, the least lengths and numbers. What always holds: it ends, however a schema refers to itself.

use serde_json::{Map, Value, json};

/// How deep a value may grow; beyond, null.
const DEEPEST: usize = 16;
/// How many values may be made for one schema: references can double at every level.
const MOST_VALUES: usize = 2000;
/// Bytes of names and values that are copied from one schema: it can refer to a large one many times.
const MOST_COPIED: usize = 16 * 1024;
/// Most items and characters that a schema can demand.
const MOST_LENGTH: u64 = 64;

/// A value of this schema; `name` is what a text in it is called.
pub(super) fn instance(schema: &Value, name: &str) -> Value {
    Maker { root: schema, made: 0, copied: 0 }.value(schema, name, 0)
}

struct Maker<'a> {
    root: &'a Value,
    made: usize,
    copied: usize,
}

impl<'a> Maker<'a> {
    fn value(&mut self, schema: &'a Value, name: &str, depth: usize) -> Value {
        self.made += 1;
        self.copied += name.len();
        if depth > DEEPEST || self.made > MOST_VALUES || self.copied > MOST_COPIED {
            return Value::Null;
        }
        for fixed in ["const", "default", "example"] {
            if let Some(value) = schema.get(fixed) {
                return self.copy(value);
            }
        }
        for listed in ["enum", "examples"] {
            if let Some(value) = schema.get(listed).and_then(|values| values.get(0)) {
                return self.copy(value);
            }
        }
        if let Some(to) = schema.get("$ref").and_then(Value::as_str) {
            let target = to.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        for alternatives in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema.get(alternatives).and_then(|schemas| schemas.get(0)) {
                return self.value(first, name, depth + 1);
            }
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => {
                let length = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).min(MOST_LENGTH);
                match schema.get("items") {
                    Some(items) => (0..length).map(|_| self.value(items, name, depth + 1)).collect(),
                    None => json!([]),
                }
            }
            "integer" => json!(number(schema).ceil() as i64),
            "number" => json!(number(schema)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => Value::String(text(schema, name)),
        }
    }

    fn copy(&mut self, value: &Value) -> Value {
        self.copied += value.to_string().len();
        if self.copied > MOST_COPIED { Value::Null } else { value.clone() }
    }

    /// Every property, not only the required: a newcomer sees all of the shape.
    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let mut object = Map::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if self.copied > MOST_COPIED {
                    break;
                }
                object.insert(name.clone(), self.value(property, name, depth + 1));
            }
        }
        Value::Object(object)
    }
}

/// The type; of several the first that is not null; without one what the other keywords suggest.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() || schema.as_object().is_some_and(Map::is_empty) => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn number(schema: &Value) -> f64 {
    let least = schema.get("minimum").and_then(Value::as_f64);
    let above = schema.get("exclusiveMinimum").and_then(Value::as_f64).map(|above| above + 1.0);
    let most = schema.get("maximum").and_then(Value::as_f64).unwrap_or(f64::MAX);
    let step = schema.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
    let number = least.or(above).unwrap_or(1.0).min(most);
    step.map_or(number, |step| (number / step).ceil() * step)
}

fn text(schema: &Value, name: &str) -> String {
    let formatted = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Some("2026-01-01T00:00:00Z"),
        Some("date") => Some("2026-01-01"),
        Some("time") => Some("00:00:00Z"),
        Some("email") => Some("demo@example.com"),
        Some("uri") => Some("https://example.com/"),
        Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
        Some("ipv4") => Some("192.0.2.1"),
        Some("hostname") => Some("example.com"),
        _ => None,
    };
    if let Some(formatted) = formatted {
        return formatted.into();
    }
    let length = |key| schema.get(key).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok());
    let mut text: String = format!("demo {name}").chars().take(length("maxLength").unwrap_or(usize::MAX)).collect();
    let least = length("minLength").unwrap_or(0).min(MOST_LENGTH as usize);
    while text.chars().count() < least {
        text.push('x');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_of_their_schema() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "days": {"type": "integer", "minimum": 3},
                "ratio": {"type": ["null", "number"], "exclusiveMinimum": 0},
                "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
                "at": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                "short": {"type": "string", "maxLength": 3},
            },
            "$defs": {"tag": {"const": "t"}},
        });
        assert_eq!(
            instance(&schema, ""),
            json!({"city": "demo city", "unit": "C", "days": 3, "ratio": 1.0, "tags": ["t", "t"], "at": "2026-01-01", "short": "dem"})
        );
        assert_eq!(instance(&json!({}), ""), json!({}));
        assert_eq!(instance(&json!(true), "x"), json!("demo x"));
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let twice = json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}});
        assert!(instance(&twice, "").is_object());
        let itself = json!({"$ref": "#"});
        assert_eq!(instance(&itself, ""), Value::Null);
        let many = json!({"type": "array", "minItems": u64::MAX, "items": {"type": "array", "minItems": u64::MAX, "items": {"$ref": "#"}}});
        assert!(instance(&many, "").to_string().len() < 100_000);
    }
}
