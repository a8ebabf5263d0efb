//! The upstream as a program: prints the port that it listens on and serves
//! until it is told to stop.
//!
//! `upstream [--port N]`: without a port the system chooses a free one.

use std::error::Error;
use std::io::Write as _;

use lexopt::prelude::*;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let mut port = 0u16;
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("port") => port = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        bench::upstream::serve(listener).await?;
        Ok(())
    })
}
