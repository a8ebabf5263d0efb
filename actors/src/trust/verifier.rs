//! Whether an upstream's certificate is trusted: by an authority, as itself, or by its fingerprint.
//!
//! A server in the house often shows a certificate that nobody but itself has signed, and that calls itself an authority
//! (`openssl req -x509` makes it so): no chain leads anywhere, and webpki takes no authority for a server. The operator who
//! names that very certificate as `ca_file`, or its fingerprint, means it.
//!
//! What always holds: the handshake's signature is checked, so that whoever shows a certificate holds its key; one that is
//! trusted as itself must be valid now and for the host's name; a fingerprint is compared whole and in constant time.

use std::fmt;
use std::sync::Arc;

use config::Sha256;
use ring::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// Trusts who an authority answers for, and these certificates as themselves.
#[derive(Debug)]
pub(super) struct AsItself {
    pub(super) authorities: Arc<WebPkiServerVerifier>,
    pub(super) known: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for AsItself {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let by_authority =
            self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Err(error) = by_authority else { return by_authority };
        // Its dates are looked at before whose it is: a chain that leads nowhere, or an authority that serves, is all that
        // is forgiven. `Other` holds the latter, for which rustls has no name.
        let forgiven =
            matches!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)));
        if !forgiven || !self.known.contains(end_entity) {
            return Err(error);
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Trusts one certificate, whatever it says of itself.
#[derive(Debug)]
pub(super) struct Pinned {
    pub(super) fingerprint: Sha256,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = digest::digest(&digest::SHA256, end_entity.as_ref());
        if subtle::ConstantTimeEq::ct_eq(shown.as_ref(), self.fingerprint.as_bytes()).into() {
            return Ok(ServerCertVerified::assertion());
        }
        let shown = Sha256::of_digest(shown.as_ref());
        let other = AnotherCertificate { expected: self.fingerprint, shown };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The upstream shows another certificate than the one whose fingerprint is configured: it was renewed, or it is another.
#[derive(Debug)]
pub struct AnotherCertificate {
    expected: Sha256,
    shown: Option<Sha256>,
}

impl fmt::Display for AnotherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another certificate than cert_fingerprint says: expected {}", self.expected)?;
        self.shown.map_or(Ok(()), |shown| write!(f, ", shown {shown}"))
    }
}

impl std::error::Error for AnotherCertificate {}
