//! Which model names may shape a URL, a header or a log line.

/// Bytes of the longest model name; the longest seen in the field (Fireworks' account paths) has about 100.
pub const MAX_MODEL_NAME: usize = 256;

/// Whether a name may go into a path, a header or a log: asked before it shapes anything.
///
/// Slashes, colons, `@` and spaces inside are common in real names and allowed; llama.cpp and vLLM even name models by
/// the path they were loaded from. Refused are the empty and the oversized, control characters (NUL, CR, LF, also those
/// of Unicode), `?`, `#`, `%`, backslash, `..` between slashes, and a `.` that is all of a name or follows a slash.
pub fn safe_model_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_MODEL_NAME
        && name.bytes().all(|b| !matches!(b, 0..=0x1f | 0x7f | b'?' | b'#' | b'%' | b'\\'))
        && (name.is_ascii() || !name.chars().any(char::is_control))
        && name != "."
        && name.split('/').all(|segment| segment != "..")
        // What begins with `./` is a file's path to llama.cpp; the slash is escaped in a URL.
        && name.split('/').skip(1).all(|segment| segment != ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_field_are_safe() {
        for name in [
            "gpt-4.1-nano",
            "meta-llama/Llama-3.3-70B-Instruct-Turbo",
            "qwen3:8b",
            "accounts/fireworks/models/deepseek-v3p1",
            "minimax/minimax-m2:free",
            "@cf/meta/llama-3",
            "anthropic.claude-v2:1",
            "My Local Model",
            "modèle",
            "a..b",
            "/models/Qwen3-1.7B.gguf",
            "./x.gguf",
        ] {
            assert!(safe_model_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_would_shape_something_are_not() {
        let long = "m".repeat(MAX_MODEL_NAME + 1);
        for name in [
            "",
            ".",
            "..",
            "./.",
            "a/.",
            "a/./b",
            "../x",
            "a/../b",
            "a/..",
            "a?b",
            "a#b",
            "a\\b",
            "a\0",
            "a\r\nb: c",
            "a\tb",
            "a%2e%2e",
            "a\u{85}b",
            &long,
        ] {
            assert!(!safe_model_name(name), "{name:?}");
        }
    }
}
