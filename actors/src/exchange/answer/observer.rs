//! Who looks at an answer that passes, and what they have seen.

use dialects::Usage;
use dialects::watch::{self, Watch};

use super::super::translated::Translated;

/// Who looks at what passes.
pub(super) enum Observer {
    /// Nothing is changed.
    Watch(Watch),
    /// The client speaks another format.
    Translated(Box<Translated>),
}

impl Observer {
    pub fn is_sse(&self) -> bool {
        match self {
            Self::Watch(watch) => watch.is_sse(),
            Self::Translated(translated) => translated.is_sse(),
        }
    }

    pub fn is_array(&self) -> bool {
        match self {
            Self::Watch(watch) => watch.is_array(),
            Self::Translated(translated) => translated.is_array(),
        }
    }

    /// Whether what came last is to be looked through before it goes on.
    #[inline]
    pub fn has_words(&self) -> bool {
        matches!(self, Self::Watch(watch) if watch.has_words())
    }

    pub fn failure(&self) -> Option<&watch::Failure> {
        match self {
            Self::Watch(watch) => watch.failure(),
            Self::Translated(translated) => translated.failure(),
        }
    }

    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Watch(watch) => watch.usage(),
            Self::Translated(translated) => translated.usage(),
        }
    }

    pub fn estimate(&self, request_bytes: u64) -> Usage {
        match self {
            Self::Watch(watch) => watch.estimate(request_bytes),
            Self::Translated(translated) => translated.estimate(request_bytes),
        }
    }
}
