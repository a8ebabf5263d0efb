//! Client certificates, checked against the CA of the moment.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::Current;

/// Asks whatever verifier the present material has; without a client CA no certificate is asked for.
#[derive(Debug)]
pub(super) struct Delegate {
    current: Current,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Delegate {
    pub(super) fn new(current: Current, provider: &CryptoProvider) -> Self {
        Self { current, algorithms: provider.signature_verification_algorithms }
    }
}

impl ClientCertVerifier for Delegate {
    fn offer_client_auth(&self) -> bool {
        self.current.0.load().clients.is_some()
    }

    /// None: the names would have to outlive a reload. Clients then offer the certificate they are configured with.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let material = self.current.0.load();
        match &material.clients {
            Some(verifier) => verifier.verify_client_cert(end_entity, intermediates, now),
            // The CA was taken away between the question and the answer. Refusing is the safe side; the next one works.
            None => Err(Error::General("no client CA".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A verifier for certificates that these roots have signed.
pub(super) fn verifier(
    roots: rustls::RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let builder = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().ok()
}
