//! Providers over TLS of their own kind: certificates that only the operator knows, by file or by fingerprint, and a
//! certificate of ours for those that ask for one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use upstream::harness::Proxy;
use upstream::server::find;

use crate::plan;
use crate::tls::{Authority, pem};

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}]}"#;

/// Answers every request over TLS, one a connection. Returns its port.
async fn serve(cert: &str, key: &str, clients: Option<&Authority>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = CertificateDer::pem_slice_iter(cert.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let (mut got, mut piece) = (Vec::new(), [0; 4096]);
                while find(&got, b"}]").is_none() {
                    match stream.read(&mut piece).await? {
                        0 => break,
                        n => got.extend_from_slice(&piece[..n]),
                    }
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
                let answer = format!("{head}content-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    port
}

/// A certificate that nobody but itself has signed, and its key.
fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained); // as `openssl req -x509` has it
    change(&mut params);
    let cert = params.self_signed(&key).unwrap();
    (pem("CERTIFICATE", cert.der()), pem("PRIVATE KEY", &key.serialize_der()))
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("ai-proxy-upstream-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: &Path = &self.0.join(name);
        std::fs::write(path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn proxy(port: u16, fields: &str) -> Proxy {
    let yaml = format!(
        "providers:\n  up:\n    kind: openai\n    base_url: https://127.0.0.1:{port}/v1\n    api_key: none\n    models: [m]\n{fields}"
    );
    plan(&yaml).env("RETRY_MAX_RETRIES", "0").start().await
}

async fn status(port: u16, fields: &str) -> u16 {
    proxy(port, fields).await.chat("m").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_named_is_trusted_as_itself() {
    let folder = Folder::new("itself");
    let (cert, key) = self_signed("127.0.0.1", |_| ());
    let port = serve(&cert, &key, None).await;
    assert_eq!(status(port, &format!("    ca_file: {}\n", folder.write("c.pem", &cert))).await, 200);
    // One that an authority has signed which nobody knows.
    let (leaf, leaf_key) = Authority::new().issue("127.0.0.1");
    let leaf_port = serve(&leaf, &leaf_key, None).await;
    assert_eq!(status(leaf_port, &format!("    ca_file: {}\n", folder.write("leaf.pem", &leaf))).await, 200);
    // Named is another one, and none.
    assert_eq!(status(port, &format!("    ca_file: {}\n", folder.write("leaf.pem", &leaf))).await, 502);
    assert_eq!(status(port, "").await, 502);
    // It is for its own name, and for its own time.
    let (cert, key) = self_signed("another.test", |_| ());
    let port = serve(&cert, &key, None).await;
    assert_eq!(status(port, &format!("    ca_file: {}\n", folder.write("name.pem", &cert))).await, 502);
    let (cert, key) = self_signed("127.0.0.1", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let port = serve(&cert, &key, None).await;
    assert_eq!(status(port, &format!("    ca_file: {}\n", folder.write("old.pem", &cert))).await, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_may_be_pinned_by_its_fingerprint() {
    let (cert, key) = self_signed("another.test", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let der = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    let port = serve(&cert, &key, None).await;
    assert_eq!(status(port, &format!("    cert_fingerprint: \"sha256 Fingerprint={}\"\n", hex.join(":"))).await, 200);
    let wrong = "0a".repeat(32);
    let proxy = proxy(port, &format!("    cert_fingerprint: sha256:{wrong}\n")).await;
    assert_eq!(proxy.chat("m").await.status, 502);
    let told = proxy.health().await.to_string();
    let shown = format!("expected sha256:{wrong}, shown sha256:{}", hex.concat().to_ascii_lowercase());
    assert!(told.contains(&shown), "{told}");
    // Whoever shows the certificate must hold its key.
    let (_, other_key) = self_signed("another.test", |_| ());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let signer =
        rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::from_pem_slice(other_key.as_bytes()).unwrap());
    let thief = Arc::new(rustls::sign::SingleCertAndKey::from(rustls::sign::CertifiedKey::new(
        vec![der.into_owned()],
        signer.unwrap(),
    )));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_cert_resolver(thief)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let shaken = tokio::spawn(async move { acceptor.accept(listener.accept().await.unwrap().0).await.is_ok() });
    assert_eq!(status(port, &format!("    cert_fingerprint: {}\n", hex.concat())).await, 502);
    assert!(!shaken.await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_certificate_is_shown_ours_and_a_renewed_one_is_taken_up() {
    let folder = Folder::new("client");
    let (server, theirs, others) = (Authority::new(), Authority::new(), Authority::new());
    let (cert, key) = server.issue("127.0.0.1");
    let port = serve(&cert, &key, Some(&theirs)).await;
    let trust = format!("    ca_file: {}\n", folder.write("ca.pem", &server.pem()));
    assert_eq!(status(port, &trust).await, 502, "it shows none");
    let write = |authority: &Authority| {
        let (cert, key) = authority.issue("gateway.test");
        (folder.write("client.pem", &cert), folder.write("client-key.pem", &key))
    };
    let (cert, key) = write(&others);
    let proxy = proxy(port, &format!("{trust}    client_cert_file: {cert}\n    client_key_file: {key}\n")).await;
    assert_eq!(proxy.chat("m").await.status, 502, "it shows one that they do not know");
    write(&theirs);
    proxy.hangup();
    let deadline = Instant::now() + Duration::from_secs(10);
    while proxy.chat("m").await.status != 200 {
        assert!(Instant::now() < deadline, "the renewed certificate is never shown");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // A pair that does not fit changes nothing.
    folder.write("client-key.pem", &others.issue("gateway.test").1);
    proxy.hangup();
    proxy.log_line("the broken pair", |line| line.contains("reload refused") && line.contains("client.pem")).await;
    assert_eq!(proxy.chat("m").await.status, 200);
}
