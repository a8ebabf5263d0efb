//! The names that are searched for in passing.
//!
//! Inside a JSON string a quote is escaped, so `"usage"` followed by a colon is a key wherever it is found: a substring
//! search that needs no parse. Building a searcher costs as much as a short search, so each is built once.

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
pub static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"error\""));
pub static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"finish_reason\""));
pub static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));

/// Whether some choice has a finish reason.
pub fn finished(data: &[u8]) -> bool {
    FINISH.find_iter(data).any(|at| {
        let value = data.get(at + FINISH.needle().len()..).unwrap_or_default();
        let value = value.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.first() == Some(&b'"') && value.get(1) != Some(&b'"')
    })
}

#[cfg(test)]
mod tests {
    use super::finished;

    #[test]
    fn only_a_reason_that_is_given_counts() {
        assert!(finished(br#"{"choices":[{"finish_reason":null},{"finish_reason" : "stop"}]}"#));
        for data in [
            r#"{"finish_reason":null}"#,
            r#"{"finish_reason":""}"#,
            r#"{"x":"\"finish_reason\":\"stop\""}"#,
            r#"{"finish_reason":"#,
        ] {
            assert!(!finished(data.as_bytes()), "{data}");
        }
    }
}
