//! What /proc says of a process; see proc(5) for the files' formats.

use std::fs;

/// The process and all its descendants, itself first, children in the order
/// of their ids.
pub(super) fn family(root: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(&stat(pid)?)?)))
        .collect();
    parents.sort_unstable();
    let mut family = vec![root];
    let mut seen = 0;
    while let Some(&of) = family.get(seen) {
        family.extend(parents.iter().filter(|(_, up)| *up == of).map(|(pid, _)| pid));
        seen += 1;
    }
    family
}

/// Nanoseconds on a CPU by thread: the first number of `schedstat`.
pub(super) fn thread_nanos(pid: u32) -> Vec<(u32, u64)> {
    fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path().join("schedstat")).ok()?;
            let nanos = text.split_whitespace().next()?.parse().ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, nanos))
        })
        .collect()
}

/// `utime + stime` of the whole process in ticks of 10 ms: the kernel shows
/// 100 a second to all programs, whatever its own clock.
pub(super) fn ticks(pid: u32) -> Option<u64> {
    let stat = stat(pid)?;
    let user: u64 = field(&stat, 14)?.parse().ok()?;
    let system: u64 = field(&stat, 15)?.parse().ok()?;
    Some(user + system)
}

/// `RssAnon` of a process.
pub(super) fn rss_anon_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn stat(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

fn parent(stat: &str) -> Option<u32> {
    field(stat, 4)?.parse().ok()
}

/// The `n`th field, counted from one as the manual does. The second, the
/// name, may hold blanks and brackets, so counting starts behind it.
fn field(stat: &str, n: usize) -> Option<&str> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(n.checked_sub(3)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_counted_behind_a_name_of_any_kind() {
        let stat = "42 (a) b) (c) S 7 42 42 0 -1 1 2 3 4 5 60 70 0 0";
        assert_eq!(parent(stat), Some(7));
        assert_eq!(field(stat, 14), Some("60"));
        assert_eq!(field(stat, 15), Some("70"));
    }

    #[test]
    fn this_process_is_there() {
        let me = std::process::id();
        assert_eq!(family(me).first(), Some(&me));
        assert!(thread_nanos(me).iter().any(|(_, nanos)| *nanos > 0));
        assert!(ticks(me).is_some());
        assert!(rss_anon_kib(me).unwrap() > 0);
    }
}
