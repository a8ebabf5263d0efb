//! Lists of models: ours in the shape of who asks, and an upstream's in whatever shape it has.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::{Dialect, date, safe_model_name};

/// A model as a list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub id: &'a str,
    /// The provider, or whoever stands behind a public name.
    pub owned_by: &'a str,
    /// Unix time in seconds.
    pub created: u64,
}

/// The answer to `GET /models`: all of them, or a page with more behind it (before it, where it was asked for backwards).
pub fn list<'a>(dialect: Dialect, entries: impl IntoIterator<Item = Entry<'a>>, more: bool) -> Vec<u8> {
    let data: Vec<Value> = entries.into_iter().map(|entry| object(dialect, &entry)).collect();
    let body = match dialect {
        Dialect::OpenAi => json!({"object": "list", "data": data}),
        Dialect::Anthropic => {
            let end = |one: Option<&Value>| one.and_then(|m| m.get("id")).cloned().unwrap_or(Value::Null);
            json!({"first_id": end(data.first()), "last_id": end(data.last()), "has_more": more, "data": data})
        }
        Dialect::Gemini => match data.last().and_then(|last| last.get("displayName")?.as_str()).filter(|_| more) {
            Some(last) => json!({"nextPageToken": page_token(last), "models": data}),
            None => json!({"models": data}),
        },
    };
    body.to_string().into_bytes()
}

/// The answer to `GET /models/{id}`.
pub fn one(dialect: Dialect, entry: &Entry<'_>) -> Vec<u8> {
    object(dialect, entry).to_string().into_bytes()
}

fn object(dialect: Dialect, entry: &Entry<'_>) -> Value {
    let Entry { id, owned_by, created } = *entry;
    match dialect {
        Dialect::OpenAi => {
            json!({"id": id, "object": "model", "created": created, "owned_by": owned_by})
        }
        Dialect::Anthropic => {
            json!({"type": "model", "id": id, "display_name": id, "created_at": date::rfc3339(created)})
        }
        Dialect::Gemini => json!({
            "name": format!("models/{id}"),
            "displayName": id,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }),
    }
}

/// Gemini's word for where the next page begins: behind the model of this name.
fn page_token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// The name that a page token stands for; None for one that is none of ours.
pub fn of_page_token(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// No list is longer than this: what comes after is left out.
pub const MAX_MODELS: usize = 10_000;

/// The names in an upstream's answer to `GET /models`: `{"data":[{"id"}]}` as OpenAI has it, a bare array as Together
/// sends it, `{"models":[{"name":"models/x"}]}` as Gemini and Ollama do. Unsafe names are left out, the rest keeps its
/// order without repetitions. None where the body is no list at all.
pub fn parse(body: &[u8]) -> Option<Vec<String>> {
    let root: Value = serde_json::from_slice(body).ok()?;
    let items = match &root {
        Value::Array(items) => items,
        other => ["data", "models", "result"].iter().find_map(|key| other.get(key))?.as_array()?,
    };
    let mut seen = std::collections::HashSet::new();
    let names = items.iter().filter_map(name).filter(|name| safe_model_name(name));
    Some(names.filter(|name| seen.insert(*name)).take(MAX_MODELS).map(str::to_owned).collect())
}

fn name(item: &Value) -> Option<&str> {
    let name = match item {
        Value::String(name) => name,
        other => ["id", "name", "model"].iter().find_map(|key| other.get(key).and_then(Value::as_str))?,
    };
    Some(name.strip_prefix("models/").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'_> = Entry { id: "a/b", owned_by: "groq", created: 1_709_208_000 };

    fn value(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn each_dialect_gets_its_shape() {
        assert_eq!(
            value(&list(Dialect::OpenAi, [ENTRY], false)),
            json!({"object":"list","data":[{"id":"a/b","object":"model","created":1_709_208_000,"owned_by":"groq"}]})
        );
        assert_eq!(
            value(&list(Dialect::Anthropic, [ENTRY], false)),
            json!({"data":[{"type":"model","id":"a/b","display_name":"a/b","created_at":"2024-02-29T12:00:00Z"}],"has_more":false,"first_id":"a/b","last_id":"a/b"})
        );
        assert_eq!(value(&list(Dialect::Anthropic, [], false))["first_id"], Value::Null);
        assert_eq!(value(&list(Dialect::Gemini, [ENTRY], false))["models"][0]["name"], "models/a/b");
        assert_eq!(value(&one(Dialect::OpenAi, &ENTRY))["object"], "model");
    }

    #[test]
    fn a_page_says_that_more_follows() {
        assert_eq!(value(&list(Dialect::Anthropic, [ENTRY], true))["has_more"], true);
        let page = value(&list(Dialect::Gemini, [ENTRY], true));
        assert_eq!(of_page_token(page["nextPageToken"].as_str().unwrap()).as_deref(), Some("a/b"));
        assert_eq!((of_page_token("!"), of_page_token("_w")), (None, None));
        assert_eq!(value(&list(Dialect::Gemini, [], true)), json!({"models": []}));
    }

    #[test]
    fn our_own_lists_are_understood_again() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
            assert_eq!(parse(&list(dialect, [ENTRY], false)), Some(vec!["a/b".to_owned()]));
        }
    }

    #[test]
    fn upstream_lists_in_every_shape() {
        let want = Some(vec!["a".to_owned(), "b".to_owned()]);
        for body in [
            r#"{"object":"list","data":[{"id":"a"},{"id":"b"},{"id":"a"}]}"#,
            r#"[{"id":"a","type":"chat"},{"id":"b"}]"#,
            r#"{"models":[{"name":"models/a"},{"model":"b"}]}"#,
            r#"{"data":["a","b",7,null,{"id":"../x"},{"id":"x\u0000"}]}"#,
        ] {
            assert_eq!(parse(body.as_bytes()), want, "{body}");
        }
        for body in ["", "{}", "null", r#"{"data":{}}"#, "[[[["] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
    }
}
