//! What the supervisor needs of the HTTP side: the demo upstream, TLS that follows its files, the count of reloads.

use std::io;
use std::sync::{Mutex, PoisonError};

use actors::supervisor::{Demo, House};
use config::{Config, ProviderId};

use crate::demo::{self, DemoHandle};
use crate::metrics;
use crate::tls::Tls;

#[derive(Default)]
pub struct Services {
    demo: Mutex<Option<DemoHandle>>,
    tls: Mutex<Option<Tls>>,
}

impl Services {
    /// TLS that is to be taken up again when its files change.
    pub fn follow(&self, tls: Tls) {
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }
}

impl Services {
    /// Ends what was started beside the application.
    pub async fn stop(&self) {
        let demo = self.demo.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(demo) = demo {
            demo.stop().await;
        }
    }
}

impl House for Services {
    fn demo(&self, settings: &config::Demo) -> io::Result<Demo> {
        let mut kept = self.demo.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match kept.take() {
            Some(running) => running,
            None => demo::start(*settings)?,
        };
        let reached = Demo { address: running.addr, secret: running.secret.clone(), models: demo::models() };
        *kept = Some(running);
        Ok(reached)
    }

    fn reloaded(&self, config: Option<&Config>) {
        let demo = config.into_iter().flat_map(|config| &config.providers).find(|one| one.kind == config::Kind::Demo);
        if let Some(demo) = demo
            && let Some(running) = &*self.demo.lock().unwrap_or_else(PoisonError::into_inner)
        {
            running.configure(demo.demo);
        }
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = tls.as_mut() {
            // A renewed certificate is taken up even where the rest of the configuration is refused.
            let taken_up = match config.and_then(|config| config.tls.as_ref()) {
                Some(files) => tls.reload_from(files),
                None => tls.reload(),
            };
            if let Err(error) = taken_up {
                log::error!("TLS: {error}; the certificate before it goes on serving");
            }
        }
        // At last: who counts reloads may rely on what they brought.
        metrics::reloaded(config.is_some());
    }

    fn died(&self, _: &ProviderId) {
        // The supervisor has logged it; the request that it cost is in the metrics with its status.
    }
}
