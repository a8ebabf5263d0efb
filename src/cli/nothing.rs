//! The house of a command that only looks: nothing is started in it.

use std::io;
use std::net::SocketAddr;

use actors::supervisor::House;
use config::{Config, ProviderId, Secret};

pub struct Nothing;

impl House for Nothing {
    fn demo(&self, _: &config::Demo) -> io::Result<(SocketAddr, Secret)> {
        Ok((SocketAddr::from(([127, 0, 0, 1], 0)), Secret::new("none")))
    }

    fn reloaded(&self, _: Option<&Config>) {}

    fn died(&self, _: &ProviderId) {}
}
