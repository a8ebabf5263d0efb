//! Which names are well formed. A name that came from a file or a client never shapes a URL or a
//! log line unchecked; the caller says where it stood.

/// Longer than any model name of the known vendors; bounds labels and log lines.
const LONGEST: usize = 256;

/// `[a-z0-9][a-z0-9_.-]*`, at most 64 characters: it stands before the slash of a deployment, and
/// in metrics.
pub(crate) fn check_provider(name: &str) -> Result<(), &'static str> {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() || name.len() > 64 {
        Err("a provider's name has 1 to 64 characters")
    } else if !name.bytes().all(|b| ok(b) || b"_.-".contains(&b)) || !name.bytes().next().is_some_and(ok) {
        Err("a provider's name has only a-z, 0-9, `_`, `.` and `-`, and begins with a letter or digit")
    } else {
        Ok(())
    }
}

/// A model's name at its provider: no blank, no control character, nothing that has a meaning in a
/// URL besides `/` and `:`, no empty or dotted path segment.
pub(crate) fn check_upstream(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("a model without a name")
    } else if name.len() > LONGEST {
        Err("a model's name of more than 256 characters")
    } else if name.bytes().any(|b| !b.is_ascii_graphic() || b"?#%\\\"<>`{}|^".contains(&b)) {
        Err("a model's name holds a character that it cannot have")
    } else if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Err("a model's name has an empty, `.` or `..` part between slashes")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["groq", "0x", "azure-eu.2", "a_b"] {
            assert!(check_provider(name).is_ok(), "{name}");
        }
        for name in ["", "Groq", "a/b", "-a", "a b", "\u{e4}"] {
            assert!(check_provider(name).is_err(), "{name}");
        }
        for name in ["gpt-5", "meta-llama/Llama-3.3-70B", "qwen3:8b", "@cf/meta/llama", "a~b+c"] {
            assert!(check_upstream(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "../x", "a/../b", "a//b", "/a", "a?b", "a#b", "a\r\nb", "a%2fb", "\u{fc}"] {
            assert!(check_upstream(name).is_err(), "{name}");
        }
    }
}
