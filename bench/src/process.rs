//! A process that is measured: started, watched through /proc, and ended.
//!
//! It never outlives its guard, nor the benchmark itself: the kernel is asked
//! to end it when its parent dies. Workers that it forks are part of it in
//! every figure.

mod proc_fs;

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end when it is asked to; then it is killed.
/// Longer than valgrind needs to write down what it saw.
const GRACE: Duration = Duration::from_secs(20);

/// A running process.
pub struct Process {
    child: Child,
    /// Whom to ask to end: the process itself, or the one that a tracer
    /// started.
    asked: Option<u32>,
}

/// The CPU time that a process and its children have used, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Cpu {
    /// Nanoseconds by thread.
    threads: BTreeMap<u32, u64>,
    /// Of the whole processes, ended threads included, in clock ticks.
    ticks: u64,
}

impl Cpu {
    /// Time used since `before`.
    ///
    /// The scheduler's nanoseconds, unless a thread has ended in between and
    /// took its count with it: then the ticks of `utime + stime`, which are
    /// 10 ms each.
    #[must_use]
    pub fn since(&self, before: &Self) -> Duration {
        let kept = before.threads.keys().all(|id| self.threads.contains_key(id));
        if kept {
            let sum = |cpu: &Self| cpu.threads.values().sum::<u64>();
            Duration::from_nanos(sum(self).saturating_sub(sum(before)))
        } else {
            Duration::from_millis(self.ticks.saturating_sub(before.ticks) * 10)
        }
    }
}

/// A command that dies with its parent.
#[must_use]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command.stdin(Stdio::null());
    command
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Ok(Self { child: command.spawn()?, asked: None })
    }

    /// Starts it and reads the first line that it prints.
    ///
    /// # Errors
    /// When it cannot be started or prints nothing.
    pub fn spawn_and_read(command: &mut Command) -> io::Result<(Self, String)> {
        let mut process = Self::spawn(command.stdout(Stdio::piped()))?;
        let mut line = String::new();
        if let Some(out) = process.child.stdout.as_mut() {
            BufReader::new(out).read_line(&mut line)?;
        }
        Ok((process, line.trim().to_owned()))
    }

    /// From now on the first child is asked to end, not the process itself:
    /// a tracer has to outlive what it traces to tell what it saw.
    pub fn traces_its_child(&mut self) {
        self.asked = proc_fs::family(self.child.id()).get(1).copied();
    }

    /// CPU time used so far by it and all that it has forked.
    #[must_use]
    pub fn cpu(&self) -> Cpu {
        let mut cpu = Cpu::default();
        for pid in proc_fs::family(self.child.id()) {
            cpu.threads.extend(proc_fs::thread_nanos(pid));
            cpu.ticks += proc_fs::ticks(pid).unwrap_or(0);
        }
        cpu
    }

    /// Anonymous resident memory of it and all that it has forked, in MiB.
    #[must_use]
    pub fn anonymous_mib(&self) -> f64 {
        let kib: u64 = proc_fs::family(self.child.id()).into_iter().filter_map(proc_fs::rss_anon_kib).sum();
        kib as f64 / 1024.0
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Asks it to end, waits, and kills it if it does not.
    pub fn stop(&mut self) {
        if self.ended() {
            return;
        }
        let asked = self.asked.unwrap_or_else(|| self.child.id());
        let asked = i32::try_from(asked).ok().and_then(Pid::from_raw);
        // A process that is gone already is what is wanted.
        let _gone = asked.map(|pid| kill_process(pid, Signal::TERM));
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if self.ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _gone = asked.map(|pid| kill_process(pid, Signal::KILL));
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_busy_process_is_seen_working_and_ends_when_told() {
        let mut busy = command(Path::new("sh"));
        busy.args(["-c", "echo ready; while :; do :; done"]);
        let (mut process, line) = Process::spawn_and_read(&mut busy).unwrap();
        assert_eq!(line, "ready");
        let (before, start) = (process.cpu(), Instant::now());
        while process.cpu().since(&before).is_zero() {
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        assert!(process.anonymous_mib() > 0.0);
        process.stop();
        assert!(process.ended());
    }

    #[test]
    fn a_thread_that_ended_makes_the_ticks_count() {
        let cpu = |threads: &[(u32, u64)], ticks| Cpu { threads: threads.iter().copied().collect(), ticks };
        let before = cpu(&[(1, 100), (2, 50)], 7);
        let grown = cpu(&[(1, 150), (2, 60), (3, 5)], 8);
        assert_eq!(grown.since(&before), Duration::from_nanos(65));
        let lost = cpu(&[(1, 150)], 9);
        assert_eq!(lost.since(&before), Duration::from_millis(20));
    }
}
