//! The settings that the sides run with, written into their folders.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::plan::Plan;
use crate::wire;

/// A program and its arguments.
type Invocation = (PathBuf, Vec<String>);

/// nginx, from the configuration in the tree.
pub(super) fn nginx(plan: &Plan, dir: &Path, port: u16, upstream_port: u16) -> io::Result<Invocation> {
    let text = fs::read_to_string(plan.tree.join("bench/nginx.conf"))?
        .replace("LISTEN_PORT", &port.to_string())
        .replace("UPSTREAM_PORT", &upstream_port.to_string())
        .replace("DIRECTORY", &dir.display().to_string());
    let file = dir.join("nginx.conf");
    fs::write(&file, text)?;
    let arguments = ["-p".into(), dir.display().to_string(), "-c".into()];
    let mut arguments = arguments.to_vec();
    arguments.push(file.display().to_string());
    Ok((PathBuf::from("nginx"), arguments))
}

/// The gateway, everything switched on and no limit in the way.
pub(super) fn proxy(
    plan: &Plan,
    dir: &Path,
    port: u16,
    upstream_port: u16,
    workers: usize,
    providers: usize,
) -> io::Result<Invocation> {
    let state = dir.join("state");
    fs::create_dir_all(&state)?;
    let env = dir.join("env");
    fs::write(
        &env,
        format!(
            "HOST=127.0.0.1\nPORT={port}\nWORKERS={workers}\nAUTH_TOKEN=bench:{}\n\
             RUST_LOG=info\nLOG_FORMAT=text\nSTATE_DIR={}\n",
            wire::TOKEN,
            state.display()
        ),
    )?;
    let config = dir.join("provider-config.yaml");
    fs::write(&config, yaml(upstream_port, providers))?;
    let arguments = ["serve", "--config", &config.display().to_string()]
        .into_iter()
        .chain(["--env-file", &env.display().to_string()])
        .map(str::to_owned)
        .collect();
    Ok((plan.proxy.clone(), arguments))
}

/// So many providers in front of the one upstream; the public model goes round
/// the first two.
fn yaml(upstream_port: u16, providers: usize) -> String {
    let mut yaml = String::from("providers:\n");
    for name in ["a", "b", "c"].iter().take(providers) {
        // Writing into a String cannot fail.
        let _infallible = write!(
            yaml,
            "  {name}:\n\
             \x20   kind: openai\n\
             \x20   base_url: http://127.0.0.1:{upstream_port}/v1\n\
             \x20   api_key: bench-key-of-{name}\n\
             \x20   max_in_flight: 10000\n\
             \x20   limits: {{ requests_per_minute: 100000000, requests_per_hour: 1000000000, \
             requests_per_day: 1000000000, tokens_per_minute: 100000000000, \
             tokens_per_day: 100000000000 }}\n\
             \x20   models: [{model}]\n",
            model = wire::UPSTREAM_MODEL,
        );
    }
    let _infallible = write!(
        yaml,
        "models:\n  {}:\n    strategy: round_robin\n    targets: [a/{m}, b/{m}]\n",
        wire::MODEL,
        m = wire::UPSTREAM_MODEL
    );
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_goes_round_two_of_the_providers() {
        let yaml = yaml(1234, 3);
        assert_eq!(yaml.matches("base_url: http://127.0.0.1:1234/v1").count(), 3);
        assert!(yaml.contains("targets: [a/bench-model, b/bench-model]"));
        assert!(yaml.lines().all(|line| !line.starts_with("   kind")));
    }
}
