//! What is to be measured, and how long.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// One group of figures; `--only` takes these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    Cpu,
    Instr,
    Syscalls,
    Streams,
    Latency,
    Memory,
    Translated,
    Startup,
    Size,
    Soak,
}

impl Figure {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 10] = [
        Self::Cpu,
        Self::Instr,
        Self::Syscalls,
        Self::Streams,
        Self::Latency,
        Self::Memory,
        Self::Translated,
        Self::Soak,
        Self::Startup,
        Self::Size,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Instr => "instr",
            Self::Syscalls => "syscalls",
            Self::Streams => "streams",
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Translated => "translated",
            Self::Startup => "startup",
            Self::Size => "size",
            Self::Soak => "soak",
        }
    }

    /// The figure of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.name() == name)
    }
}

/// A run's plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is measured.
    pub figures: BTreeSet<Figure>,
    /// How often the sides alternate.
    pub rounds: usize,
    /// Short loads: to see that all works, not to judge by.
    pub quick: bool,
    /// The gateway's binary.
    pub proxy: PathBuf,
    /// Where the benchmark's own programs are.
    pub programs: PathBuf,
    /// The root of the source tree, for the configuration of nginx and the
    /// versions in the lock file.
    pub tree: PathBuf,
    /// Where everything is written.
    pub out: PathBuf,
    /// The command as it was typed.
    pub command: String,
}

impl Plan {
    /// A count that a quick run divides by ten.
    #[must_use]
    pub const fn count(&self, full: u64) -> u64 {
        if self.quick { full / 10 } else { full }
    }
}

/// The figures of a comma-separated list.
///
/// # Errors
/// The name that is none.
pub fn figures(list: &str) -> Result<BTreeSet<Figure>, String> {
    list.split(',').map(|name| Figure::named(name.trim()).ok_or_else(|| format!("no figure {name:?}"))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_figure_is_found_by_its_name() {
        for figure in Figure::ALL {
            assert_eq!(Figure::named(figure.name()), Some(figure));
        }
        let two = figures("cpu, soak").unwrap();
        assert!(two.contains(&Figure::Cpu) && two.contains(&Figure::Soak));
        assert!(figures("cpu,speed").is_err());
    }
}
