//! What several test modules share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{Config, Finding, Loaded, Sources, load};

/// A directory of its own for a test, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ai-proxy-config-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration of its own: two files in a folder, and an environment.
pub(crate) struct Setup {
    pub(crate) folder: Folder,
    env: BTreeMap<String, String>,
}

impl Setup {
    /// Neither file.
    pub(crate) fn bare() -> Self {
        let folder = Folder::new();
        let dir = folder.path().display().to_string();
        Self { folder, env: BTreeMap::from([("AI_PROXY_CONFIG_DIR".to_owned(), dir)]) }
    }

    pub(crate) fn yaml(text: &str) -> Self {
        Self::bare().file("provider-config.yaml", text)
    }

    pub(crate) fn dotenv(self, text: &str) -> Self {
        self.folder.write(".env", text);
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.folder.write(name, text);
        self
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn load_seen(&self, seen: &mut Vec<crate::Seen>) -> Result<Loaded, Vec<Finding>> {
        crate::load_seen(&Sources::default(), &self.env, seen)
    }

    pub(crate) fn load(&self) -> Result<Loaded, Vec<Finding>> {
        load(&Sources::default(), &self.env)
    }

    /// The configuration, which has to be right.
    pub(crate) fn config(&self) -> Config {
        self.load().expect("a configuration without errors").config
    }

    /// Every finding as a line, the folder's name cut off.
    pub(crate) fn told(&self) -> Vec<String> {
        let findings = match self.load() {
            Ok(loaded) => loaded.warnings,
            Err(findings) => findings,
        };
        let folder = format!("{}/", self.folder.path().display());
        let lines = findings.iter().map(|finding| finding.to_string().replace(&folder, ""));
        // Files of a test are made with the usual mode; that is not what the tests are about.
        lines.filter(|line| !line.contains("chmod 640")).collect()
    }
}
