//! Where the two files are. The search order is the same for both and for every command:
//! what the command line names, then `$AI_PROXY_CONFIG_DIR`, then `/app/config` if it exists
//! (the container), then `./ai-proxy-config`.

use std::path::{Path, PathBuf};

use crate::Environment;

pub(crate) const YAML_NAME: &str = "provider-config.yaml";
pub(crate) const ENV_NAME: &str = ".env";

/// What the command line said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// `--config`: the YAML file.
    pub config: Option<PathBuf>,
    /// `--env-file`: the file of secrets and process settings.
    pub env_file: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The configuration directory, there or not: relative paths in the YAML start here.
    pub dir: PathBuf,
    /// None: there is none, which is fine. A file named on the command line is kept even if it is missing.
    pub yaml: Option<PathBuf>,
    /// As `yaml`.
    pub env_file: Option<PathBuf>,
}

/// Finds the files; reads none of them.
pub fn locate(sources: &Sources, env: &dyn Environment) -> Located {
    locate_among(sources, env, Path::new("/app/config"), Path::new("ai-proxy-config"))
}

fn locate_among(sources: &Sources, env: &dyn Environment, container: &Path, local: &Path) -> Located {
    let dir = if let Some(parent) = sources.config.as_deref().and_then(Path::parent) {
        // `--config file.yaml` has an empty parent: the working directory.
        if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() }
    } else if let Some(dir) = env.var("AI_PROXY_CONFIG_DIR").filter(|dir| !dir.is_empty()) {
        dir.into()
    } else if container.is_dir() {
        container.to_owned()
    } else {
        local.to_owned()
    };
    let in_dir = |name: &str| Some(dir.join(name)).filter(|file| file.exists());
    Located {
        yaml: sources.config.clone().or_else(|| in_dir(YAML_NAME)),
        env_file: sources.env_file.clone().or_else(|| in_dir(ENV_NAME)),
        dir,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::Folder;
    use std::collections::BTreeMap;

    #[test]
    fn the_command_line_then_the_variable_then_the_container_then_here() {
        let (named, var, container, local) = (Folder::new(), Folder::new(), Folder::new(), Folder::new());
        for folder in [&named, &var, &container, &local] {
            folder.write(YAML_NAME, "");
            folder.write(ENV_NAME, "");
        }
        let mut env = BTreeMap::from([("AI_PROXY_CONFIG_DIR".to_owned(), var.path().display().to_string())]);
        let mut sources = Sources { config: Some(named.path().join("own.yaml")), env_file: None };
        let go = |sources: &Sources, env: &BTreeMap<String, String>, container: &Path| {
            locate_among(sources, env, container, local.path())
        };

        let found = go(&sources, &env, container.path());
        assert_eq!(found.yaml, sources.config, "kept though it is not there: loading says so");
        assert_eq!(found.env_file, Some(named.path().join(ENV_NAME)), "beside the named file");
        sources.config = None;
        assert_eq!(go(&sources, &env, container.path()).yaml, Some(var.path().join(YAML_NAME)));
        env.clear();
        assert_eq!(go(&sources, &env, container.path()).dir, container.path());
        assert_eq!(go(&sources, &env, Path::new("/nowhere/at/all")).dir, local.path());
        sources.env_file = Some("other.env".into());
        assert_eq!(go(&sources, &env, container.path()).env_file, Some("other.env".into()));
        std::fs::remove_file(local.path().join(YAML_NAME)).unwrap();
        assert_eq!(go(&sources, &env, Path::new("/nowhere/at/all")).yaml, None);
    }
}
