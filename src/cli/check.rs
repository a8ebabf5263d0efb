//! `ai-proxy check`: every mistake of a configuration at once, and that what it names can be put to use.

use actors::supervisor;
use config::{Config, ProcessEnvironment, Sources};

use super::nothing::Nothing;
use super::{Exit, out};
use crate::tls::Tls;

pub fn run(sources: &Sources) -> Exit {
    match config::load(sources, &ProcessEnvironment) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                out::complain(warning);
            }
            let unfit = unfit(&loaded.config);
            if !unfit.is_empty() {
                unfit.iter().for_each(out::complain);
                return super::tell_count(unfit.len());
            }
            let (providers, models) = (loaded.config.providers.len(), loaded.config.models.len());
            let files = [&loaded.located.yaml, &loaded.located.env_file];
            let read: Vec<String> = files.into_iter().flatten().map(|file| file.display().to_string()).collect();
            let read = if read.is_empty() {
                "no files, only the environment and defaults".to_owned()
            } else {
                read.join(", ")
            };
            out::say(format_args!("ok: {providers} providers, {models} models ({read})"), Exit::Ok)
        }
        Err(findings) => super::tell_findings(&findings),
    }
}

/// What only shows when it is set up: certificates, keys, CA files. `serve` would refuse it.
fn unfit(config: &Config) -> Vec<String> {
    let tls = config.tls.as_ref().and_then(|files| Tls::load(files).err()).map(|error| format!("TLS: {error}"));
    let providers = supervisor::build(config, &[], &Nothing).err().map(|error| error.to_string());
    tls.into_iter().chain(providers).collect()
}
