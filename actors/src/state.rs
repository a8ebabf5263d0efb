//! The quota file: what was used of each key's day, so that a restart does not forget it.
//!
//! One small JSON file in `STATE_DIR`, written by the one process that holds the lock beside it. Always: mode 600 from
//! its first byte, replaced whole or not at all, no symbolic link followed, no key in it (a fingerprint names it).
//! Nothing that is wrong with it stops the proxy: it costs a warning, and quotas that start at zero.
//!
//! The calls block on the disk for some milliseconds: not for a worker's thread.

mod format;

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::policy::Moment;

const FILE: &str = "quotas.json";
const LOCK: &str = "quotas.lock";
/// What is being written; a leftover of a crash is replaced.
const NEXT: &str = "quotas.json.new";
/// Some 10,000 entries are far below; more than that is not ours.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What was used of one day by a key, or by one model at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    pub provider: String,
    /// Of the key, see [`config::Key`].
    pub fingerprint: u64,
    /// None: the key's own count.
    pub model: Option<String>,
    pub requests: u64,
    pub tokens: u64,
    /// Milliseconds since the Unix epoch.
    pub resets_at_ms: u64,
}

/// Something about the file that somebody should know, and nobody has to die of.
#[derive(Debug)]
pub struct Warning {
    path: PathBuf,
    why: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

#[derive(Debug)]
pub struct StateFile {
    dir: PathBuf,
    /// The lock, while it is ours: it falls with the file's handle, and so with the process.
    lock: Option<File>,
}

impl StateFile {
    /// Makes the folder if it is missing (mode 700) and asks for the lock. Whatever goes wrong is a warning: then
    /// [`StateFile::save`] refuses until [`StateFile::try_hold`] succeeds.
    #[must_use]
    pub fn open(dir: &Path) -> (Self, Vec<Warning>) {
        let mut state = Self { dir: dir.to_path_buf(), lock: None };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        let held = made.map_err(|error| warning(dir, &error)).and_then(|()| state.hold());
        (state, held.err().into_iter().collect())
    }

    /// True if the lock has become ours just now: an older process has let go. What it wrote last is then to be loaded
    /// and restored before the next save. False: nothing has changed.
    pub fn try_hold(&mut self) -> bool {
        self.lock.is_none() && self.hold().is_ok()
    }

    /// Whether this process writes the file.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.lock.is_some()
    }

    /// What an earlier process left, without what cannot be true at `now`: days that are over, or that end further off
    /// than a day can last. Counts are not compared with limits here: [`crate::policy::limits::Windows::restore`] does
    /// that, and a key or a model that is configured no more is for the caller to leave out. Needs no lock.
    #[must_use]
    pub fn load(&self, now: Moment) -> (Vec<DayCount>, Vec<Warning>) {
        let path = self.dir.join(FILE);
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Vec::new(), Vec::new());
            }
            Err(error) => return (Vec::new(), vec![warning(&path, &error)]),
        };
        let (counts, complaint) = format::parse(&bytes, now);
        let complaint = complaint.map(|why| Warning { path, why });
        (counts, complaint.into_iter().collect())
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// `WouldBlock`: the lock is not ours. Else what the disk says; the old file is then as it was.
    pub fn save(&self, counts: &[DayCount]) -> io::Result<()> {
        if !self.is_held() {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "another process holds the lock"));
        }
        let (next, path) = (self.dir.join(NEXT), self.dir.join(FILE));
        let saved = write(&next, &format::render(counts)?).and_then(|()| replace(&next, &path));
        if saved.is_err() {
            // Best effort: the next save replaces it anyway.
            let _ = std::fs::remove_file(&next);
        }
        saved
    }

    fn hold(&mut self) -> Result<(), Warning> {
        let path = self.dir.join(LOCK);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = open_plain(&path, &mut options).map_err(|error| warning(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {
                self.lock = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(Warning {
                path,
                why: "another process holds the lock; day quotas are not saved by this one".into(),
            }),
            Err(TryLockError::Error(error)) => Err(warning(&path, &error)),
        }
    }
}

/// A plain file: no link is followed, and nothing that would block (a pipe) or be no file at all is taken.
fn open_plain(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a plain file")) }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_plain(path, OpenOptions::new().read(true))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("larger than any quota file"));
    }
    Ok(bytes)
}

/// Writes a new file to the disk; one that is there, whatever it is, goes first.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open_plain(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts `next` in the place of `path` and the change of names on the disk.
fn replace(next: &Path, path: &Path) -> io::Result<()> {
    // A rename would replace the link and not its target; whoever put a link there wanted something else.
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("not a plain file"));
    }
    std::fs::rename(next, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn warning(path: &Path, error: &io::Error) -> Warning {
    let why = if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
        "a symbolic link is refused here; day quotas are neither read nor saved".to_owned()
    } else {
        format!("{error}; day quotas will not survive a restart")
    };
    Warning { path: path.to_path_buf(), why }
}

#[cfg(test)]
mod tests;
