//! Open files: a request in flight holds two sockets, so their limit is ours.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open beside those of requests: log, listeners, idle connections, epoll.
const OTHERS: u64 = 256;

/// With fewer nobody could be served: every accepted connection would wait for ever for one towards a provider.
const LEAST: u64 = 64;

/// Raises the soft limit to the hard one. Tells how many files may be open; None: without a limit.
fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit.current = limit.maximum;
        }
    }
    limit.current
}

/// To be asked before anything is opened.
///
/// # Errors
/// When this process may open too few files to serve anyone.
pub fn check() -> Result<(), String> {
    match raise() {
        Some(files) if files < LEAST => Err(format!(
            "this process may open {files} files only and needs {LEAST} at the least; raise the limit (`ulimit -n`)"
        )),
        Some(_) | None => Ok(()),
    }
}

/// How many requests may be in flight with so many files: `wanted`, or fewer.
pub fn room(wanted: u32) -> u32 {
    let Some(files) = raise() else { return wanted };
    let room = u32::try_from(files.saturating_sub(OTHERS) / 2).unwrap_or(u32::MAX).max(1);
    if room < wanted {
        log::warn!(
            "max_in_flight is {room} instead of {wanted}: this process may open {files} files only (see `ulimit -n`)"
        );
    }
    room.min(wanted)
}
