//! What a model's name tells about it: generations differ in what they take.

/// Major and minor version of a Gemini model; `gemini-flash-latest` and the like are of the newest one that is known.
/// None for all others.
pub fn generation(model: &str) -> Option<(u32, u32)> {
    let rest = model.rsplit('/').next()?.strip_prefix("gemini-")?;
    if rest.ends_with("-latest") && !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((3, 0));
    }
    let version = rest.split('-').next()?;
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// How a model is told how hard to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinks {
    /// Not at all, and it refuses to be asked.
    Never,
    /// By tokens: the fewest and the most; none at all is allowed.
    Budget { least: u64, most: u64, off: bool },
    /// By a word.
    Level,
}

/// Source: <https://ai.google.dev/gemini-api/docs/thinking>, the table of budgets.
pub fn thinks(model: &str) -> Thinks {
    match generation(model) {
        Some((major, _)) if major >= 3 => Thinks::Level,
        Some((2, minor)) if minor >= 5 => {
            if model.contains("pro") {
                Thinks::Budget { least: 128, most: 32_768, off: false }
            } else if model.contains("lite") {
                Thinks::Budget { least: 512, most: 24_576, off: true }
            } else {
                Thinks::Budget { least: 1, most: 24_576, off: true }
            }
        }
        Some(_) => Thinks::Never,
        // A tuned or renamed one: what most take.
        None if model.contains("gemma") => Thinks::Never,
        None => Thinks::Budget { least: 1, most: 24_576, off: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        assert_eq!(generation("gemini-2.5-flash"), Some((2, 5)));
        assert_eq!(generation("models/gemini-3-pro-preview"), Some((3, 0)));
        assert_eq!(generation("publishers/google/models/gemini-3.1-pro-preview"), Some((3, 1)));
        assert_eq!(generation("gemini-flash-latest"), Some((3, 0)));
        assert_eq!(generation("gemini-pro"), None);
        assert_eq!(generation("gemma-3-27b-it"), None);
        assert_eq!(thinks("gemini-2.0-flash"), Thinks::Never);
        assert_eq!(thinks("gemini-3-flash"), Thinks::Level);
    }
}
