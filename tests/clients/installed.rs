//! The official SDKs, installed into the build folder by `setup`, pinned; for every test that runs them.
//!
//! Where that cannot be done (no python3, no node, no registry) the tests say so and skip, unless `CI=true`: there they
//! must run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with `venv/` and `node_modules/`. `None`: it could not be made, which was said.
pub fn installed() -> Option<&'static PathBuf> {
    static DIR: OnceLock<Option<PathBuf>> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/setup");
        let output = Command::new(setup).arg(&dir).output();
        let reason = match output {
            Ok(output) if output.status.success() => return Some(dir),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the clients cannot be installed: {reason}");
        println!("skipped: the clients cannot be installed here: {reason}");
        None
    })
    .as_ref()
}
