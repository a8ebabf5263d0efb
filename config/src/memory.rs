//! How much memory this process may take: the limit of its container, or of whatever control group it runs in.

use std::fs;
use std::path::Path;

use crate::{BUFFER_BUDGET, Server, quantity};

/// What version 1 says where there is no limit is more than any machine has.
const NO_LIMIT: u64 = 1 << 60;

/// None: no limit is known.
pub(crate) fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

/// The lowest of a group's and those above it. Within a container the group is the root, or a path that is not there.
fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // Version 2 has one tree and names no controllers, version 1 a tree for each.
        let (tree, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            some if some.split(',').any(|one| one == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        let group = tree.join(path.trim_start_matches('/'));
        group
            .ancestors()
            .take_while(|above| above.starts_with(&tree))
            .filter_map(|above| read(&above.join(file)))
            .collect()
    });
    limits.min()
}

fn read(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok().filter(|limit| *limit < NO_LIMIT)
}

impl Server {
    /// What the memory limit means for what is held for requests, where that is worth a line at the start.
    pub fn memory_note(&self) -> Option<String> {
        let limit = self.memory_limit?;
        let (budget, told) = (quantity::told(self.buffer_budget), quantity::told(limit));
        if self.buffer_budget > limit / 2 {
            return Some(format!(
                "buffer_budget is {budget}, more than half of the {told} of memory that this process may take: \
                 many large requests at one time may end it; lower it, or raise the limit"
            ));
        }
        let is_lowered = self.buffer_budget < BUFFER_BUDGET && self.buffer_budget == limit / 2;
        is_lowered.then(|| {
            format!(
                "buffer_budget is {budget}, half of the {told} of memory that this process may take, unless it is set"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::Setup;
    use crate::{Environment, Sources};

    struct Limited(BTreeMap<String, String>, u64);

    impl Environment for Limited {
        fn var(&self, name: &str) -> Option<String> {
            self.0.var(name)
        }

        fn memory_limit(&self) -> Option<u64> {
            Some(self.1)
        }
    }

    #[test]
    fn without_a_budget_of_its_own_it_is_half_of_what_there_is() {
        let server = |text: &str, limit: u64| {
            let setup = Setup::yaml(text);
            let dir = setup.folder.path().display().to_string();
            let env = Limited(BTreeMap::from([("AI_PROXY_CONFIG_DIR".to_owned(), dir)]), limit);
            crate::load(&Sources::default(), &env).unwrap().config.server
        };
        for (text, limit, budget, noted) in [
            ("{}", 2 << 30, 1 << 30, None),
            ("{}", 8 << 30, 1 << 30, None),
            ("{}", 512 << 20, 256 << 20, Some("buffer_budget is 256MiB, half of")),
            ("{}", 40 << 20, 32 << 20, Some("more than half")),
            ("server: {buffer_budget: 1GiB}", 1 << 30, 1 << 30, Some("more than half of the 1GiB")),
            ("server: {buffer_budget: 64MiB}", 1 << 30, 64 << 20, None),
        ] {
            let server = server(text, limit);
            assert_eq!(server.buffer_budget, budget, "{text} {limit}");
            let note = server.memory_note();
            assert_eq!(note.is_some(), noted.is_some(), "{note:?}");
            assert!(noted.is_none_or(|noted| note.as_deref().unwrap().contains(noted)), "{note:?}");
        }
        assert_eq!(Setup::yaml("{}").config().server.memory_limit, None);
    }

    #[test]
    fn the_lowest_limit_of_the_group_and_those_above_it_counts() {
        let root = std::env::temp_dir().join(format!("ai-proxy-memory-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "536870912\n");
        write("memory/x/memory.limit_in_bytes", "1048576\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit_of("0::/a/b\n", &root), Some(512 << 20));
        assert_eq!(limit_of("0::/elsewhere\n", &root), None);
        assert_eq!(limit_of("4:cpu,memory:/x\n1:name=systemd:/a\n", &root), Some(1 << 20));
        assert_eq!(limit_of("4:memory:/\n0::/\n", &root), None);
        write("memory.max", "268435456\n");
        assert_eq!(limit_of("0::/\n", &root), Some(256 << 20), "as a container sees it");
        assert_eq!(limit_of("0::/a/b\n", &root), Some(256 << 20));
        fs::remove_dir_all(root).unwrap();
    }
}
