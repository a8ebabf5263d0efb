//! Scalars of the YAML as JSON Schema. Each also takes text with a variable in it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::catalogue::KINDS;
use crate::routes::{ON_LOSS, STRATEGIES};

/// Text that is resolved before it is judged.
const VARIABLE: &str = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}";

macro_rules! value {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

fn or_variable(other: Schema) -> Schema {
    json_schema!({ "anyOf": [other, { "type": "string", "pattern": VARIABLE }] })
}

fn text_like(pattern: &str) -> Schema {
    json_schema!({ "type": "string", "pattern": format!("^({pattern})$|{VARIABLE}") })
}

fn one_of(names: Vec<&str>) -> Schema {
    or_variable(json_schema!({ "enum": names }))
}

value!(
    /// Any text; a bare number is text too.
    Text,
    json_schema!({ "type": ["string", "number"] })
);
value!(
    /// true or false.
    Flag,
    or_variable(json_schema!({ "type": "boolean" }))
);
value!(
    /// A whole number; its range is the reader's business.
    Whole,
    or_variable(json_schema!({ "type": "integer", "minimum": 0 }))
);
value!(
    /// A number that may have a fraction.
    Number,
    or_variable(json_schema!({ "type": "number", "minimum": 0 }))
);
value!(
    /// `250ms`, `1m30s`, or 0.
    Duration,
    json_schema!({ "anyOf": [{ "const": 0 }, text_like(r"0|([0-9.]+ *(ms|s|m|h|d) *)+")] })
);
value!(
    /// `32MiB`, or bytes.
    Size,
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, text_like(r"[0-9.]+ *([KkMmGgTt][Ii]?)?[Bb]?")] })
);
value!(
    /// 0 to 1, or a percentage.
    Share,
    json_schema!({ "anyOf": [{ "type": "number", "minimum": 0, "maximum": 1 }, text_like(r"[0-9.]+ *%|0?\.[0-9]+")] })
);
value!(
    /// The kinds that this release serves.
    KindName,
    one_of(KINDS.iter().map(|(name, _)| *name).collect())
);
value!(
    /// What becomes of what another dialect cannot say.
    LossName,
    one_of(ON_LOSS.iter().map(|(name, _)| *name).collect())
);
value!(
    /// How a model picks among its targets.
    StrategyName,
    one_of(STRATEGIES.iter().map(|(name, _)| *name).collect())
);
