//! `ai-proxy check`: every mistake of a configuration at once.

use config::{ProcessEnvironment, Sources};

use super::Exit;

pub fn run(sources: &Sources) -> Exit {
    match config::load(sources, &ProcessEnvironment) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                eprintln!("{warning}");
            }
            let (providers, models) = (loaded.config.providers.len(), loaded.config.models.len());
            let files = [&loaded.located.yaml, &loaded.located.env_file];
            let read: Vec<String> = files.into_iter().flatten().map(|file| file.display().to_string()).collect();
            let read = if read.is_empty() {
                "no files, only the environment and defaults".to_owned()
            } else {
                read.join(", ")
            };
            println!("ok: {providers} providers, {models} models ({read})");
            Exit::Ok
        }
        Err(findings) => super::tell_findings(&findings),
    }
}
