//! Watches the configuration's files, by looking once a second: no system is needed that some file systems lack.
//!
//! Always: a change is told once, and only when the files have been still from one look to the next, so that nobody
//! reads a half-written file. What stands in a file decides, not its size or its times: those can be the same.
//!
//! To look is to read, which may block: not for a thread that has anything else to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::{Content, Loaded, Located, Seen, Written};

use crate::beside::Beside;

/// Those that a configuration is read from, if they are there.
fn candidates(located: &Located) -> [PathBuf; 2] {
    let or_beside = |file: &Option<PathBuf>, name| file.clone().unwrap_or_else(|| located.dir.join(name));
    [or_beside(&located.yaml, "provider-config.yaml"), or_beside(&located.env_file, ".env")]
}

/// So long a file may take to be read before that is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// The files and the thread that reads them.
pub struct Files {
    pub beside: Beside,
    watched: Arc<Mutex<Watched>>,
    /// Those of what is served: watched whatever else is read and refused.
    served: Vec<PathBuf>,
    /// Those of the two files that said something when they were taken up, and what stood in them.
    said: Vec<PathBuf>,
    written: Written,
    is_looking: bool,
    /// A reload is under way.
    is_busy: bool,
    /// Another one was asked for meanwhile.
    again: bool,
    is_stuck: bool,
}

impl Files {
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(loaded: &Loaded) -> io::Result<Self> {
        let watched = Watched::new(&loaded.seen, &loaded.located);
        Ok(Self {
            beside: Beside::start("config-files")?,
            served: watched.paths(),
            watched: Arc::new(Mutex::new(watched)),
            said: loaded.said.clone(),
            written: loaded.written.clone(),
            is_looking: false,
            is_busy: false,
            again: false,
            is_stuck: false,
        })
    }

    /// One look, unless one is under way: what [`Files::looked`] takes.
    pub fn look(&mut self) -> Option<impl Future<Output = Option<bool>> + use<>> {
        if self.is_busy || std::mem::replace(&mut self.is_looking, true) {
            return None;
        }
        let watched = self.watched.clone();
        Some(self.beside.run(move || watched.lock().unwrap_or_else(PoisonError::into_inner).has_settled()))
    }

    /// Whether to reload.
    pub fn looked(&mut self, settled: Option<bool>) -> bool {
        self.is_looking = false;
        settled == Some(true)
    }

    /// A reload may begin; where one is under way, another follows it.
    pub fn begin(&mut self) -> bool {
        self.again |= self.is_busy;
        !std::mem::replace(&mut self.is_busy, true)
    }

    /// It has ended: whether another one was asked for.
    pub fn end(&mut self) -> bool {
        self.is_busy = false;
        std::mem::take(&mut self.again)
    }

    /// A file that said something and does not any more.
    pub fn lost(&self, loaded: &Loaded) -> Option<&Path> {
        self.said.iter().find(|file| !loaded.said.contains(file)).map(|file| &**file)
    }

    /// What the two files held when they were taken up.
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// What was read for a reload is watched from now on, whatever comes of it: a file that it names may come later than
    /// its name. Not while a look is under way.
    pub fn watch(&mut self, read: Vec<Seen>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.follow(read, &self.served);
    }

    pub fn taken_up(&mut self, loaded: &Loaded) {
        let watched = Watched::new(&loaded.seen, &loaded.located);
        self.served = watched.paths();
        self.watched = Arc::new(Mutex::new(watched));
        self.said.clone_from(&loaded.said);
        self.written.clone_from(&loaded.written);
    }

    /// Says so when a file does not answer, and when it does again.
    pub fn tell_whether_stuck(&mut self) {
        let is_stuck = self.beside.busy_for() > PATIENCE;
        if std::mem::replace(&mut self.is_stuck, is_stuck) != is_stuck {
            if is_stuck {
                let time = PATIENCE.as_secs();
                log::error!(
                    "a file of the configuration has not answered for {time} s (a mount that hangs?): no change is taken up until it does"
                );
            } else {
                log::info!("the files of the configuration answer again");
            }
        }
    }
}

#[derive(Debug)]
pub struct Watched {
    /// As they were when the configuration was read.
    taken_up: Vec<Seen>,
    /// As they were at the last look.
    last: Vec<Content>,
}

