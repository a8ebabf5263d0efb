//! What `check` tells: where, what was found, and what to write instead.
//!
//! What always holds: a finding is one line, and no secret is in it. Values are shown only through
//! [`shown`], which keeps back whatever looks like a key; the text of a secret never comes near.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::tree::Pos;

/// An error keeps the configuration from being served; a warning does not, and a note is not even a doubt: it says what
/// was taken from where, so that nobody has to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

/// One mistake (or doubt) in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file; `environment` for the process's own environment.
    pub file: PathBuf,
    /// From 1; 0 where there is no line (the environment, a file that cannot be read).
    pub line: usize,
    /// From 1; 0 where only the line is known.
    pub column: usize,
    /// Where in the document, `providers.groq.limits`; or the variable's name. May be empty.
    pub path: String,
    pub found: String,
    pub fix: String,
    pub severity: Severity,
}

impl Finding {
    /// An error about a file as a whole.
    pub fn file_error(file: &Path, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            found: found.into(),
            fix: fix.into(),
            severity: Severity::Error,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Where something was said: what a finding about it needs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) at: Pos,
    /// As [`Finding::path`].
    pub(crate) path: String,
}

impl Place {
    pub(crate) fn error(&self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Error, found.into(), fix.into())
    }

    pub(crate) fn warning(&self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, found.into(), fix.into())
    }

    pub(crate) fn note(&self, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        self.finding(Severity::Note, found.into(), fix.into())
    }

    fn finding(&self, severity: Severity, found: String, fix: String) -> Finding {
        Finding {
            file: self.file.clone(),
            line: self.at.line,
            column: self.at.column,
            path: self.path.clone(),
            found,
            fix,
            severity,
        }
    }
}

/// `file:line:column: path: what was found; fix`, without the parts that are not known.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", one_line(&self.file.display().to_string()))?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        f.write_str(": ")?;
        f.write_str(match self.severity {
            Severity::Note => "note: ",
            Severity::Warning => "warning: ",
            Severity::Error => "",
        })?;
        if !self.path.is_empty() {
            write!(f, "{}: ", one_line(&self.path))?;
        }
        f.write_str(&one_line(&self.found))?;
        if !self.fix.is_empty() {
            write!(f, "; {}", one_line(&self.fix))?;
        }
        Ok(())
    }
}

/// Text from a file must not forge lines of a log or move a terminal's cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

const LONGEST_SHOWN: usize = 48;

/// A value as it may be quoted in a finding: short, and never what looks like a key in the wrong place.
pub(crate) fn shown(value: &str) -> String {
    let chars = value.chars().count();
    if looks_secret(value) {
        return format!("a value of {chars} characters that is not shown");
    }
    if chars <= LONGEST_SHOWN {
        return format!("`{value}`");
    }
    let head: String = value.chars().take(LONGEST_SHOWN).collect();
    format!("`{head}...`")
}

const MARKS: [&str; 14] = [
    "sk-",
    "sk_",
    "gsk_",
    "xai-",
    "AIza",
    "pplx-",
    "csk-",
    "nvapi-",
    "fw_",
    "ghp_",
    "github_pat_",
    "hf_",
    "r8_",
    "Bearer ",
];

/// Keys of the known vendors begin with a short mark and a dash or underscore (`sk-`, `gsk_`, `xai-`);
/// others are one long word of letters and digits. Both happen to be pasted into the wrong field.
fn looks_secret(value: &str) -> bool {
    if MARKS.iter().any(|mark| value.contains(mark)) || value.contains("${") && value.contains(":-") {
        return true;
    }
    value.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| {
        word.len() >= 20
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
    })
}

/// A key where the name of a variable belongs, as in `${gsk_...}`. Parts of a name are short words, some with a digit
/// behind: `HF_TOKEN`, `hf_token_of_the_house`, `AZURE_OPENAI_API_KEY_2`.
pub(crate) fn is_key_for_name(name: &str) -> bool {
    let has_digit = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    let has_both =
        |text: &str| text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    let rest = MARKS.iter().find_map(|mark| name.strip_prefix(mark));
    rest.is_some_and(|rest| rest.len() >= 16 && (has_digit(rest) || has_both(rest)))
        || name.split('_').any(|part| {
            part.len() >= 16 && has_digit(part) && part.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
        })
}

/// The nearest of `known` to `word`, if it is near enough to be what was meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&lower, &k.to_ascii_lowercase()), k))
        .filter(|(score, _)| *score >= 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(found: &str) -> Finding {
        Finding {
            file: "provider-config.yaml".into(),
            line: 3,
            column: 5,
            path: "server.port".into(),
            found: found.into(),
            fix: "give a port".into(),
            severity: Severity::Error,
        }
    }

    #[test]
    fn one_line_with_place_path_found_and_fix() {
        let mut told = finding("`x` is no number");
        assert_eq!(told.to_string(), "provider-config.yaml:3:5: server.port: `x` is no number; give a port");
        told.severity = Severity::Warning;
        assert!(told.to_string().contains(": warning: server.port: "));
        assert!(!finding("a\nb\u{1b}[2J").to_string().contains(['\n', '\u{1b}']));
    }

    #[test]
    fn what_looks_like_a_key_is_not_shown() {
        for secret in ["sk-proj-abc", "gsk_a1", "0123456789abcdef0123456789abcdef", "AIzaSyA", "${KEY:-hidden}"] {
            assert!(!shown(secret).contains(secret), "{secret}");
        }
        assert_eq!(shown("llama-3.3-70b-versatile"), "`llama-3.3-70b-versatile`");
        assert_eq!(shown(&"x y".repeat(40)).chars().count(), LONGEST_SHOWN + 5);
    }

    #[test]
    fn a_key_is_no_name() {
        for key in [
            "gsk_Zk9fQ2mX7cV4bN1pL8sD3wE6rT5yU0iO",
            "AIzaSyD3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3a",
            "hf_AbCdEfGhIjKlMnOpQrStUvWx",
            "Qm7xTz91KbWc4RfYp8LsVd3Nh6Jg2Ea5",
            "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwx",
        ] {
            assert!(is_key_for_name(key), "{key}");
        }
        for name in [
            "GROQ_API_KEY_2",
            "AZURE_OPENAI_API_KEY_12",
            "hf_token",
            "hf_token_of_the_house",
            "sk_2",
            "myKeyOfTheHouseAtHome",
        ] {
            assert!(!is_key_for_name(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_known_word() {
        assert_eq!(
            nearest("request_per_minute", ["requests_per_minute", "requests_per_hour"]),
            Some("requests_per_minute")
        );
        assert_eq!(nearest("zzz", ["requests_per_minute"]), None);
    }
}
