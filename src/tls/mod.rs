//! HTTPS: the certificate, its key and the client CA, taken up again when their files change.
//!
//! The server keeps one [`rustls::ServerConfig`] for its whole life; what changes sits behind it in one [`Material`]
//! that handshakes read and a reload swaps. What always holds: connections that stand are not touched, a handshake
//! sees either all of the old or all of the new, a set of files that does not fit together changes nothing, and no
//! error shows a byte of a file's content.

mod client;
mod files;
mod sessions;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

pub use files::Error;

/// What the files hold, checked: it can serve.
struct Material {
    certificate: Arc<CertifiedKey>,
    /// None: clients need no certificate.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// The present material; shared by the server's config and whoever reloads.
#[derive(Clone)]
struct Current(Arc<ArcSwap<Material>>);

/// Neither certificate nor key is worth printing.
impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current(..)")
    }
}

/// The server's side of TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    files: Files,
    current: Current,
    config: rustls::ServerConfig,
}

/// Where the material is read from.
#[derive(Debug, Clone)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl From<&config::Tls> for Files {
    fn from(tls: &config::Tls) -> Self {
        Self { cert: tls.cert.clone(), key: tls.key.clone(), client_ca: tls.client_ca.clone() }
    }
}

impl Tls {
    /// Reads and checks the files, and builds the server's config on them.
    ///
    /// # Errors
    /// What is wrong with which file; see [`Error`].
    pub fn load(settings: &config::Tls) -> Result<Self, Error> {
        let files = Files::from(settings);
        // By hand: the process has no default provider, so that no dependency can choose one for it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let material = files::read(&files, &provider)?;
        let current = Current(Arc::new(ArcSwap::from_pointee(material)));
        let config = server_config(&current, provider)?;
        Ok(Self { files, current, config })
    }

    /// For the listener; every later [`Tls::reload`] acts on it.
    pub fn server_config(&self, http2: bool) -> rustls::ServerConfig {
        let mut config = self.config.clone();
        if http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        config
    }

    /// Reads the same files again; from then on handshakes use what they hold.
    ///
    /// # Errors
    /// As [`Tls::load`]; then nothing has changed.
    pub fn reload(&self) -> Result<(), Error> {
        self.swap(&self.files)
    }

    /// As [`Tls::reload`], from other files: a new configuration names them. A client CA may come or go.
    ///
    /// # Errors
    /// As [`Tls::load`]; then nothing has changed.
    pub fn reload_from(&mut self, settings: &config::Tls) -> Result<(), Error> {
        let files = Files::from(settings);
        self.swap(&files)?;
        self.files = files;
        Ok(())
    }

    fn swap(&self, files: &Files) -> Result<(), Error> {
        let material = files::read(files, self.config.crypto_provider())?;
        self.current.0.store(Arc::new(material));
        Ok(())
    }
}

fn server_config(current: &Current, provider: Arc<CryptoProvider>) -> Result<rustls::ServerConfig, Error> {
    let clients = client::Delegate::new(current.clone(), &provider);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Provider)?
        .with_client_cert_verifier(Arc::new(clients))
        .with_cert_resolver(Arc::new(current.clone()));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(sessions::Sessions::new(current.clone()));
    Ok(config)
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certificate))
    }
}
