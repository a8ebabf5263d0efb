//! What other gateways and SDKs call the settings of a provider: none of it is read, and each is told with the name that
//! it has here. The nearest of our names by its letters would be the wrong one (`api_base` is no `api_key`).

/// What to write instead of a key that the mapping of that name does not have.
pub(crate) fn fix(shape: &str, key: &str) -> Option<&'static str> {
    if shape != "Provider" {
        return None;
    }
    let key: String = key.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_ascii_lowercase();
    Some(match key.as_str() {
        "apibase" | "apiurl" | "apihost" | "baseuri" | "endpoint" | "apiendpoint" | "host" | "hostname" | "url"
        | "uri" | "server" | "address" | "openaiapibase" | "apibaseurl" => "did you mean base_url?",
        "token" | "key" | "secret" | "apitoken" | "authtoken" | "bearer" | "password" => "did you mean api_key?",
        "keys" | "tokens" => "did you mean api_keys?",
        "type" | "api" | "dialect" | "format" | "provider" | "apitype" | "protocol" | "vendor" => "did you mean kind?",
        "ca" | "cacert" | "cacerts" | "cabundle" | "cafiles" | "sslca" | "sslcertfile" | "rootca" => {
            "did you mean ca_file?"
        }
        "cert" | "clientcert" | "certfile" | "sslcert" | "tlscert" | "certificate" | "clientcertificate" => {
            "did you mean client_cert_file (with client_key_file)?"
        }
        "keyfile" | "clientkey" | "sslkey" | "tlskey" => "did you mean client_key_file (with client_cert_file)?",
        "fingerprint" | "certsha256" | "sha256" | "pin" | "pinned" | "thumbprint" => "did you mean cert_fingerprint?",
        "verify" | "sslverify" | "verifyssl" | "tlsverify" | "insecure" | "skipverify" | "insecureskipverify"
        | "tlsinsecure" | "noverify" => {
            "certificates are always checked: name the server's as ca_file, or its cert_fingerprint"
        }
        "tls" | "ssl" => "ca_file, cert_fingerprint, client_cert_file and client_key_file stand in the provider itself",
        "model" | "modellist" | "modelname" => "did you mean models?",
        "rpm" => "write limits: { requests_per_minute: ... }",
        "tpm" => "write limits: { tokens_per_minute: ... }",
        "timeout" | "requesttimeout" => "write timeouts: { connect: ..., first_byte: ..., idle: ... }",
        "extraheaders" | "defaultheaders" | "customheaders" => "did you mean headers?",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::fix;
    use crate::shapes;
    use crate::testing::Setup;

    #[test]
    fn the_names_of_other_tools_are_told_with_ours() {
        for (key, ours) in [
            ("api_base", "base_url?"),
            ("apiBase", "base_url?"),
            ("endpoint", "base_url?"),
            ("token", "api_key?"),
            ("type", "kind?"),
            ("ssl_verify", "cert_fingerprint"),
            ("tls", "ca_file"),
            ("rpm", "requests_per_minute"),
        ] {
            let yaml =
                format!("providers: {{p: {{kind: openai, base_url: 'http://127.0.0.1:9', api_key: none, {key}: x}}}}");
            let told = Setup::yaml(&yaml).told();
            assert!(told.len() == 1 && told[0].contains("unknown key") && told[0].contains(ours), "{key}: {told:?}");
        }
        assert!(shapes::PROVIDER.keys.iter().all(|key| fix("Provider", key).is_none()), "ours are read");
        assert!(fix("Server", "host").is_none());
    }
}
