//! Open files: a request in flight holds two sockets, so their limit is ours.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open beside those of requests: log, listeners, idle connections, epoll.
const OTHERS: u64 = 256;

/// Raises the soft limit to the hard one. Tells how many requests may be in flight with it: `wanted`, or fewer.
pub fn raise(wanted: u32) -> u32 {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit.current = limit.maximum;
        }
    }
    let Some(files) = limit.current else { return wanted };
    let room = u32::try_from(files.saturating_sub(OTHERS) / 2).unwrap_or(u32::MAX).max(1);
    if room < wanted {
        log::warn!(
            "max_in_flight is {room} instead of {wanted}: this process may open {files} files only (see `ulimit -n`)"
        );
    }
    room.min(wanted)
}
