//! HTTPS: both protocols, certificates taken up again while connections last, and probes on a plain address.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use upstream::harness::{Proxy, TOKEN, chat_body, one};
use upstream::{client::Ask, records, server};

use crate::plan;

/// DER as PEM, in lines of 64 characters (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, n| bits << 8 | u32::from(three.get(n).copied().unwrap_or(0)));
        for n in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= three.len() { char::from(digit) } else { '=' });
        }
    }
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|l| std::str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key as PEM.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (pem("CERTIFICATE", cert.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    /// Its own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", self.0.der())
    }

    fn write(&self, dir: &Path, name: &str) {
        let (cert, key) = self.issue(name);
        for (file, text) in [("cert.pem", cert), ("key.pem", key)] {
            std::fs::write(dir.join("new.pem"), text).unwrap();
            std::fs::rename(dir.join("new.pem"), dir.join(file)).unwrap();
        }
    }
}

fn roots(of: &[&Authority]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for authority in of {
        roots.add(authority.0.der().clone()).unwrap();
    }
    roots
}

fn client(trusts: &[&Authority], alpn: &[&str], shows: Option<&Authority>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(trusts));
    let mut config = match shows {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let key = KeyPair::generate().unwrap();
            let cert =
                CertificateParams::new(vec!["client.test".to_owned()]).unwrap().signed_by(&key, &authority.0).unwrap();
            let der: CertificateDer<'static> = cert.der().clone();
            builder.with_client_auth_cert(vec![der], PrivateKeyDer::Pkcs8(key.serialize_der().into())).unwrap()
        }
    };
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    Arc::new(config)
}

async fn connect(port: u16, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    TlsConnector::from(config).connect(ServerName::try_from("proxy.test").unwrap(), stream).await
}

/// One exchange over HTTP/1.1 that leaves the connection open; the status.
async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<u16> {
    stream.write_all(&Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).bytes()).await?;
    let mut got = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let n = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece))
            .await
            .map_err(|_| std::io::ErrorKind::TimedOut)??;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        got.extend_from_slice(&piece[..n]);
        // The canned answer ends so, in whichever framing.
        if server::find(&got, b"\"total_tokens\":18}}").is_some() || server::find(&got, b"HTTP/1.1 4").is_some() {
            return Ok(String::from_utf8_lossy(&got).split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0));
        }
    }
}

