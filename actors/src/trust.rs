//! Whom an upstream connection trusts: Mozilla's roots from the binary, and what the operator adds.

use std::io;
use std::path::Path;
use std::sync::Arc;

use config::Content;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Many times a bundle of all roots that there are.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What stands in the file of `SSL_CERT_FILE`.
pub fn of_environment() -> Option<Content> {
    std::env::var_os("SSL_CERT_FILE").map(|file| config::look(Path::new(&file)))
}

/// A client configuration for one provider; `ca_file` is a PEM file of certificates trusted beside the built-in ones.
/// `SSL_CERT_FILE`, the variable that OpenSSL-based tools read, is honoured in the same way.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn client_config(ca_file: Option<&Path>) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let from_environment = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    for file in ca_file.into_iter().chain(from_environment.as_deref()) {
        let told = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", file.display()));
        let text = config::read_bytes(file, LARGEST).map_err(|error| told(&error))?;
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|error| told(&error))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(io::Error::other(format!("{}: holds no certificate that can be used", file.display())));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
