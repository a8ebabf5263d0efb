//! Variables in their order of precedence: the real environment, then `.env`; each also as `X_FILE`.
//!
//! What always holds: an empty variable counts as unset (templates list names without values, and
//! container tools pass them on), and the file of an `X_FILE` is read once and watched. Quotation marks that
//! wrap a value of the real environment or of such a file are taken off, which is told.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::env_file::Entries;
use crate::finding::Place;
use crate::tree::Pos;
use crate::{Environment, Finding, Seen, files, quotes};

/// What stands for a file name in findings about the process's own environment.
const ENVIRONMENT: &str = "environment";

#[derive(Clone)]
pub(crate) struct Var {
    pub(crate) value: String,
    pub(crate) place: Place,
}

pub(crate) struct Vars<'e> {
    real: &'e dyn Environment,
    env_path: PathBuf,
    entries: Entries,
    /// Asked once: a file may change between two looks, and its error is told once.
    known: RefCell<BTreeMap<String, Option<Var>>>,
    findings: RefCell<Vec<Finding>>,
    files: RefCell<Vec<Seen>>,
}

impl<'e> Vars<'e> {
    pub(crate) fn memory_limit(&self) -> Option<u64> {
        self.real.memory_limit()
    }

    pub(crate) fn new(real: &'e dyn Environment, env_path: &Path, entries: Entries) -> Self {
        Self {
            real,
            env_path: env_path.to_owned(),
            entries,
            known: RefCell::default(),
            findings: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The value of `name`, given directly or as a file by `name_FILE`. None: unset or empty.
    pub(crate) fn get(&self, name: &str) -> Option<Var> {
        if let Some(known) = self.known.borrow().get(name) {
            return known.clone();
        }
        let found = self.look_up(name);
        self.known.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    /// The names that `.env` sets, with their lines.
    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    pub(crate) fn env_path(&self) -> &Path {
        &self.env_path
    }

    /// The files that `X_FILE` named and what was wrong with them.
    pub(crate) fn into_files(self) -> (Vec<Seen>, Vec<Finding>) {
        (self.files.into_inner(), self.findings.into_inner())
    }

    fn look_up(&self, name: &str) -> Option<Var> {
        let by_file = format!("{name}_FILE");
        self.tell_shadowed(name);
        for layer in [Self::real_var, Self::entry] {
            match (layer(self, name), layer(self, &by_file)) {
                (Some(direct), None) => return Some(direct),
                (None, Some(file)) => return self.read_named(file),
                (Some(direct), Some(_)) => {
                    let told = direct.place.error(format!("both {name} and {by_file} are set"), "keep one of them");
                    self.findings.borrow_mut().push(told);
                    return Some(direct);
                }
                (None, None) => {}
            }
        }
        None
    }

    /// A token that is taken out of the file goes on opening where the environment has it too.
    fn tell_shadowed(&self, name: &str) {
        if !matches!(name, "AUTH_TOKEN" | "ADMIN_TOKEN") {
            return;
        }
        if let (Some(real), Some(entry)) = (self.real_var(name), self.entry(name))
            && real.value != entry.value
        {
            let what = format!("the environment has another {name}, which counts; this line does nothing");
            self.findings.borrow_mut().push(entry.place.warning(what, "keep one of them"));
        }
    }

    /// Whether the real environment has a value for `name`; nobody is taken to have read it.
    pub(crate) fn real_place(&self, name: &str) -> Option<Place> {
        self.real.var(name).filter(|value| !value.trim().is_empty())?;
        Some(Place { file: ENVIRONMENT.into(), at: Pos::default(), path: name.to_owned() })
    }

    /// Whether somebody asked for `name`.
    pub(crate) fn was_read(&self, name: &str) -> bool {
        self.known.borrow().contains_key(name)
    }

    fn real_var(&self, name: &str) -> Option<Var> {
        let value = self.real.var(name).filter(|value| !value.trim().is_empty())?;
        // What `$(cat key.txt)` brings along from an editor on Windows.
        let value = value.strip_prefix('\u{feff}').map_or(value.clone(), str::to_owned);
        let place = Place { file: ENVIRONMENT.into(), at: Pos::default(), path: name.to_owned() };
        self.unquoted(Var { value, place })
    }

    /// The value without quotation marks that wrap all of it. None: nothing is left.
    fn unquoted(&self, var: Var) -> Option<Var> {
        let Some(inner) = quotes::within(&var.value) else {
            return Some(var);
        };
        if inner.is_empty() {
            return None;
        }
        self.findings.borrow_mut().push(var.place.warning(quotes::FOUND, quotes::FIX));
        Some(Var { value: inner.to_owned(), ..var })
    }

    fn entry(&self, name: &str) -> Option<Var> {
        let entry = self.entries.get(name).filter(|entry| !entry.value.trim().is_empty())?;
        let place = Place { file: self.env_path.clone(), at: entry.at, path: name.to_owned() };
        Some(Var { value: entry.value.clone(), place })
    }

    /// A trailing line end is no part of a secret: every editor leaves one.
    fn read_named(&self, named: Var) -> Option<Var> {
        let path = PathBuf::from(named.value.trim());
        match files::read_text(&path, &mut self.files.borrow_mut()) {
            Ok(text) => {
                let value = text.trim_end_matches(['\n', '\r']).to_owned();
                if value.trim().is_empty() {
                    let told = named.place.error("the file it names is empty", "put the value into it");
                    self.findings.borrow_mut().push(told);
                    return None;
                }
                self.unquoted(Var { value, place: named.place })
            }
            Err(why) => {
                let told = named.place.error(format!("the file it names {}", why.found), why.fix);
                self.findings.borrow_mut().push(told);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::env_file;
    use crate::testing::Folder;

    fn vars<'e>(real: &'e BTreeMap<&'e str, &'e str>, text: &str) -> Vars<'e> {
        let mut findings = Vec::new();
        let entries = env_file::read(Path::new(".env"), text, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        Vars::new(real, Path::new(".env"), entries)
    }

    fn value(vars: &Vars<'_>, name: &str) -> Option<String> {
        vars.get(name).map(|var| var.value)
    }

    #[test]
    fn the_real_environment_comes_first_and_empty_is_unset() {
        let real = BTreeMap::from([("A", "real"), ("B", ""), ("C", " ")]);
        let vars = vars(&real, "A=file\nB=file\nC=\nD=file");
        assert_eq!(value(&vars, "A").as_deref(), Some("real"));
        assert_eq!(value(&vars, "B").as_deref(), Some("file"));
        assert_eq!(value(&vars, "C"), None);
        let d = vars.get("D").unwrap();
        assert_eq!((d.place.at.line, d.place.file.to_str()), (4, Some(".env")));
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        let folder = Folder::new();
        let file = folder.write("key", "sk-hunter2\r\n");
        let text = format!("K_FILE={}\nD_FILE=x\nE_FILE=/nowhere/hunter2\n", file.display());
        let real = BTreeMap::from([("D", "real wins over a file named further down")]);
        let vars = vars(&real, &text);
        assert_eq!(value(&vars, "K").as_deref(), Some("sk-hunter2"));
        assert!(value(&vars, "D").unwrap().starts_with("real"));
        assert_eq!(value(&vars, "E"), None);
        assert_eq!(value(&vars, "E"), None, "told once");
        let (files, findings) = vars.into_files();
        let paths: Vec<&Path> = files.iter().map(|seen| &*seen.path).collect();
        assert_eq!(paths, [&*file, Path::new("/nowhere/hunter2")], "one that is missing may come");
        assert_eq!(findings.len(), 1);
        let told = findings.first().unwrap().to_string();
        assert_eq!(told, ".env:3:1: E_FILE: the file it names does not exist; name a file that this user can read");
    }

    #[test]
    fn quotation_marks_that_a_container_tool_left_are_taken_off_and_told() {
        let folder = Folder::new();
        let file = folder.write("key", "\u{feff}'sk-hunter2'\r\n").display().to_string();
        let quoted_file = format!("\"{file}\"");
        let real =
            BTreeMap::from([("A", "\"sk-hunter2\""), ("B", "''"), ("C", "\u{feff}a\"b"), ("F_FILE", &*quoted_file)]);
        let vars = vars(&real, "D='\"x\"'");
        assert_eq!(value(&vars, "A").as_deref(), Some("sk-hunter2"));
        assert_eq!(value(&vars, "A").as_deref(), Some("sk-hunter2"), "told once");
        assert_eq!(value(&vars, "B"), None);
        assert_eq!(value(&vars, "C").as_deref(), Some("a\"b"));
        assert_eq!(value(&vars, "D").as_deref(), Some("\"x\""), "who writes two pairs into .env means one of them");
        assert_eq!(value(&vars, "F").as_deref(), Some("sk-hunter2"));
        let told: Vec<String> = vars.into_files().1.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|line| line.contains("warning: ") && line.contains(quotes::FOUND)), "{told:?}");
        assert!(!format!("{told:?}").contains("hunter2"));
    }

    #[test]
    fn both_forms_in_one_place_are_a_mistake() {
        let real = BTreeMap::new();
        let vars = vars(&real, "K=a\nK_FILE=b");
        assert!(vars.get("K").is_some());
        let (_, findings) = vars.into_files();
        assert!(findings.first().unwrap().found.contains("both K and K_FILE"));
    }
}
