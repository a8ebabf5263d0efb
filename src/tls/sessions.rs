//! Session resumption, except where clients show certificates.
//!
//! A resumed session skips the client's certificate: it would still pass after its CA has been taken out. So with a
//! client CA every connection is a full handshake; without one, resumption saves a signature a connection.

use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

use super::Current;

/// Sessions kept for resumption; one holds about a kilobyte.
const KEPT: usize = 256;

#[derive(Debug)]
pub(super) struct Sessions {
    current: Current,
    kept: Arc<ServerSessionMemoryCache>,
}

impl Sessions {
    pub(super) fn new(current: Current) -> Self {
        Self { current, kept: ServerSessionMemoryCache::new(KEPT) }
    }

    fn allowed(&self) -> bool {
        self.current.0.load().clients.is_none()
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.allowed() && self.kept.put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.kept.get(key).filter(|_| self.allowed())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.kept.take(key).filter(|_| self.allowed())
    }

    fn can_cache(&self) -> bool {
        self.allowed() && self.kept.can_cache()
    }
}
