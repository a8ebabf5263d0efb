#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::File;
use crate::shapes;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/provider-config.schema.json");

fn schema() -> Value {
    let mut schema = schemars::schema_for!(File).to_value();
    schema["title"] = "ai-proxy: provider-config.yaml".into();
    refuse_nothing(&mut schema);
    schema
}

/// An optional value may be left out, but `port:` with nothing behind it is a mistake to the readers.
/// Empty mappings and lists are fine, so only scalars lose their null.
fn refuse_nothing(node: &mut Value) {
    if let Some(alternatives) = node.get("anyOf").and_then(Value::as_array).filter(|all| all.len() == 2).cloned()
        && alternatives[1]["type"] == "null"
        && alternatives[0].get("$ref").is_none()
    {
        let inner = alternatives[0].as_object().cloned().unwrap_or_default();
        let outer = node.as_object_mut().unwrap();
        outer.remove("anyOf");
        outer.extend(inner);
    }
    if let Some(types) = node.get_mut("type").and_then(Value::as_array_mut)
        && types.iter().any(|kind| kind == "string")
    {
        types.retain(|kind| kind != "null");
    }
    match node {
        Value::Object(fields) => fields.values_mut().for_each(refuse_nothing),
        Value::Array(items) => items.iter_mut().for_each(refuse_nothing),
        _ => {}
    }
}

#[test]
fn the_shipped_schema_is_the_one_of_the_types() {
    let current = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(SHIPPED, current).unwrap();
        return;
    }
    // Compared as values: the order of keys depends on what else is built.
    let shipped: Value =
        serde_json::from_str(&std::fs::read_to_string(SHIPPED).unwrap_or_default()).unwrap_or_default();
    assert!(
        shipped == schema(),
        "provider-config.schema.json does not fit the types: UPDATE_SCHEMA=1 cargo test -p config --features schema"
    );
}

#[test]
fn the_readers_know_exactly_the_keys_of_the_schema() {
    let schema = schema();
    let keys = |object: &Value| object["properties"].as_object().map(|p| p.keys().cloned().collect::<BTreeSet<_>>());
    let mut described = BTreeMap::from([("File".to_owned(), keys(&schema).unwrap())]);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        if let Some(keys) = keys(definition) {
            assert_eq!(definition["additionalProperties"], false, "{name} lets unknown keys pass");
            described.insert(name.clone(), keys);
        }
    }
    let read: BTreeMap<String, BTreeSet<String>> = shapes::ALL
        .iter()
        .map(|shape| (shape.name.to_owned(), shape.keys.iter().map(|key| (*key).to_owned()).collect()))
        .collect();
    assert_eq!(described, read, "left: the schema, right: the readers");
}