/// A folder with a certificate of `authority` for proxy.test, and a proxy that serves with it.
async fn serving(
    name: &str,
    authority: &Authority,
    client_ca: Option<&Authority>,
    base_url: &str,
) -> (std::path::PathBuf, Proxy, u16) {
    let dir = std::env::temp_dir().join(format!("ai-proxy-tls-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    authority.write(&dir, "proxy.test");
    let at = |file: &str| dir.join(file).display().to_string();
    let mut plan = plan(&(one(base_url, "") + "server: { http2: true }\n"))
        .env("TLS_CERT", &at("cert.pem"))
        .env("TLS_KEY", &at("key.pem"))
        .env("HEALTH_LISTEN", "127.0.0.1:0");
    if let Some(ca) = client_ca {
        std::fs::write(dir.join("ca.pem"), pem("CERTIFICATE", ca.0.der())).unwrap();
        plan = plan.env("TLS_CLIENT_CA", &at("ca.pem"));
    }
    let proxy = plan.start().await;
    proxy.log_line("where the probes are", |line| line.contains("probes are answered on")).await;
    let said = proxy.stdout();
    let probes = said.iter().find_map(|line| line.strip_prefix("probes: http://127.0.0.1:")?.strip_suffix("/health"));
    let port = probes.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port of probes in {said:?}"));
    (dir.clone(), proxy, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_both_protocols() {
    let (upstream, authority) = (records().await, Authority::new());
    let (dir, proxy, _) = serving("both", &authority, None, &upstream.base_url()).await;
    let mut stream = connect(proxy.port, client(&[&authority], &["http/1.1"], None)).await.unwrap();
    assert_eq!(ask(&mut stream).await.unwrap(), 200);
    let stream = connect(proxy.port, client(&[&authority], &["h2", "http/1.1"], None)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // curl speaks HTTP/2 where it is at hand.
    let (ca, url) = (dir.join("authority.pem"), format!("https://proxy.test:{}/v1/chat/completions", proxy.port));
    std::fs::write(&ca, pem("CERTIFICATE", authority.0.der())).unwrap();
    let output = std::process::Command::new("curl")
        .args([
            "-sS",
            "--http2",
            "--cacert",
            ca.to_str().unwrap(),
            "--resolve",
            &format!("proxy.test:{}:127.0.0.1", proxy.port),
        ])
        .args([
            "-w",
            "\n%{http_version} %{http_code}",
            "-H",
            &format!("authorization: Bearer {TOKEN}"),
            "-H",
            "content-type: application/json",
        ])
        .args(["-d", &chat_body("m", false), &url])
        .output();
    match output {
        Err(error) => println!("HTTP/2 was not asked over: no curl here ({error})"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                said.ends_with("2 200") && said.contains("total_tokens"),
                "{said} {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    // Who speaks without TLS gets nothing.
    let mut plain = Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).open(proxy.port).await;
    assert!(plain.try_head().await.is_none_or(|(status, _)| status == 400));
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_taken_up_and_no_connection_dropped() {
    let (upstream, old, new) = (records().await, Authority::new(), Authority::new());
    let (dir, proxy, _) = serving("renewed", &old, None, &upstream.base_url()).await;
    let mut stream = connect(proxy.port, client(&[&old], &["http/1.1"], None)).await.unwrap();
    assert_eq!(ask(&mut stream).await.unwrap(), 200);

    new.write(&dir, "proxy.test");
    proxy.hangup();
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while connect(proxy.port, client(&[&new], &["http/1.1"], None)).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the new certificate is never shown");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ask(&mut stream).await.unwrap(), 200, "the connection from before serves on");

    // A broken pair changes nothing.
    std::fs::write(dir.join("cert.pem"), "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n").unwrap();
    proxy.hangup();
    proxy.log_line("the broken certificate", |l| l.contains("cert.pem")).await;
    let mut again = connect(proxy.port, client(&[&new], &["http/1.1"], None)).await.unwrap();
    assert_eq!(ask(&mut again).await.unwrap(), 200);
    for line in proxy.log() {
        assert!(!line.contains("PRIVATE KEY"), "{line}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_off_unless_it_is_wanted() {
    let (upstream, authority) = (records().await, Authority::new());
    let (dir, wanted, _) = serving("wanted", &authority, None, &upstream.base_url()).await;
    let at = |file: &str| dir.join(file).display().to_string();
    let plan = plan(&one(&upstream.base_url(), ""));
    let proxy = plan.env("TLS_CERT", &at("cert.pem")).env("TLS_KEY", &at("key.pem")).start().await;
    let mut stream = connect(proxy.port, client(&[&authority], &["h2", "http/1.1"], None)).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(ask(&mut stream).await.unwrap(), 200);
    // Who offers nothing else hears why: a GOAWAY of HTTP_1_1_REQUIRED behind the settings.
    let mut stream = connect(proxy.port, client(&[&authority], &["h2"], None)).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    assert!(said.get(22..26) == Some(&[0, 0, 0, 13][..]), "{said:?}");
    // Where it is on, it is without TLS too: the settings are no refusal.
    let proxy = crate::proxy(&(one(&upstream.base_url(), "") + "server: { http2: true }\n")).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // However it is cut.
    for cut in [0, 1, 11, 12, 20] {
        let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        plain.set_nodelay(true).unwrap();
        for part in [&preface[..cut], &preface[cut..]] {
            plain.write_all(part).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut said = [0; 9];
        plain.read_exact(&mut said).await.unwrap();
        assert!(said[3] == 4 && said[2] > 0, "{cut}: {said:?}");
    }
    // What only begins like it is HTTP/1.1, and so is what ends there.
    let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    plain.write_all(b"PRI").await.unwrap();
    plain.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let ends = tokio::time::timeout(Duration::from_secs(5), plain.read_to_end(&mut rest)).await;
    ends.expect("nobody waits for more").unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    plain.set_nodelay(true).unwrap();
    for part in ["P", "OST /livez HTTP/1.1\r\nhost: p\r\n\r\n"] {
        plain.write_all(part.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut said = [0; 9];
    plain.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 ");
    assert_eq!(proxy.chat("m").await.status, 200, "and so is HTTP/1.1");
    drop(wanted);
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_authority_lets_in_only_its_own() {
    let (upstream, authority, clients, others) =
        (records().await, Authority::new(), Authority::new(), Authority::new());
    let (dir, proxy, _) = serving("client", &authority, Some(&clients), &upstream.base_url()).await;
    let mut known = connect(proxy.port, client(&[&authority], &["http/1.1"], Some(&clients))).await.unwrap();
    assert_eq!(ask(&mut known).await.unwrap(), 200);
    for shows in [None, Some(&others)] {
        // In TLS 1.3 the refusal comes after the client's own handshake is over.
        let let_in = match connect(proxy.port, client(&[&authority], &["http/1.1"], shows)).await {
            Ok(mut stream) => ask(&mut stream).await.is_ok(),
            Err(_) => false,
        };
        assert!(!let_in);
    }
    assert_eq!(upstream.count(), 1);
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_have_a_plain_address_of_their_own() {
    let (upstream, authority) = (records().await, Authority::new());
    let (dir, _proxy, port) = serving("probes", &authority, None, &upstream.base_url()).await;
    for path in ["/livez", "/readyz", "/health"] {
        assert_eq!(Ask::new("GET", path).send(port).await.status, 200, "{path}");
    }
    assert_eq!(
        Ask::post("/v1/chat/completions", TOKEN, chat_body("m", false)).send(port).await.status,
        404,
        "only probes are answered in the clear"
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_without_an_end_is_not_waited_for() {
    let (upstream, authority) = (records().await, Authority::new());
    let (dir, proxy, _port) = serving("hello", &authority, None, &upstream.base_url()).await;
    // A client's first message of 60,000 bytes, in records of 16,000 (RFC 8446, section 5.1).
    let record = [&[0x16, 3, 1, 0x3e, 0x80][..], &[0; 16_000]].concat();
    let mut hello = record.repeat(3);
    hello[5..9].copy_from_slice(&[1, 0, 0xea, 0x60]);
    let mut socket = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
    let _ = socket.write_all(&hello).await;
    proxy.log_line("that it is too long", |line| line.contains("the handshake is too long")).await;
    std::fs::remove_dir_all(dir).unwrap();
}
