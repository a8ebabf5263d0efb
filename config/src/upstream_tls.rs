//! Reads what a provider's own TLS takes beside `ca_file`: the fingerprint of its certificate, and the certificate that it
//! is shown in turn.
//!
//! What always holds: a certificate has its key; both files are watched, so that a renewed pair is taken up.

use crate::reader::{Given, Object, Reader};
use crate::{ClientCert, Provider, Sha256};

pub(crate) fn read(r: &mut Reader<'_>, provider: &mut Provider, object: &Object<'_>) {
    provider.ca_file = r.given(object, "ca_file").and_then(|given| r.certificates(&given));
    provider.cert_fingerprint = r.given(object, "cert_fingerprint").and_then(|given| read_fingerprint(r, &given));
    let (cert, key) = (r.given(object, "client_cert_file"), r.given(object, "client_key_file"));
    provider.client_cert = match (cert, key) {
        (Some(cert), key) => read_pair(r, &cert, key.as_ref()),
        (None, Some(key)) if object.get("client_cert_file").is_none() => {
            let fix = "set client_cert_file to a PEM file too";
            r.findings.push(key.place.error("given without client_cert_file", fix));
            None
        }
        (None, _) => None,
    };
    if let (Some(_), Some(also)) = (&provider.cert_fingerprint, object.get("ca_file")) {
        r.warning(also, "not looked at beside cert_fingerprint", "keep one of them");
    }
    for key in ["cert_fingerprint", "client_cert_file"] {
        if let Some(spot) = object.get(key).filter(|_| !provider.base_url.is_tls()) {
            r.warning(spot, "not looked at: base_url begins with http://", "write https:// there, or remove it");
        }
    }
}

fn read_fingerprint(r: &mut Reader<'_>, given: &Given) -> Option<Sha256> {
    match Sha256::parse(&given.text) {
        Ok(fingerprint) => Some(fingerprint),
        Err(what) => {
            let fix = "write what `openssl x509 -noout -fingerprint -sha256 -in cert.pem` prints";
            r.findings.push(given.place.error(format!("the value is {what}"), fix));
            None
        }
    }
}

/// The key may stand in the certificate's own file.
fn read_pair(r: &mut Reader<'_>, cert: &Given, key: Option<&Given>) -> Option<ClientCert> {
    let cert_file = r.certificates(cert);
    let Some(key) = key else {
        let (path, text) = cert_file.as_deref().and_then(|_| r.readable(cert))?;
        if !text.contains("PRIVATE KEY-----") {
            let fix = "set client_key_file to a PEM file too";
            r.findings.push(cert.place.error("given without client_key_file", fix));
            return None;
        }
        return is_open(r, cert, &text).then(|| ClientCert { cert: path.clone(), key: path });
    };
    let key_file = r.pem(key, "PRIVATE KEY-----", "a private key")?;
    let (_, text) = r.readable(key)?;
    is_open(r, key, &text).then_some(())?;
    Some(ClientCert { cert: cert_file?, key: key_file })
}

/// Nobody is there to type a passphrase.
fn is_open(r: &mut Reader<'_>, given: &Given, text: &str) -> bool {
    let encrypted = text.contains("ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED");
    if encrypted {
        let fix = "write it out in the clear: openssl pkey -in key.pem -out open.pem";
        r.findings.push(given.place.error("the private key in the file is encrypted", fix));
    }
    !encrypted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use crate::testing::Setup;

    const CERT: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

    fn setup(fields: &str) -> Setup {
        let entry = format!("providers:\n  p:\n    kind: openai\n    api_key: none\n    {fields}\n");
        let url = if fields.contains("base_url") { "" } else { "    base_url: https://127.0.0.1:9\n" };
        let setup = Setup::yaml(&format!("{entry}{url}")).file("c.pem", CERT).file("k.pem", KEY);
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
        setup.file("both.pem", &format!("{CERT}{KEY}")).file("locked.pem", locked)
    }

    #[test]
    fn a_pair_is_read_and_watched() {
        for fields in ["client_cert_file: c.pem\n    client_key_file: k.pem", "client_cert_file: both.pem"] {
            let setup = setup(fields);
            assert!(setup.told().is_empty(), "{:?}", setup.told());
            let config = setup.config();
            let provider = &config.providers[0];
            let pair = provider.client_cert.as_ref().map(|pair| [&pair.cert, &pair.key]);
            for file in pair.into_iter().flatten() {
                assert!(
                    config.files.contains(file) && provider.files.iter().any(|seen| seen.path == *file),
                    "{file:?}"
                );
            }
        }
    }

    #[test]
    fn every_mistake_is_told() {
        let hex = "0a".repeat(32);
        for (fields, words) in [
            ("client_cert_file: c.pem", "client_cert_file: given without client_key_file"),
            ("client_key_file: k.pem", "client_key_file: given without client_cert_file"),
            ("client_cert_file: gone.pem\n    client_key_file: k.pem", "client_cert_file: the file does not exist"),
            ("client_cert_file: c.pem\n    client_key_file: gone.pem", "client_key_file: the file does not exist"),
            ("client_cert_file: c.pem\n    client_key_file: c.pem", "client_key_file: the file holds no private key"),
            ("client_cert_file: k.pem\n    client_key_file: k.pem", "client_cert_file: the file holds no certificate"),
            (
                "client_cert_file: c.pem\n    client_key_file: locked.pem",
                "client_key_file: the private key in the file is",
            ),
            ("cert_fingerprint: 12:34", "cert_fingerprint: the value is no fingerprint of 64"),
            ("cert_fingerprint: sha256/Y2FmZQ==", "cert_fingerprint: the value is the fingerprint of a public key"),
            (
                &format!("cert_fingerprint: {hex}\n    ca_file: c.pem"),
                "warning: providers.p.ca_file: not looked at beside",
            ),
            (&format!("cert_fingerprint: {hex}\n    base_url: http://127.0.0.1:9"), "base_url begins with http://"),
        ] {
            let told = setup(fields).told();
            assert!(told.len() == 1 && told[0].contains(words), "{fields}: {told:?}");
        }
        let pinned = setup(&format!("cert_fingerprint: sha256:{hex}")).config();
        assert_eq!(pinned.providers[0].cert_fingerprint.map(|known| known.to_string()), Some(format!("sha256:{hex}")));
    }
}
