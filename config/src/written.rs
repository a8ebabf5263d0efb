//! What stood in the two files, as far as it tells one that was cut off from one that was changed.
//!
//! Nobody can tell what was meant to follow, but a cut has marks: the file ends at a key with nothing under it, in the
//! middle of a line, or within an entry, while all that had followed is gone. Always: what somebody took out on purpose,
//! with the rest of the file behind it still there, is a change. Debug shows no line, for each may hold a secret.

use std::collections::BTreeSet;
use std::fmt;

use crate::reader::joined;
use crate::tree::{Node, Value};
use crate::{ProviderId, catalogue};

/// A file of the configuration that was read.
#[derive(Clone, Default)]
pub struct Written {
    /// The keys of the YAML in the order of the file.
    keys: Vec<Path>,
    /// Those with nothing behind them.
    hollow: BTreeSet<Path>,
    files: Vec<Lines>,
}

/// `providers`, `groq`, `limits`.
type Path = Vec<String>;

/// The lines of a file.
#[derive(Clone)]
struct Lines {
    name: &'static str,
    lines: BTreeSet<String>,
    /// The last one, where no line end follows it.
    unfinished: Option<String>,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").finish_non_exhaustive()
    }
}

impl Written {
    pub(crate) fn add_file(&mut self, name: &'static str, text: &str) {
        let unfinished = text.lines().last().filter(|_| !text.ends_with('\n')).map(str::to_owned);
        self.files.push(Lines { name, lines: text.lines().map(str::to_owned).collect(), unfinished });
    }

    pub(crate) fn add_keys(&mut self, root: &Node) {
        self.add(&[], root);
    }

    fn add(&mut self, above: &[String], node: &Node) {
        let Value::Map(pairs) = &node.value else { return };
        for (key, node) in pairs {
            let path = [above, std::slice::from_ref(&key.text)].concat();
            self.keys.push(path.clone());
            if matches!(node.value, Value::Null) {
                self.hollow.insert(path.clone());
            }
            self.add(&path, node);
        }
    }

    /// The mark of a cut in what came after `old`: what is told of it. `on`: the providers that take part and did not
    /// before; `all`: those that take part.
    pub fn cut_off(&self, old: &Self, on: &[&ProviderId], all: &[&ProviderId]) -> Option<String> {
        if let Some(path) = self.emptied(old) {
            let key = path.last().map_or("", String::as_str);
            return Some(format!(
                "nothing stands under `{}:` any more, as where a file is cut off; put it back, take `{}:` out too, or \
                 restart",
                told(path),
                joined("", key),
            ));
        }
        if let Some(name) = self.broken_line(old) {
            return Some(format!(
                "the last line of {name} is only the beginning of what it was, and nothing ends it, as where a file is \
                 cut off; write all of it, or restart"
            ));
        }
        let end = self.end(old)?;
        let gone = old.keys.get(end + 1..).unwrap_or_default();
        if let Some(path) = gone.iter().find(|path| is_switch(path, on)) {
            return Some(format!(
                "provider-config.yaml ends before `{}`, as where it is cut off, and what was switched off there would be \
                 on; put it back, write `enabled: true`, or restart",
                told(path)
            ));
        }
        let path = old.keys.get(end).and_then(|last| cut_entry(last, gone, all))?;
        Some(format!(
            "provider-config.yaml ends before `{}` and all that stood behind it, as where it is cut off; put it back, or \
             restart",
            told(path)
        ))
    }

    /// A key that had something under it and has nothing now: at the top wherever it stands, below only as the last of the
    /// file, for what was taken out on purpose seldom stands there.
    fn emptied(&self, old: &Self) -> Option<&Path> {
        let before: BTreeSet<&Path> = old.keys.iter().collect();
        let is_emptied = |path: &&Path| before.contains(path) && !old.hollow.contains(*path);
        let last = self.keys.last().filter(|last| self.hollow.contains(*last));
        self.hollow.iter().filter(|path| path.len() == 1).chain(last).find(is_emptied)
    }

    /// A file whose last line has no end, as none had before, and is the beginning of one that is gone.
    fn broken_line(&self, old: &Self) -> Option<&'static str> {
        let is_broken = |new: &&Lines| {
            let (Some(line), Some(old)) = (&new.unfinished, old.files.iter().find(|old| old.name == new.name)) else {
                return false;
            };
            let begins = old.lines.range(line.clone()..).next().is_some_and(|one| one != line && one.starts_with(line));
            old.unfinished.is_none() && !line.trim().is_empty() && begins
        };
        self.files.iter().find(is_broken).map(|file| file.name)
    }

    /// Where in `old` this ends, if nothing in it stood behind there.
    fn end(&self, old: &Self) -> Option<usize> {
        let kept: BTreeSet<&Path> = self.keys.iter().collect();
        let end = old.keys.iter().rposition(|path| kept.contains(path))?;
        (old.keys.get(end) == self.keys.last()).then_some(end)
    }
}

/// Whether it says of one of these providers, by whatever name, whether it takes part.
fn is_switch(path: &Path, on: &[&ProviderId]) -> bool {
    let [section, name, key] = path.as_slice() else { return false };
    let known = catalogue::by_alias(name).map(|known| known.name.as_str());
    section == "providers" && key == "enabled" && on.iter().any(|id| id.as_str() == name || Some(id.as_str()) == known)
}

