//! Where and with what a result was made: a figure without it is a rumour.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::plan::Plan;

/// The lines above the table.
#[must_use]
pub fn describe(plan: &Plan) -> String {
    let cpu = first_value("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = first_value("/proc/meminfo", "MemTotal").unwrap_or_default();
    let congestion = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let lock = fs::read_to_string(plan.tree.join("Cargo.lock")).unwrap_or_default();
    let version = |name| locked(&lock, name).unwrap_or("?");
    let mut proxy = Command::new(&plan.proxy);
    proxy.arg("--version").env_clear();
    [
        format!("machine   {cpu}, {cores} cores, memory {memory}"),
        format!("kernel    {}, TCP {}", said(Command::new("uname").arg("-sr")), congestion.trim()),
        format!("date      {}", said(Command::new("date").arg("-uIseconds"))),
        format!("tree      {}", commit(&plan.tree)),
        format!("proxy     {} ({})", said(&mut proxy), plan.proxy.display()),
        format!(
            "built on  {}, actix-web {}, actix-http {}, awc {}, tokio {}",
            said(Command::new("rustc").arg("--version")),
            version("actix-web"),
            version("actix-http"),
            version("awc"),
            version("tokio"),
        ),
        format!(
            "peers     {}, {}, {}",
            said(Command::new("nginx").arg("-v")),
            said(Command::new("valgrind").arg("--version")),
            said(Command::new("strace").arg("--version")),
        ),
        format!(
            "run       {} ({} rounds{})",
            plan.command,
            plan.rounds,
            if plan.quick { ", quick: not to be judged by" } else { "" }
        ),
    ]
    .join("\n")
}

/// The first line that a command prints, wherever it prints it (nginx tells
/// its version on stderr).
fn said(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return "absent".to_owned();
    };
    let all = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&all);
    text.lines().next().unwrap_or("?").trim().to_owned()
}

fn commit(tree: &Path) -> String {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(tree).args(args);
        command.output().map(|out| out.stdout).unwrap_or_default()
    };
    let head = git(&["rev-parse", "--short", "HEAD"]);
    let changed = !git(&["status", "--porcelain"]).is_empty();
    let head = String::from_utf8_lossy(&head);
    format!("{}{}", head.trim(), if changed { " with changes" } else { "" })
}

/// The value of the first `name : value` line of a file of /proc.
fn first_value(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The version of a package in a lock file; the last one if there are several.
fn locked<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let at = lock.rfind(&entry)? + entry.len();
    lock.get(at..)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"awc\"\nversion = \"3.11.0\"\n";
        assert_eq!(locked(lock, "awc"), Some("3.11.0"));
        assert_eq!(locked(lock, "actix-web"), None);
    }
}
