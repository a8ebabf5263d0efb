//! The house of a command that only looks: nothing is started in it.

use std::io;
use std::net::SocketAddr;

use actors::supervisor::{Demo, House};
use config::{Config, ProviderId, Secret};

pub struct Nothing;

impl House for Nothing {
    fn demo(&self, _: &config::Demo) -> io::Result<Demo> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Demo { address, secret: Secret::new("none"), models: &[] })
    }

    fn reloaded(&self, _: Option<&Config>) {}

    fn died(&self, _: &ProviderId) {}
}