/// A setting or a limit of the provider that `last` stands in, where what is `gone` is more than the rest of its entry.
fn cut_entry<'a>(last: &Path, gone: &'a [Path], all: &[&ProviderId]) -> Option<&'a Path> {
    let [section, name, ..] = last.as_slice() else { return None };
    let is_within = |path: &&Path| path.starts_with(&[section.clone(), name.clone()]);
    let is_setting =
        |path: &&Path| path.len() == 3 || path.len() == 4 && path.get(2).is_some_and(|key| key == "limits");
    let takes_part = section == "providers" && all.iter().any(|id| id.as_str() == name);
    gone.iter()
        .find(|path| is_within(path) && is_setting(path))
        .filter(|_| takes_part && gone.iter().any(|path| !is_within(&path)))
}

/// `providers.groq.limits`.
fn told(path: &[String]) -> String {
    path.iter().fold(String::new(), |above, key| joined(&above, key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::testing::Setup;

    const WHOLE: &str = "\
providers:
  local:
    kind: openai
    api_key: none
    base_url: http://127.0.0.1:46063
  openai:
    models: [gpt-5]
    enabled: false
  groq:
    api_key: gsk-hunter2
    limits:
      requests_per_minute: 30
      requests_per_day: 14400
    max_in_flight: 8
server:
  trusted_proxies:
    - 192.168.1.10
";

    /// What is told of `new` behind `old`.
    fn told(old: &str, new: &str) -> String {
        let [old, new] = [old, new].map(|text| Setup::yaml(text).var("OPENAI_API_KEY", "sk-hunter2").load().unwrap());
        let ids = |loaded: &crate::Loaded| -> Vec<crate::ProviderId> {
            loaded.config.providers.iter().map(|provider| provider.id.clone()).collect()
        };
        let (before, all) = (ids(&old), ids(&new));
        let on: Vec<_> = all.iter().filter(|id| !before.contains(id)).collect();
        new.written.cut_off(&old.written, &on, &all.iter().collect::<Vec<_>>()).unwrap_or_default()
    }

    fn until(mark: &str) -> &'static str {
        WHOLE.split_once(mark).unwrap().0
    }

    #[test]
    fn a_cut_is_seen_by_where_the_file_ends() {
        for (end, what) in [
            ("      requests_per_minute", "`providers.groq.limits:`"),
            ("      requests_per_day", "`providers.groq.limits.requests_per_day`"),
            ("    max_in_flight", "`providers.groq.max_in_flight`"),
            // Its key alone would enable it.
            ("  openai", "`providers.openai.enabled`"),
            ("    models", "`providers.openai:`"),
            (" [gpt-5]", "`providers.openai.models:`"),
            ("    enabled", "`providers.openai.enabled`"),
            ("063\n  openai", "the last line of provider-config.yaml"),
            (":46063\n  openai", "the last line of provider-config.yaml"),
            ("  trusted", "`server:`"),
            ("    - 192", "`server.trusted_proxies:`"),
            ("0\n\u{0}", "the last line of provider-config.yaml"),
        ] {
            let whole = format!("{WHOLE}\u{0}");
            let told = told(WHOLE, whole.split_once(end).unwrap().0);
            assert!(told.contains(what) && told.contains("cut off") && !told.contains("hunter2"), "{end}: {told}");
        }
        let env = |text: &str| Setup::bare().dotenv(text).load().unwrap().written;
        let told = env("A=1\nPORT=80").cut_off(&env("A=1\nPORT=8080\n"), &[], &[]).unwrap();
        assert!(told.contains("the last line of .env"), "{told}");
    }

    #[test]
    fn what_was_changed_on_purpose_is_none() {
        for (from, to) in [
            ("    enabled: false\n", ""),
            ("    enabled: false\n", "    enabled: true\n"),
            ("    limits:\n      requests_per_minute: 30\n      requests_per_day: 14400\n", ""),
            ("      requests_per_minute: 30\n      requests_per_day: 14400\n", "      # none\n"),
            ("    models: [gpt-5]\n", "    models:\n"),
            (":46063", ":460"),
            ("    base_url: http://127.0.0.1:46063\n", "    base_url: http://127.0.0.1:460\n"),
            (".10\n", ".1\n"),
        ] {
            assert_eq!(told(WHOLE, &WHOLE.replace(from, to)), "", "{from:?} to {to:?}");
        }
        let (head, server) = WHOLE.split_at(until("server:").len());
        for (old, new) in [
            // Of the last entry: what follows it is all there.
            (head, until("  groq:")),
            (head, until("    max_in_flight")),
            (head, until("    limits")),
            (until("  groq:"), &format!("{}    enabled: true\n", until("    enabled: false"))),
            (WHOLE, head),
            (WHOLE, server),
            (WHOLE, WHOLE.trim_end()),
            // Something new at the end.
            (WHOLE, &format!("{}    timeouts: {{ connect: 1s }}\n", until("    limits"))),
            (WHOLE, &format!("{}  anthropic:\n    api_key: sk-ant-hunter2\n", until("    limits"))),
            (WHOLE.trim_end(), WHOLE.trim_end().trim_end_matches('0')),
        ] {
            assert_eq!(told(old, new), "", "{new}");
        }
    }
}
