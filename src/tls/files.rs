//! From files to [`Material`]: everything that can be wrong with them, said so that it can be put right.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use derive_more::{Display, Error as StdError};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};

use super::{Files, Material, client};

/// A chain with all its intermediates has a few kilobytes, a bundle of CAs some hundreds: more is another file.
const LARGEST: u64 = 1024 * 1024;

/// What is wrong with which file. Never holds any of a file's content.
#[derive(Debug, Display, StdError)]
pub enum Error {
    #[display("{}: cannot be read: {reason}", file.display())]
    Read {
        file: PathBuf,
        #[error(source)]
        reason: io::Error,
    },
    #[display("{}: is larger than 1 MiB; a PEM file of certificates or of one key was expected", file.display())]
    TooLarge { file: PathBuf },
    #[display("{}: is not PEM: a section does not begin, end or decode as it should", file.display())]
    NotPem { file: PathBuf },
    #[display("{}: holds no certificate (`-----BEGIN CERTIFICATE-----`)", file.display())]
    NoCertificate { file: PathBuf },
    #[display("{}: certificate {nth} in it cannot be used: {reason}", file.display())]
    BadCertificate {
        file: PathBuf,
        /** From 1. */
        nth: usize,
        #[error(not(source))]
        reason: String,
    },
    #[display("{}: holds no private key (`-----BEGIN PRIVATE KEY-----`)", file.display())]
    NoKey { file: PathBuf },
    #[display("{}: its key is encrypted with a passphrase, which nobody could enter here; write it without one (`openssl pkey -in ... -out ...`)", file.display())]
    EncryptedKey { file: PathBuf },
    #[display("{}: its key cannot be used; RSA (2048 bits or more), ECDSA (P-256, P-384) and Ed25519 can", file.display())]
    BadKey { file: PathBuf },
    #[display("{}: is not the key of the first certificate in {}", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[display("the TLS library has no protocol version to offer")]
    Provider,
}

/// Reads everything and puts it together.
pub(super) fn read(files: &Files, provider: &Arc<CryptoProvider>) -> Result<Material, Error> {
    let chain = certificates(&files.cert)?;
    let key = private_key(&files.key)?;
    let key = provider.key_provider.load_private_key(key).map_err(|_| Error::BadKey { file: files.key.clone() })?;
    let certificate = CertifiedKey::new(chain, key);
    match certificate.keys_match() {
        // A key that does not tell its public half is not known to be wrong.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(_) => {
            return Err(Error::Mismatch { cert: files.cert.clone(), key: files.key.clone() });
        }
    }
    let clients = match &files.client_ca {
        Some(file) => Some(client_ca(file, provider)?),
        None => None,
    };
    Ok(Material { certificate: Arc::new(certificate), clients })
}

fn client_ca(
    file: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let mut roots = RootCertStore::empty();
    for (nth, certificate) in certificates(file)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| bad_certificate(file, nth, &error))?;
    }
    client::verifier(roots, provider).ok_or_else(|| Error::NoCertificate { file: file.into() })
}

/// All certificates of a file, each of which parses; at least one.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = content(file)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::NotPem { file: file.into() })?;
    if chain.is_empty() {
        return Err(Error::NoCertificate { file: file.into() });
    }
    for (nth, certificate) in chain.iter().enumerate() {
        ParsedCertificate::try_from(certificate).map_err(|error| bad_certificate(file, nth, &error))?;
    }
    Ok(chain)
}

/// rustls tells of a certificate in words of its own; a certificate is public.
fn bad_certificate(file: &Path, index: usize, error: &rustls::Error) -> Error {
    Error::BadCertificate { file: file.into(), nth: index + 1, reason: error.to_string() }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = content(file)?;
    // The parser's errors quote the line they stumbled over, which may be the key: they stay here.
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(_) if contains(&text, b"ENCRYPTED") => Err(Error::EncryptedKey { file: file.into() }),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(Error::NoKey { file: file.into() }),
        Err(_) => Err(Error::NotPem { file: file.into() }),
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn content(file: &Path) -> Result<Vec<u8>, Error> {
    config::read_bytes(file, LARGEST).map_err(|reason| match reason.kind() {
        io::ErrorKind::FileTooLarge => Error::TooLarge { file: file.into() },
        _ => Error::Read { file: file.into(), reason },
    })
}
