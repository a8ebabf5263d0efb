//! The official SDKs, and an upstream that is not ours, against the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod dialects;
mod installed;
mod katan;
mod sdks;

use installed::installed;
