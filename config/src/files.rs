//! Reading the files of a configuration: bounded, UTF-8, and with reasons a user understands.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

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

/// The text of a file, or why it has none.
pub(crate) fn read_text(path: &Path) -> Result<String, Unreadable> {
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable::unless_another("does not exist"),
        ErrorKind::PermissionDenied => {
            Unreadable { found: "may not be read by this user", fix: "let this user read it, or name another one" }
        }
        ErrorKind::IsADirectory => Unreadable::unless_another("is a directory"),
        _ => Unreadable::unless_another("cannot be read"),
    };
    let file = File::open(path).map_err(told)?;
    let kind = file.metadata().map_err(told)?.file_type();
    if kind.is_dir() {
        return Err(Unreadable::unless_another("is a directory"));
    } else if !kind.is_file() {
        return Err(Unreadable::unless_another("is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unreadable { found: "is larger than 4 MiB", fix: "make it smaller, or name the right one" });
    }
    String::from_utf8(bytes).map_err(|_| Unreadable { found: "is not UTF-8 text", fix: "save it as UTF-8 text" })
}

/// Whether every user of the machine may read the file. False where that cannot be known.
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o004 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}
