#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const NOW: Moment = Moment(1_754_434_830_500);
const LATER: u64 = NOW.0 + 3_600_000;

/// A folder of its own that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT_ONE: AtomicU32 = AtomicU32::new(0);
        let number = NEXT_ONE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ai-proxy-state-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }

    fn opened(&self) -> StateFile {
        let (state, warnings) = StateFile::open(&self.0);
        assert!(warnings.is_empty(), "{warnings:?}");
        state
    }

    fn loaded(&self, text: &str) -> (Vec<DayCount>, Vec<String>) {
        std::fs::write(self.file(), text).unwrap();
        let (counts, warnings) = self.opened().load(NOW);
        (counts, warnings.iter().map(ToString::to_string).collect())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn count(provider: &str, model: Option<&str>) -> DayCount {
    DayCount {
        provider: provider.into(),
        fingerprint: 0x00ab_cdef_0123_4567,
        model: model.map(Into::into),
        requests: 12,
        tokens: 3_456,
        resets_at_ms: LATER,
    }
}

#[test]
fn what_was_saved_is_loaded_and_nobody_else_may_read_it() {
    let folder = Folder::new();
    let state = folder.opened();
    assert!(state.load(NOW).0.is_empty(), "a first start has nothing to warn of");
    let counts = [count("groq", None), count("groq", Some("llama/3.3:70b \"x\""))];
    state.save(&counts).unwrap();
    state.save(&counts).unwrap();
    let (loaded, warnings) = state.load(NOW);
    assert_eq!(loaded, counts);
    assert!(warnings.is_empty());
    for name in [FILE, LOCK] {
        let mode = std::fs::metadata(folder.0.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    assert!(!folder.0.join(NEXT).exists());
}

#[test]
fn a_missing_folder_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let deep = folder.0.join("a/b");
    let (state, warnings) = StateFile::open(&deep);
    assert!(warnings.is_empty());
    state.save(&[]).unwrap();
    assert_eq!(std::fs::metadata(&deep).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[test]
fn one_process_writes_and_the_next_takes_over_when_it_ends() {
    let folder = Folder::new();
    let first = folder.opened();
    first.save(&[count("groq", None)]).unwrap();
    let (mut second, warnings) = StateFile::open(&folder.0);
    assert!(warnings[0].to_string().contains("another process"), "{warnings:?}");
    assert!(!second.is_held());
    assert_eq!(second.save(&[]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(second.load(NOW).0.len(), 1, "reading needs no lock");
    assert!(!second.try_hold());
    drop(first);
    assert!(second.try_hold());
    assert!(!second.try_hold(), "news only once");
    second.save(&[]).unwrap();
    assert!(second.load(NOW).0.is_empty());
}

#[test]
fn the_file_is_replaced_whole() {
    let folder = Folder::new();
    let state = folder.opened();
    state.save(&[count("one", None)]).unwrap();
    let reader = File::open(folder.file()).unwrap();
    let before = std::fs::metadata(folder.file()).unwrap().ino();
    // What a crash left behind does not stop it, nor does its mode survive.
    std::fs::write(folder.0.join(NEXT), "half").unwrap();
    std::fs::set_permissions(folder.0.join(NEXT), PermissionsExt::from_mode(0o666)).unwrap();
    state.save(&[count("two", None)]).unwrap();
    let after = std::fs::metadata(folder.file()).unwrap();
    assert_ne!(before, after.ino());
    assert_eq!(after.mode() & 0o7777, 0o600);
    let mut text = String::new();
    (&reader).read_to_string(&mut text).unwrap();
    assert!(text.contains("one"), "who had it open still reads the old one, whole");
}

#[test]
fn links_are_refused_wherever_they_are() {
    let folder = Folder::new();
    let victim = folder.0.join("victim");
    std::fs::write(&victim, "precious").unwrap();
    symlink(&victim, folder.file()).unwrap();
    let state = folder.opened();
    let (counts, warnings) = state.load(NOW);
    assert!(counts.is_empty() && warnings[0].to_string().contains("symbolic link"), "{warnings:?}");
    assert!(state.save(&[]).is_err());
    assert!(std::fs::symlink_metadata(folder.file()).unwrap().is_symlink());
    std::fs::remove_file(folder.file()).unwrap();
    // In the place of the new file it is removed, not followed.
    symlink(&victim, folder.0.join(NEXT)).unwrap();
    state.save(&[]).unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    drop(state);
    std::fs::remove_file(folder.0.join(LOCK)).unwrap();
    symlink(&victim, folder.0.join(LOCK)).unwrap();
    let (state, warnings) = StateFile::open(&folder.0);
    assert!(warnings[0].to_string().contains("symbolic link"), "{warnings:?}");
    assert!(!state.is_held());
}

#[test]
fn what_is_no_file_does_not_block() {
    let folder = Folder::new();
    std::fs::create_dir(folder.file()).unwrap();
    let state = folder.opened();
    assert_eq!(state.load(NOW).1.len(), 1);
    assert!(state.save(&[]).is_err());
    std::fs::remove_dir(folder.file()).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, folder.file(), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert_eq!(state.load(NOW).1.len(), 1, "a pipe that nobody writes to");
}

#[test]
fn a_place_that_cannot_be_written_is_a_warning() {
    let folder = Folder::new();
    let in_the_way = folder.0.join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let (mut state, warnings) = StateFile::open(&in_the_way.join("state"));
    assert_eq!(warnings.len(), 1);
    assert!(!state.try_hold());
    assert!(state.load(NOW).0.is_empty());
    assert!(state.save(&[]).is_err());
}

#[test]
fn broken_files_cost_their_content_and_a_warning_that_shows_none_of_it() {
    let folder = Folder::new();
    for text in [
        "",
        "{",
        "null",
        "[]",
        "secret-word",
        r#"{"version":1}"#,
        r#"{"version":2,"days":[]}"#,
        r#"{"version":1,"days":{"secret-word":1}}"#,
        &"[".repeat(100_000),
    ] {
        let (counts, warnings) = folder.loaded(text);
        assert!(counts.is_empty());
        assert_eq!(warnings.len(), 1, "{text:.30}");
        assert!(!warnings[0].contains("secret-word"), "{warnings:?}");
    }
    let (_, warnings) = folder.loaded(&" ".repeat(5 * 1024 * 1024));
    assert!(warnings[0].contains("larger"), "{warnings:?}");
}

#[test]
fn entries_are_judged_one_by_one() {
    let folder = Folder::new();
    let good = format!(
        r#"{{"provider":"groq","key":"00abcdef01234567","requests":12,"tokens":3456,"resets_at_ms":{LATER},"later":"more"}}"#
    );
    let over = good.replace(&LATER.to_string(), &(NOW.0 - 1).to_string());
    let now = good.replace(&LATER.to_string(), &NOW.0.to_string());
    let (counts, warnings) = folder.loaded(&format!(r#"{{"version":1,"days":[{good},{over},{now}],"more":1}}"#));
    assert_eq!(counts, [count("groq", None)]);
    assert!(warnings.is_empty(), "a day that is over is nothing to complain of: {warnings:?}");
    let bad = [
        good.replace(":12,", ":-12,"),
        good.replace(":12,", ":1e400,"),
        good.replace(":12,", ":\"12\","),
        good.replace(":3456,", ":3.5,"),
        good.replace("00abcdef01234567", "abcdef01234567"),
        good.replace("00abcdef01234567", "+0abcdef01234567"),
        good.replace("00abcdef01234567", "00abcdef0123456é"),
        good.replace("groq", ""),
        good.replace("groq", &"g".repeat(513)),
        good.replace("\"provider\"", "\"vendor\""),
        good.replace(&LATER.to_string(), &(NOW.0 + 27 * 3_600_000).to_string()),
        good.replace(&LATER.to_string(), &u64::MAX.to_string()),
        "7".into(),
    ];
    // Too large for any number is an error of the whole text, not of an entry.
    for (number, bad) in bad.iter().enumerate().filter(|(number, _)| *number != 1) {
        let (counts, warnings) = folder.loaded(&format!(r#"{{"version":1,"days":[{bad},{good}]}}"#));
        assert_eq!(counts.len(), 1, "{number}: {bad:.200}");
        assert!(warnings[0].contains("1 entries"), "{number}: {warnings:?}");
    }
    assert_eq!(folder.loaded(&format!(r#"{{"version":1,"days":[{}]}}"#, bad[1])).1.len(), 1);
}

#[test]
fn the_number_of_entries_is_bounded_both_ways() {
    let folder = Folder::new();
    let state = folder.opened();
    state.save(&vec![count("groq", Some("m")); 10_050]).unwrap();
    assert_eq!(state.load(NOW).0.len(), 10_000);
    state.save(&[count(&"n".repeat(513), None), count("groq", None)]).unwrap();
    assert_eq!(state.load(NOW).0, [count("groq", None)]);
}
