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

/// What logs here, by the beginning of its name: our crates, two names of ours, and what they stand on.
const MODULES: [&str; 16] = [
    "access",
    "panic",
    "ai_proxy",
    "actors",
    "config",
    "dialects",
    "actix",
    "actix_cors",
    "actix_http",
    "actix_server",
    "actix_tls",
    "actix_web",
    "awc",
    "h2",
    "mio",
    "rustls",
];

/// What other loggers call their levels.
const ELSEWHERE: [(&str, &str); 12] = [
    ("warning", "warn"),
    ("err", "error"),
    ("fatal", "error"),
    ("critical", "error"),
    ("notice", "info"),
    ("information", "info"),
    ("verbose", "debug"),
    ("all", "trace"),
    ("none", "off"),
    ("silent", "off"),
    ("quiet", "off"),
    ("false", "off"),
];

/// A part that is read and means nothing here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idle {
    /// From 1.
    pub(crate) nth: usize,
    /// The level that was probably meant.
    pub(crate) meant: Option<&'static str>,
}

/// The text without the parts that name a module that nothing logs under, and those parts: with them alone the logger
/// would say nothing at all. Of nothing that is left `info` is made.
pub(crate) fn without_idle(text: &str) -> (String, Vec<Idle>) {
    let (modules, held) = text.split_once('/').map_or((text, None), |(modules, held)| (modules, Some(held)));
    let mut idle = Vec::new();
    let mut kept = Vec::new();
    for (nth, part) in (1..).zip(modules.split(',')) {
        let name = part.split('=').next().unwrap_or_default().trim();
        let is_level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
        // The logger takes a name for all that begin with it.
        let root = name.split("::").next().unwrap_or_default();
        if name.is_empty()
            || !part.contains('=') && is_level(name)
            || MODULES.iter().any(|known| known.starts_with(root))
        {
            kept.push(part);
        } else {
            let meant = ELSEWHERE.iter().find(|(theirs, _)| name.eq_ignore_ascii_case(theirs)).map(|(_, ours)| *ours);
            idle.push(Idle { nth, meant });
        }
    }
    let kept = if kept.iter().all(|part| part.trim().is_empty()) { "info".to_owned() } else { kept.join(",") };
    (held.map_or(kept.clone(), |held| format!("{kept}/{held}")), idle)
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
    fn a_word_that_means_nothing_here_is_left_out() {
        let idle = |text: &str| {
            let (kept, idle) = without_idle(text);
            (kept, idle.iter().map(|idle| (idle.nth, idle.meant)).collect::<Vec<_>>())
        };
        assert_eq!(idle("verbose"), ("info".to_owned(), vec![(1, Some("debug"))]));
        assert_eq!(idle("Warning,access=off"), ("access=off".to_owned(), vec![(1, Some("warn"))]));
        assert_eq!(idle("debug,my_module=trace"), ("debug".to_owned(), vec![(2, None)]));
        assert_eq!(idle("hyper::client/text"), ("info/text".to_owned(), vec![(1, None)]));
        for right in ["info", "INFO,access=off", "ai_proxy::tls=debug", "actix=debug,warn", "", "trace/x=y", "h2=off"] {
            let kept = if right.is_empty() { "info" } else { right };
            assert_eq!(idle(right), (kept.to_owned(), Vec::new()), "{right}");
        }
    }

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
