//! What must hold of any bytes at all: events or an error, never a panic, a hang or memory beyond the bound, and the
//! same for every cut of the bytes into pieces.
//!
//! Each module judges one kind of input, and panics where a promise is broken; `fuzz_targets/` hands them their bytes.

// The runtime that instrumented code calls, for `seeds` too, which is no target.
use libfuzzer_sys as _;

pub mod answer;
pub mod frames;
pub mod heard;
pub mod message;
pub mod pieces;
pub mod request;
pub mod stream;
pub mod watch;

/// The plain readings of the tests, and the recordings.
#[allow(dead_code, clippy::len_without_is_empty, clippy::should_implement_trait)]
#[path = "../../dialects/tests/support/mod.rs"]
pub mod support;

use std::sync::Arc;

use dialects::translate::Context;
use support::memory::Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a client asked for: whatever changes what is written for it is on.
pub fn context(array: bool) -> Context {
    Context {
        model: "public".into(),
        request_id: "r1".into(),
        include_usage: true,
        created: 7,
        array,
        free_form: Arc::new(["patch".into()].into()),
    }
}
