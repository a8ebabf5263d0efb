//! What `RUST_LOG` may say: `level`, `module`, `module=level`, separated by commas; behind a `/` a text that lines must
//! hold. The logger itself leaves out what it cannot read, and then nothing is logged where somebody waits for it.

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The nth part (from 1) that the logger would leave out or take for something else, and what is wrong with it.
pub(crate) fn mistake(text: &str) -> Option<(usize, &'static str)> {
    let (modules, held) = text.split_once('/').unwrap_or((text, ""));
    if held.contains('/') {
        return Some((1, "has two `/`"));
    }
    (1..).zip(modules.split(',')).find_map(|(nth, part)| Some((nth, wrong(part.trim())?)))
}

fn wrong(part: &str) -> Option<&'static str> {
    let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
    match part.split_once('=') {
        None if is_level(part) || !is_near_level(part) => None,
        None => Some("is nearly a level, and would be taken for a module"),
        Some(("", _)) => Some("has no module before its `=`"),
        Some((_, level)) if level.contains('=') => Some("has two `=`"),
        Some((_, level)) if level.trim().is_empty() || is_level(level.trim()) => None,
        Some(_) => Some("has a level that is none"),
    }
}

fn is_near_level(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.len() >= 4 && LEVELS.iter().any(|level| level.len() >= 4 && strsim::damerau_levenshtein(&word, level) == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_logger_reads_is_right() {
        for right in
            ["info", "INFO", "info,access=off", "ai_proxy::tls=debug, warn", "my_module", "a=", "", "info/x=y=z"]
        {
            assert_eq!(mistake(right), None, "{right}");
        }
        for (wrong, nth) in
            [("foo=bar=baz", 1), ("info,foo=bar", 2), ("=info", 1), ("info,debgu", 2), ("a=1", 1), ("info/a/b", 1)]
        {
            assert_eq!(mistake(wrong).map(|(nth, _)| nth), Some(nth), "{wrong}");
        }
    }
}
