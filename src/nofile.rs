//! Open files: a request in flight holds two sockets, so their limit is ours. What it fetches by URL it holds of a number
//! that is the same for all requests together.

use actors::fetching;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Files that are open beside those of requests: log, listeners, idle connections, epoll.
const OTHERS: u64 = 256;

/// Of those, what is no connection of a client: log, listeners, epoll, state, probes, idle ones to providers.
const OURS: u64 = 192;

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

/// How many requests may be in flight with so many files. It does not ask whether anything is fetched: a reload may change
/// that, and what was admitted stays.
fn holding(files: u64) -> u32 {
    let others = OTHERS + fetching::MAX_FILES as u64;
    u32::try_from(files.saturating_sub(others) / 2).unwrap_or(u32::MAX).max(1)
}

/// How many connections of clients there may be: `wanted`, or fewer, so that what serves them has files too. `upstreams`:
/// requests that may be in flight, each of which holds one towards a provider.
pub fn connections(wanted: u32, upstreams: u32) -> usize {
    raise().map_or(wanted as usize, |files| seats(files, wanted, upstreams))
}

fn seats(files: u64, wanted: u32, upstreams: u32) -> usize {
    let others = OURS + fetching::MAX_FILES as u64 + u64::from(upstreams);
    // As many as requests at the least: those were counted with their connections.
    let left = files.saturating_sub(others).max(u64::from(upstreams));
    usize::try_from(left.min(u64::from(wanted))).unwrap_or(usize::MAX).max(1)
}

/// How many requests may be in flight with the files that there are: `wanted`, or fewer.
pub fn room(wanted: u32) -> u32 {
    let Some(files) = raise() else { return wanted };
    let room = holding(files);
    if room < wanted {
        log::warn!(
            "max_in_flight is {room} instead of {wanted}: this process may open {files} files only (see `ulimit -n`)"
        );
    }
    room.min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_reckoned_with() {
        for files in [512, 1024, 4096] {
            let held = 2 * u64::from(holding(files)) + fetching::MAX_FILES as u64;
            assert!(held <= files - OTHERS && held > files - OTHERS - 2, "{files}: {held}");
        }
        assert_eq!((holding(64), holding(u64::MAX)), (1, u32::MAX));
    }

    #[test]
    fn connections_leave_files_for_what_serves_them() {
        for files in [512, 1024, 4096, 65_536] {
            let upstreams = holding(files).min(10_000);
            let seats = seats(files, 20_000, upstreams) as u64;
            assert!(seats >= u64::from(upstreams), "{files}");
            assert!(seats + u64::from(upstreams) + fetching::MAX_FILES as u64 + OURS <= files, "{files}: {seats}");
        }
        assert_eq!((seats(64, 20_000, 1), seats(1 << 20, 20_000, 10_000)), (1, 20_000));
    }
}
