//! `${VAR}` inside a value of the YAML, resolved after parsing: what a variable holds can never
//! change the structure of the file.

use crate::finding::is_key_for_name;

/// Why a value cannot be resolved. Names a variable, never what one holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ExpandError {
    Unset(String),
    Unclosed,
    /// Not `[A-Za-z_][A-Za-z0-9_]*`.
    Name,
    /// A key stands where the name of an unset variable should.
    Key,
}

/// Replaces `${VAR}` and `${VAR:-default}` (when unset or empty); `$$` is a dollar sign; any other
/// `$` stays. What comes in is not looked at again.
pub(crate) fn expand(text: &str, get: impl Fn(&str) -> Option<String>) -> Result<String, ExpandError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(tail) = from.strip_prefix("$$") {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = from.strip_prefix("${") {
            let (inside, tail) = tail.split_once('}').ok_or(ExpandError::Unclosed)?;
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            if !is_name(name) {
                return Err(ExpandError::Name);
            }
            match (get(name), default) {
                (Some(value), _) => out.push_str(&value),
                (None, Some(default)) => out.push_str(default),
                (None, None) if is_key_for_name(name) => return Err(ExpandError::Key),
                (None, None) => return Err(ExpandError::Unset(name.to_owned())),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// The names of the variables in a text, for those who must know whether it holds any.
pub(crate) fn has_variable(text: &str) -> bool {
    text.replace("$$", "").contains("${")
}

/// The variable that a text names and nothing else, its default aside.
pub(crate) fn only_variable(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    let name = inside.split_once(":-").map_or(inside, |(name, _)| name);
    // What names it to the operator must not be one.
    (is_name(name) && !is_key_for_name(name)).then_some(name)
}

fn is_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(text: &str) -> Result<String, ExpandError> {
        expand(text, |name| match name {
            "A" => Some("one".to_owned()),
            "B" => Some("${A}".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn variables_defaults_and_dollar_signs() {
        for (text, expanded) in [
            ("plain", "plain"),
            ("${A}", "one"),
            ("x${A}y${A}z", "xoneyonez"),
            ("${B}", "${A}"),
            ("${NO:-two}", "two"),
            ("${NO:-}", ""),
            ("${A:-two}", "one"),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$5 and $", "$5 and $"),
        ] {
            assert_eq!(go(text).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_resolved() {
        assert_eq!(go("x${NO}"), Err(ExpandError::Unset("NO".to_owned())));
        assert_eq!(go("${A"), Err(ExpandError::Unclosed));
        for text in ["${}", "${1A}", "${A B}", "${A-x}"] {
            assert_eq!(go(text), Err(ExpandError::Name), "{text}");
        }
        let key = "gsk_Zk9fQ2mX7cV4bN1pL8sD3wE6rT5yU0iO";
        assert_eq!(go(&format!("${{{key}}}")), Err(ExpandError::Key));
        assert_eq!(only_variable(&format!("${{{key}:-x}}")), None);
        assert_eq!(only_variable("${GROQ_API_KEY_2:-x}"), Some("GROQ_API_KEY_2"));
    }
}
