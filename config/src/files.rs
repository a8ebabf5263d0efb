//! Reading the files of a configuration: bounded, UTF-8, and with reasons a user understands.
//!
//! Always: opening one never waits. A pipe without a writer, a terminal or a device is refused before a byte of it is
//! read. And what was read is known by its content, so that a change is seen whatever size and times the file has.

use std::fs::{File, FileType, OpenOptions};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// No configuration, key or certificate bundle is larger; a device or a wrong path may be.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What is wrong with a file, and what to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unreadable {
    /// The end of a sentence ("the file ...").
    pub(crate) found: &'static str,
    pub(crate) fix: &'static str,
}

impl Unreadable {
    const fn unless_another(found: &'static str) -> Self {
        Self { found, fix: "name a file that this user can read" }
    }
}

/// What stands in a file, for telling whether that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Missing,
    Unreadable(ErrorKind),
    /// A hash of all of it.
    Bytes(u64),
}

/// A file and what stood in it when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub path: PathBuf,
    pub content: Content,
}

/// What stands in a file now.
pub fn look(path: &Path) -> Content {
    content(&read_bytes(path, LARGEST))
}

fn content(read: &io::Result<Vec<u8>>) -> Content {
    match read {
        Ok(bytes) => hashed(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Content::Missing,
        Err(error) => Content::Unreadable(error.kind()),
    }
}

/// The bytes of a plain file.
///
/// # Errors
/// When it cannot be read, is no plain file (`InvalidInput`), or is longer than `largest` (`FileTooLarge`).
pub fn read_bytes(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    // Before it is opened too: to open a device may mean something to it.
    plain(std::fs::metadata(path)?.file_type())?;
    let file = open(path)?;
    plain(file.metadata()?.file_type())?;
    let mut bytes = Vec::new();
    file.take(largest.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

fn plain(kind: FileType) -> io::Result<()> {
    match kind {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file")),
    }
}

/// Without these flags a pipe would wait for a writer, and a terminal could become ours.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// The text of a file, or why it has none; what stood there is put down in `watched` either way, so that one that comes
/// later, or is put right, is a change.
pub(crate) fn read_text(path: &Path, watched: &mut Vec<Seen>) -> Result<String, Unreadable> {
    let told = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable::unless_another("does not exist"),
        ErrorKind::PermissionDenied => {
            Unreadable { found: "may not be read by this user", fix: "let this user read it, or name another one" }
        }
        ErrorKind::IsADirectory => Unreadable::unless_another("is a directory"),
        ErrorKind::InvalidInput => Unreadable::unless_another("is not a regular file"),
        ErrorKind::FileTooLarge => {
            Unreadable { found: "is larger than 4 MiB", fix: "make it smaller, or name the right one" }
        }
        _ => Unreadable::unless_another("cannot be read"),
    };
    let read = read_bytes(path, LARGEST);
    watched.push(Seen { path: path.to_owned(), content: content(&read) });
    let bytes = read.map_err(told)?;
    let not_text = Unreadable { found: "is not UTF-8 text", fix: "save it as UTF-8 text" };
    let mut text = String::from_utf8(bytes).map_err(|_| not_text)?;
    // A byte order mark, as editors on Windows leave it, is no part of a key, a token or a certificate.
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn hashed(bytes: &[u8]) -> Content {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    Content::Bytes(hasher.finish())
}

/// Whether every user of the machine may read the file. False where that cannot be known.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::testing::Folder;

    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let folder = Folder::new();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let began = Instant::now();
        for (path, found) in [
            (pipe.as_path(), "is not a regular file"),
            (socket.as_path(), "is not a regular file"),
            (Path::new("/dev/null"), "is not a regular file"),
            (Path::new("/dev/zero"), "is not a regular file"),
            (folder.path(), "is a directory"),
            (Path::new("/nowhere/at/all"), "does not exist"),
        ] {
            let mut watched = Vec::new();
            assert_eq!(read_text(path, &mut watched).unwrap_err().found, found, "{}", path.display());
            assert!(!matches!(look(path), Content::Bytes(_)));
            assert_eq!(watched, [Seen { path: path.to_owned(), content: look(path) }]);
        }
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn content_decides_and_neither_size_nor_time() {
        let folder = Folder::new();
        let file = folder.write("key", "one");
        let mut watched = Vec::new();
        read_text(&file, &mut watched).unwrap();
        let seen = watched.pop().unwrap();
        assert_eq!(seen.content, look(&file));
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        folder.write("key", "two");
        File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
        assert_ne!(seen.content, look(&file));
        folder.write("key", "one");
        assert_eq!(seen.content, look(&file));
    }
}
