//! The real binary over real sockets: what its clients, its upstreams and its operator see of it.
//!
//! Every test starts a proxy of its own on a free port, with upstreams that misbehave in one named way.
//! What holds after every one of them: nothing secret was said, and the proxy still serves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod arrays;
mod attempts;
mod auth;
mod bad_requests;
mod bedrock;
mod budget;
mod cli;
mod client_leaves;
mod cloud;
mod connections;
mod crossing;
mod cut_files;
mod dialects;
mod echoes;
mod fetching;
mod fetching_at_once;
mod fetching_bounds;
mod files;
mod health;
mod hedge;
mod held;
mod listing;
mod odd_requests;
mod operator;
#[cfg(debug_assertions)]
mod panics;
mod quotas;
mod reload;
mod reservations;
mod shutdown;
mod slow_requests;
mod streams;
mod tls;
mod told_waits;
mod unfetched;
mod uploads;
mod upstream_answers;
mod upstream_faults;
mod upstream_tls;
mod whose_fault;
mod why;

use upstream::harness::{Plan, Proxy};

/// The binary with this provider-config.yaml, not started yet.
fn plan(yaml: &str) -> Plan {
    Plan::new(env!("CARGO_BIN_EXE_ai-proxy"), yaml)
}

/// The binary, started.
async fn proxy(yaml: &str) -> Proxy {
    plan(yaml).start().await
}

/// A running proxy that does not try a second time: for tests about one attempt.
async fn proxy_without_retries(yaml: &str) -> Proxy {
    plan(yaml).env("RETRY_MAX_RETRIES", "0").start().await
}
