#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
//! Real handshakes over loopback, with certificates made for each test.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Error, Tls};

/// A directory of its own, gone with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ai-proxy-tls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn settings(&self) -> config::Tls {
        config::Tls { cert: self.0.join("cert.pem"), key: self.0.join("key.pem"), client_ca: None }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn install(&self, pair: &Pair) {
        self.write("cert.pem", &pair.cert_pem());
        self.write("key.pem", &pair.key_pem());
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

struct Pair {
    cert: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Pair {
    fn cert_pem(&self) -> String {
        pem("CERTIFICATE", &self.cert)
    }

    fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

fn self_signed() -> Pair {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    Pair { cert: cert.der().clone(), key: key.serialize_der() }
}

/// A client CA and a client's pair that it signed.
fn ca_and_client() -> (Pair, Pair) {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = Pair { cert: params.self_signed(&ca_key).unwrap().der().clone(), key: ca_key.serialize_der() };
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["client".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    (ca, Pair { cert: cert.der().clone(), key: key.serialize_der() })
}

/// Echoes on every connection until the test ends.
async fn serve(tls: &Tls) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(tls.server_config(true)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await?;
                let (mut read, mut write) = tokio::io::split(stream);
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    port
}

fn client(trusted: &[&Pair], own: Option<&Pair>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for pair in trusted {
        roots.add(pair.cert.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.key.clone()));
            builder.with_client_auth_cert(vec![pair.cert.clone()], key).unwrap()
        }
    })
}

/// Connects and proves that both sides have accepted: with TLS 1.3 a refused client learns it at its first read.
async fn connect(port: u16, config: &Arc<rustls::ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::clone(config)).connect(name, stream).await?;
    echo(&mut stream).await?;
    Ok(stream)
}

