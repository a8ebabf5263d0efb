//! Watches the configuration's files, by looking once a second: no system is needed that some file systems lack.
//!
//! Always: a change is told once, and only when the files have been still from one look to the next, so that nobody
//! reads a half-written file.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use config::Located;

/// What changes when a file does. None: it is not there.
type Mark = Option<(SystemTime, u64)>;

/// How coarse a file's time may be: that of the kernel's clock tick, with room.
const TICK: Duration = Duration::from_millis(20);

/// The two files as they were before they were read, so that no change after that goes unseen.
#[derive(Debug)]
pub struct Marks {
    files: Vec<(PathBuf, Mark)>,
    at: SystemTime,
}

impl Marks {
    /// To be taken just before the configuration is read.
    pub fn of(located: &Located) -> Self {
        let files = candidates(located)
            .map(|file| {
                let mark = mark(&file);
                (file, mark)
            })
            .collect();
        Self { files, at: SystemTime::now() }
    }

    /// What was read of a file. One that the configuration has only now named counts as changed if it changed since.
    fn read(&self, file: &Path) -> Mark {
        match self.files.iter().find(|(known, _)| known == file) {
            Some((_, mark)) => *mark,
            None => mark(file).filter(|(modified, _)| *modified + TICK < self.at),
        }
    }
}

fn candidates(located: &Located) -> impl Iterator<Item = PathBuf> {
    let beside = ["provider-config.yaml", ".env"].map(|name| located.dir.join(name));
    located.yaml.clone().into_iter().chain(located.env_file.clone()).chain(beside)
}

#[derive(Debug)]
pub struct Watched {
    files: Vec<PathBuf>,
    /// As they were when the configuration was read.
    taken_up: Vec<Mark>,
    /// As they were at the last look.
    last: Vec<Mark>,
}

impl Watched {
    /// The files a configuration was read from, and those that it would be read from if they were there.
    /// `before`: taken before they were read.
    pub fn new(files: &[PathBuf], located: &Located, before: &Marks) -> Self {
        let mut files = files.to_vec();
        for candidate in candidates(located) {
            if !files.contains(&candidate) {
                files.push(candidate);
            }
        }
        let taken_up: Vec<Mark> = files.iter().map(|file| before.read(file)).collect();
        let last = files.iter().map(|file| mark(file)).collect();
        Self { files, taken_up, last }
    }

    /// One look: true when something has changed and was still since the look before.
    pub fn has_settled(&mut self) -> bool {
        let now: Vec<Mark> = self.files.iter().map(|file| mark(file)).collect();
        let still = now == self.last;
        let settled = still && now != self.taken_up;
        if settled {
            // Told once: a reload that is refused is not tried again until the files change again.
            self.taken_up.clone_from(&now);
        }
        self.last = now;
        settled
    }
}

fn mark(file: &Path) -> Mark {
    let found = std::fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_change_is_told_once_and_only_when_it_was_still() {
        let dir = std::env::temp_dir().join(format!("ai-proxy-files-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&dir).unwrap();
        let located = Located { dir: dir.clone(), yaml: None, env_file: None };
        let mut watched = Watched::new(&[], &located, &Marks::of(&located));
        assert!(!watched.has_settled());
        std::fs::write(dir.join(".env"), "A=1").unwrap();
        assert!(!watched.has_settled(), "just seen: it may still be written");
        std::fs::write(dir.join(".env"), "A=12").unwrap();
        assert!(!watched.has_settled(), "changed again");
        assert!(watched.has_settled(), "still");
        assert!(!watched.has_settled(), "told once");
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(!watched.has_settled());
        assert!(watched.has_settled(), "its disappearance is a change too");
    }

    #[test]
    fn what_changed_while_it_was_read_is_seen() {
        let dir = std::env::temp_dir().join(format!("ai-proxy-files-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&dir).unwrap();
        let located = Located { dir: dir.clone(), yaml: None, env_file: Some(dir.join("named")) };
        let (named, key) = (dir.join("named"), dir.join("key"));
        let old = SystemTime::now() - Duration::from_secs(60);
        for file in [&named, &key] {
            std::fs::write(file, "1").unwrap();
            std::fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
        }
        let files = [named.clone(), key.clone()];
        let marks = Marks::of(&located);
        assert!(!Watched::new(&files, &located, &marks).has_settled(), "nothing changed");
        // The configuration is read here; then, before the files are watched:
        std::fs::write(&named, "12").unwrap();
        assert!(Watched::new(&files, &located, &marks).has_settled());
        let marks = Marks::of(&located);
        std::fs::write(&key, "12").unwrap();
        let mut watched = Watched::new(&files, &located, &marks);
        assert!(watched.has_settled(), "a file that the configuration names");
        assert!(!watched.has_settled(), "told once");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
