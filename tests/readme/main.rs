//! README.md keeps its word: its commands run, its examples are right, its tables are complete.
//!
//! What a block is shows at its fence: `sh` is run, `yaml` and `dotenv` are checked, `python` and `js` are run with the
//! official SDKs, `text` is held against what the binary says; `sh host`, `sh docker` and `sh podman` are run on real
//! engines by tests/installer/test_readme.sh. A block of another kind is a mistake.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod blocks;
mod commands;
mod examples;
#[path = "../clients/installed.rs"]
mod installed;
mod tables;

use std::path::Path;

use upstream::harness::{Plan, Proxy};

/// The binary on the demo provider, as the README's reader has it, with known tokens.
async fn demo() -> Proxy {
    Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), "").env("LOG_FORMAT", "text").start().await
}

/// A file of the project.
fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The README's address and placeholders, as this proxy has them.
fn made_real(text: &str, proxy: &Proxy) -> String {
    text.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", proxy.port))
        .replace("YOUR-CLIENT-TOKEN", upstream::harness::TOKEN)
}
