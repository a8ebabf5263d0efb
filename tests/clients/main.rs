//! The official SDKs, and an upstream that is not ours, against the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod captured;
mod dialects;
mod installed;
mod katan;
mod process;
mod recorded;
mod schemas;
mod sdks;
/// A plain reading of answers, which the translation itself is measured by.
#[allow(dead_code)]
#[path = "../../dialects/tests/support/mod.rs"]
mod support;

use installed::installed;
