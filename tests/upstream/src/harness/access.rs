//! One access line of the JSON log, read as an operator's tools would read it.

use serde_json::Value;

/// An access line.
#[derive(Debug, Clone)]
pub struct Access(pub Value);

impl Access {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        (value.get("target")?.as_str()? == "access").then_some(Self(value))
    }

    pub(super) fn is_post(&self) -> bool {
        self.text("method") == "POST"
    }

    /// A field as text; empty where it is null or absent.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        match self.0.get(field) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// A field as a number, where it is one.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field).and_then(Value::as_u64)
    }

    #[must_use]
    pub fn status(&self) -> u64 {
        self.number("status").unwrap_or(0)
    }

    /// `answered`, `refused`, `cut` or `client_gone`.
    #[must_use]
    pub fn outcome(&self) -> String {
        self.text("outcome")
    }

    /// Each attempt as `deployment:outcome`.
    #[must_use]
    pub fn attempts(&self) -> Vec<String> {
        let list = self.0.get("attempts").and_then(Value::as_array);
        let part = |attempt: &Value, name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        list.into_iter().flatten().map(|a| format!("{}:{}", part(a, "deployment"), part(a, "outcome"))).collect()
    }

    /// Input and output tokens, and whether they are an estimate; `None` where no usage was accounted.
    #[must_use]
    pub fn tokens(&self) -> Option<(u64, u64, bool)> {
        let tokens = self.0.get("tokens")?;
        Some((tokens.get("input")?.as_u64()?, tokens.get("output")?.as_u64()?, tokens.get("estimated")?.as_bool()?))
    }
}
