//! Whom an upstream connection trusts: Mozilla's roots from the binary, and what the operator adds.

mod verifier;

use std::io;
use std::path::Path;
use std::sync::Arc;

use config::{ClientCert, Content, Sha256};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use verifier::{AsItself, Pinned};

/// Many times a bundle of all roots that there are.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What stands in the file of `SSL_CERT_FILE`.
pub fn of_environment() -> Option<Content> {
    std::env::var_os("SSL_CERT_FILE").map(|file| config::look(Path::new(&file)))
}

/// A client configuration for one provider: whom it trusts, and what it shows.
///
/// # Errors
/// When a file cannot be read or used, in words that name it.
pub fn of_provider(provider: &config::Provider) -> io::Result<Arc<ClientConfig>> {
    let shows = provider.client_cert.as_ref();
    build(provider.ca_file.as_deref(), provider.cert_fingerprint, shows)
}

/// A client configuration for any other host; `ca_file` is a PEM file of certificates trusted beside the built-in ones.
/// `SSL_CERT_FILE`, the variable that OpenSSL-based tools read, is honoured in the same way.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn client_config(ca_file: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    build(ca_file, None, None)
}

fn build(ca_file: Option<&Path>, pin: Option<Sha256>, shows: Option<&ClientCert>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let mut known = Vec::new();
    let from_environment = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    for file in ca_file.into_iter().chain(from_environment.as_deref()) {
        let certificates = certificates(file)?;
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err(told(file, &"holds no certificate that can be used"));
        }
        if Some(file) == ca_file {
            known = certificates;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match pin {
        Some(fingerprint) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned { fingerprint, algorithms }))
        }
        None if known.is_empty() => builder.with_root_certificates(roots),
        None => {
            let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            let authorities = authorities.build().map_err(io::Error::other)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AsItself { authorities, known }))
        }
    };
    let mut config = match shows {
        None => builder.with_no_client_auth(),
        Some(ClientCert { cert, key }) => {
            let text = config::read_bytes(key, LARGEST).map_err(|error| told(key, &error))?;
            let private = PrivateKeyDer::from_pem_slice(&text).map_err(|error| told(key, &error))?;
            let chain = certificates(cert)?;
            builder.with_client_auth_cert(chain, private).map_err(|error| told(cert, &error))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = config::read_bytes(file, LARGEST).map_err(|error| told(file, &error))?;
    CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| told(file, &error))
}

fn told(file: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}
