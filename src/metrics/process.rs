//! The process as the kernel sees it, under the names that all Prometheus clients share.
//!
//! Read from /proc when asked for; a line that cannot be read is left out.

use std::fmt::Write;
use std::fs;

use super::gauges::head;

/// Ticks a second of the times in /proc/self/stat: USER_HZ, 100 on every architecture that Linux runs us on.
const TICKS: f64 = 100.0;

pub(super) fn append(out: &mut String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    line(out, "process_resident_memory_bytes", "gauge", "Resident memory.", kib(&status, "VmRSS:"));
    line(
        out,
        "process_anonymous_memory_bytes",
        "gauge",
        "Resident memory that is no file's.",
        kib(&status, "RssAnon:"),
    );
    line(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.", kib(&status, "VmSize:"));
    line(out, "process_threads", "gauge", "Threads.", field(&status, "Threads:"));
    // The directory that is being read is open as well.
    let open = fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1) as f64);
    line(out, "process_open_fds", "gauge", "Open files and sockets.", open);
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    line(out, "process_max_fds", "gauge", "Most files and sockets that may be open.", most.map(|most| most as f64));
    let cpu = stat_field(&stat, 14).zip(stat_field(&stat, 15)).map(|(user, system)| (user + system) / TICKS);
    line(out, "process_cpu_seconds_total", "counter", "User and system time.", cpu);
    let booted = fs::read_to_string("/proc/stat").ok().and_then(|stat| field(&stat, "btime "));
    let started = booted.zip(stat_field(&stat, 22)).map(|(booted, ticks)| booted + ticks / TICKS);
    line(out, "process_start_time_seconds", "gauge", "When the process started, in Unix time.", started);
}

fn line(out: &mut String, name: &str, kind: &str, help: &str, value: Option<f64>) {
    if let Some(value) = value {
        head(out, name, kind, help);
        let _ = writeln!(out, "{name} {value}");
    }
}

/// The first number of the line that begins so.
fn field(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

fn kib(status: &str, name: &str) -> Option<f64> {
    field(status, name).map(|kib| kib * 1024.0)
}

/// A field of /proc/self/stat by its number in proc(5), from 1; the second is the name and may hold anything.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(number.checked_sub(3)?)?.parse().ok()
}
