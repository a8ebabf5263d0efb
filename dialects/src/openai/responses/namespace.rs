//! Tools in a namespace, under names that every other format takes.
//!
//! Codex groups tools (`{type: namespace, name, tools}`), and a call of such a tool names its `namespace` beside its
//! `name`. Other formats know flat names of letters, digits, `_` and `-`, so both go into one name, and what comes
//! back under it is taken apart again. Nothing else is to be remembered between a request and its answer.

use std::borrow::Cow;

use crate::conversation::Str;

/// Stands between the two: nobody's names hold it.
const BETWEEN: &str = "__ns__";

/// One name out of two.
pub fn join<'a>(namespace: Option<&str>, name: Str<'a>) -> Str<'a> {
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) => format!("{namespace}{BETWEEN}{}", &*name).into(),
        None => name,
    }
}

/// Namespace and name; no namespace where the name is a plain one.
pub fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once(BETWEEN).filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty()) {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    }
}

/// A member of the namespace itself, kept with the first of its tools.
pub fn member(key: &str) -> Str<'static> {
    Str(Cow::Owned(format!("namespace.{key}")))
}

/// The key of a member that was kept so.
pub fn of_member(key: &str) -> Option<&str> {
    key.strip_prefix("namespace.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_comes_apart() {
        for (namespace, name) in [(Some("multi_agent_v1"), "spawn_agent"), (None, "exec"), (Some("mcp__a"), "b__c")] {
            let joined = join(namespace, name.into());
            assert_eq!(split(&joined), (namespace, name));
        }
        for plain in ["", "__ns__", "a__ns__", "__ns__b", "a_b"] {
            assert_eq!(split(plain), (None, plain));
        }
        assert_eq!(of_member(&member("description")), Some("description"));
        assert_eq!(of_member("description"), None);
    }
}