impl Watched {
    /// The files that a configuration was read from, as they were read, and those that it would be read from if they
    /// were there.
    pub fn new(read: &[Seen], located: &Located) -> Self {
        let mut taken_up = read.to_vec();
        for path in candidates(located) {
            if !taken_up.iter().any(|seen| seen.path == path) {
                taken_up.push(Seen { path, content: Content::Missing });
            }
        }
        Self::of(taken_up)
    }

    fn of(taken_up: Vec<Seen>) -> Self {
        let last = taken_up.iter().map(|seen| seen.content).collect();
        Self { taken_up, last }
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.taken_up.iter().map(|seen| seen.path.clone()).collect()
    }

    /// From now on those that were `read`, and of the others those that are `served`.
    fn follow(&mut self, mut read: Vec<Seen>, served: &[PathBuf]) {
        for seen in self.taken_up.drain(..) {
            if served.contains(&seen.path) && !read.iter().any(|read| read.path == seen.path) {
                read.push(seen);
            }
        }
        *self = Self::of(read);
    }

    /// One look: true when something has changed and was still since the look before.
    pub fn has_settled(&mut self) -> bool {
        let now: Vec<Content> = self.taken_up.iter().map(|seen| config::look(&seen.path)).collect();
        let still = now == self.last;
        let settled = still && self.taken_up.iter().zip(&now).any(|(seen, now)| seen.content != *now);
        if settled {
            // Told once: a reload that is refused is not tried again until the files change again.
            for (seen, now) in self.taken_up.iter_mut().zip(&now) {
                seen.content = *now;
            }
        }
        self.last = now;
        settled
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::SystemTime;

    use super::*;

    fn folder() -> PathBuf {
        let dir = std::env::temp_dir().join(format!("ai-proxy-files-{}-{}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_change_is_told_once_and_only_when_it_was_still() {
        let dir = folder();
        let located = Located { dir: dir.clone(), yaml: None, env_file: None };
        let mut watched = Watched::new(&[], &located);
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
    fn what_was_read_and_refused_is_watched_beside_what_is_served() {
        let dir = folder();
        let located = Located { dir: dir.clone(), yaml: None, env_file: None };
        let [late, other, env] = ["late", "other", ".env"].map(|name| dir.join(name));
        let seen = |path: &PathBuf| Seen { path: path.clone(), content: config::look(path) };
        let mut watched = Watched::new(&[], &located);
        let served = watched.paths();
        watched.follow(vec![seen(&other)], &served);
        watched.follow(vec![seen(&late), seen(&late)], &served);
        std::fs::write(&other, "no longer named").unwrap();
        assert!(!watched.has_settled() && !watched.has_settled(), "and bounded by what was named last");
        std::fs::write(&late, "here").unwrap();
        assert!(!watched.has_settled() && watched.has_settled() && !watched.has_settled());
        std::fs::write(&env, "A=1").unwrap();
        assert!(!watched.has_settled() && watched.has_settled() && !watched.has_settled());
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn another_content_of_the_same_size_and_time_is_a_change() {
        let dir = folder();
        let located = Located { dir: dir.clone(), yaml: None, env_file: Some(dir.join("named")) };
        let (named, key) = (dir.join("named"), dir.join("key"));
        let old = SystemTime::now() - Duration::from_secs(60);
        let write = |path: &PathBuf, text: &str| {
            std::fs::write(path, text).unwrap();
            std::fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        };
        write(&named, "1");
        write(&key, "1");
        let read: Vec<Seen> =
            [&named, &key].map(|path| Seen { path: path.clone(), content: config::look(path) }).to_vec();
        let mut watched = Watched::new(&read, &located);
        assert!(!watched.has_settled() && !watched.has_settled(), "nothing changed");
        // Written in place, put in its place, and changed between the reading and the first look.
        write(&named, "2");
        assert!(!watched.has_settled() && watched.has_settled() && !watched.has_settled());
        write(&dir.join("next"), "2");
        std::fs::rename(dir.join("next"), &key).unwrap();
        assert!(!watched.has_settled() && watched.has_settled() && !watched.has_settled());
        let mut watched = Watched::new(&read, &located);
        assert!(!watched.has_settled() && watched.has_settled() && !watched.has_settled());
        // The same once more is no change.
        write(&named, "2");
        assert!(!watched.has_settled() && !watched.has_settled());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
