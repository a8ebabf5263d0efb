//! Quotation marks that came along with a value: `docker run --env-file` and the list form of compose hand them on as
//! part of it, and pages have typographic ones.
//!
//! What always holds: marks are taken off only where they wrap the whole value and none like them stands within it.

/// What opens and closes a quoted value.
const MARKS: [(char, char); 5] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];

/// What a finding says of it.
pub(crate) const FOUND: &str = "quotation marks around the value, which are taken off";
pub(crate) const FIX: &str =
    "write it without them: docker's --env-file and compose's lists take them for a part of the value";

/// What stands within the marks that wrap all of `text`. None: nothing wraps it.
pub(crate) fn within(text: &str) -> Option<&str> {
    let text = text.trim();
    MARKS.iter().find_map(|(open, close)| {
        let inner = text.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.contains([*open, *close])).then(|| inner.trim())
    })
}

/// Whether a mark stands at one end of it: a half of a pair, or a pair around something else.
pub(crate) fn at_an_end(text: &str) -> bool {
    let is_mark = |c: char| MARKS.iter().any(|(open, close)| c == *open || c == *close);
    text.starts_with(is_mark) || text.ends_with(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_wraps_all_of_it_is_taken_off() {
        for (text, inner) in [
            ("\"sk-a\"", "sk-a"),
            (" 'sk-a' \n", "sk-a"),
            ("\" sk-a \"", "sk-a"),
            ("\u{201c}sk-a\u{201d}", "sk-a"),
            ("\"\"", ""),
            ("'{\"a\":\"b\"}'", "{\"a\":\"b\"}"),
        ] {
            assert_eq!(within(text), Some(inner), "{text}");
        }
        for text in ["", "\"", "sk-a", "\"sk-a", "sk-a'", "\"a\",\"b\"", "{\"a\":\"b\"}", "\"sk-a'", "it's"] {
            assert_eq!(within(text), None, "{text}");
        }
        assert!(at_an_end("\"sk-a") && at_an_end("sk-a'") && at_an_end("\"a\",\"b\"") && !at_an_end("it's"));
    }
}