async fn echo(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    stream.write_all(b"ping").await?;
    let mut back = [0; 4];
    stream.read_exact(&mut back).await?;
    assert_eq!(&back, b"ping");
    Ok(())
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_new_pair_is_taken_up_and_no_connection_is_dropped() {
    let (dir, old, new) = (Dir::new(), self_signed(), self_signed());
    dir.install(&old);
    let tls = Tls::load(&dir.settings()).unwrap();
    let port = serve(&tls).await;
    let mut before = connect(port, &client(&[&old], None)).await.unwrap();
    assert_eq!(shown(&before), old.cert);

    dir.install(&new);
    tls.reload().unwrap();
    let after = connect(port, &client(&[&new], None)).await.unwrap();
    assert_eq!(shown(&after), new.cert);
    echo(&mut before).await.expect("the connection that stood still stands");
    assert!(connect(port, &client(&[&old], None)).await.is_err(), "the old one is no longer shown");
}

#[tokio::test]
async fn a_pair_that_does_not_fit_changes_nothing() {
    let (dir, good, other) = (Dir::new(), self_signed(), self_signed());
    dir.install(&good);
    let tls = Tls::load(&dir.settings()).unwrap();
    let port = serve(&tls).await;
    dir.write("key.pem", &other.key_pem());
    assert!(matches!(tls.reload(), Err(Error::Mismatch { .. })));
    dir.write("cert.pem", "");
    assert!(matches!(tls.reload(), Err(Error::NoCertificate { .. })));
    let still = connect(port, &client(&[&good], None)).await.unwrap();
    assert_eq!(shown(&still), good.cert);
}

#[tokio::test]
async fn http_2_is_offered_first() {
    let (dir, pair) = (Dir::new(), self_signed());
    dir.install(&pair);
    let port = serve(&Tls::load(&dir.settings()).unwrap()).await;
    for (offers, agreed) in [(&[&b"http/1.1"[..], b"h2"][..], &b"h2"[..]), (&[b"http/1.1"], b"http/1.1")] {
        let mut config = (*client(&[&pair], None)).clone();
        config.alpn_protocols = offers.iter().map(|offer| offer.to_vec()).collect();
        let stream = connect(port, &Arc::new(config)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(agreed));
    }
}

#[tokio::test]
async fn only_clients_of_the_present_ca_come_in() {
    let (dir, pair) = (Dir::new(), self_signed());
    let ((old_ca, old_client), (new_ca, new_client)) = (ca_and_client(), ca_and_client());
    dir.install(&pair);
    let client_ca = Some(dir.write("ca.pem", &old_ca.cert_pem()));
    let tls = Tls::load(&config::Tls { client_ca, ..dir.settings() }).unwrap();
    let port = serve(&tls).await;
    assert!(connect(port, &client(&[&pair], None)).await.is_err(), "no certificate");
    assert!(connect(port, &client(&[&pair], Some(&new_client))).await.is_err(), "another CA's");
    // The same config for both: a session it has kept must not get it past the new CA.
    let kept = client(&[&pair], Some(&old_client));
    let mut before = connect(port, &kept).await.unwrap();

    dir.write("ca.pem", &new_ca.cert_pem());
    tls.reload().unwrap();
    assert!(connect(port, &kept).await.is_err(), "the old CA's client");
    connect(port, &client(&[&pair], Some(&new_client))).await.expect("the new CA's client");
    echo(&mut before).await.expect("the connection that stood still stands");
}

#[tokio::test]
async fn a_client_ca_may_come_and_go() {
    let (dir, pair, (ca, own)) = (Dir::new(), self_signed(), ca_and_client());
    dir.install(&pair);
    let mut tls = Tls::load(&dir.settings()).unwrap();
    let port = serve(&tls).await;
    let bare = client(&[&pair], None);
    connect(port, &bare).await.unwrap();
    let with_ca = config::Tls { client_ca: Some(dir.write("ca.pem", &ca.cert_pem())), ..dir.settings() };
    tls.reload_from(&with_ca).unwrap();
    assert!(connect(port, &bare).await.is_err(), "not even by resuming a session from before");
    connect(port, &client(&[&pair], Some(&own))).await.unwrap();
    tls.reload_from(&dir.settings()).unwrap();
    connect(port, &bare).await.unwrap();
}

#[test]
fn each_mistake_is_told_with_its_file_and_without_its_content() {
    let (dir, pair, other) = (Dir::new(), self_signed(), self_signed());
    let secret = pair.key_pem();
    let body = secret.lines().nth(1).unwrap().to_owned();
    let broken = secret.replace("-----END", "----END");
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &pair.key);
    let huge = "x".repeat(2 * 1024 * 1024);
    let junk_cert = pem("CERTIFICATE", b"junk");
    let cert = pair.cert_pem();
    for (cert, key, file, says) in [
        ("", secret.as_str(), "cert.pem", "holds no certificate"),
        (secret.as_str(), secret.as_str(), "cert.pem", "holds no certificate"),
        (junk_cert.as_str(), secret.as_str(), "cert.pem", "certificate 1 in it cannot be used"),
        (huge.as_str(), secret.as_str(), "cert.pem", "larger than 1 MiB"),
        (cert.as_str(), "", "key.pem", "holds no private key"),
        (cert.as_str(), broken.as_str(), "key.pem", "is not PEM"),
        (cert.as_str(), encrypted.as_str(), "key.pem", "passphrase"),
        (cert.as_str(), &pem("PRIVATE KEY", b"junk"), "key.pem", "cannot be used"),
        (cert.as_str(), &other.key_pem(), "key.pem", "is not the key of the first certificate"),
    ] {
        dir.write("cert.pem", cert);
        dir.write("key.pem", key);
        let error = Tls::load(&dir.settings()).map(|_| ()).unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(error.to_string().contains(file) && error.to_string().contains(says), "{says}: {error}");
        assert!(!told.contains(&body) && !told.contains("BEGIN EC") && told.len() < 700, "{told}");
    }
    fs::remove_file(dir.settings().key).unwrap();
    let error = Tls::load(&dir.settings()).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("key.pem: cannot be read: No such file"), "{error}");
    dir.install(&pair);
    let empty_ca = config::Tls { client_ca: Some(dir.write("ca.pem", "")), ..dir.settings() };
    let error = Tls::load(&empty_ca).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("ca.pem: holds no certificate"), "{error}");
}

#[test]
fn printing_it_shows_no_key() {
    let (dir, pair) = (Dir::new(), self_signed());
    dir.install(&pair);
    let tls = Tls::load(&dir.settings()).unwrap();
    let printed = format!("{tls:?}");
    assert!(!printed.contains(pair.key_pem().lines().nth(1).unwrap()));
    assert!(!printed.contains("PrivateKey"), "{printed}");
}
