//! The process's environment behind a trait, so that a test passes a map and nothing ever sets a
//! variable of the process (which other threads may be reading).

use std::collections::BTreeMap;

/// Where variables come from.
pub trait Environment {
    /// The value of `name`; None where it is unset or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;

    /// The bytes of memory that the process may take; None where no limit is known.
    fn memory_limit(&self) -> Option<u64> {
        None
    }
}

/// The real environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        // `std::env::var` panics on no input, but a name with `=` or NUL can never be set.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        std::env::var(name).ok()
    }

    fn memory_limit(&self) -> Option<u64> {
        crate::memory::limit()
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl Environment for BTreeMap<&str, &str> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| (*value).to_owned())
    }
}
