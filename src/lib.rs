//! The HTTP face of ai-proxy: an actix-web application over the provider actors. Knows no HTTP client.
//!
//! A request's way: [`routes`] takes it apart, [`auth`] and [`body`] let it in, [`gateway`] finds an answer,
//! [`reply`] and [`relay`] hand it back, [`entry`] books it.

pub mod app;
mod auth;
mod body;
pub mod cli;
mod connections;
mod demo;
mod drain;
mod entry;
mod gateway;
pub mod house;
mod listen;
pub mod log;
mod metrics;
mod no_cors;
mod nofile;
mod operator;
mod orphans;
mod percent;
mod record;
mod relay;
mod reply;
mod routes;
mod running;
mod serve;
mod signs;
mod snapshot;
mod tls;
mod upload;
mod waits;
mod word;
