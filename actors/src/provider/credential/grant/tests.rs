//! What is asked of a token endpoint, and what is believed of its answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::testing::account;

#[test]
fn an_account_says_who_it_is_to_its_own_endpoint_for_an_hour() {
    let grant = Grant::Account(account("http://127.0.0.1:9/token"));
    let place = grant.place();
    assert_eq!((place.host.as_str(), place.port, place.path.as_str(), place.tls), ("127.0.0.1", 9, "/token", false));
    let form = grant.form(1_700_000_000).unwrap().unwrap();
    let token =
        form.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=").unwrap();
    let parts: Vec<serde_json::Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "a2"}));
    let claims = serde_json::json!({
        "iss": "proxy@project-1.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": "http://127.0.0.1:9/token",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    });
    assert_eq!(parts[1], claims);
}

#[test]
fn the_metadata_server_is_asked_at_its_own_path_without_a_form() {
    let grant = Grant::Metadata { host: "metadata.google.internal".into(), port: 80 };
    let place = grant.place();
    assert_eq!((place.authority.as_str(), place.tls), ("metadata.google.internal", false));
    assert_eq!(place.path, "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(grant.form(0), Ok(None));
}

#[test]
fn of_answers_only_whole_tokens_and_the_standards_codes_are_taken() {
    let granted = read(br#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#).unwrap();
    assert_eq!((granted.value.as_str(), granted.lifetime.as_secs()), ("Bearer ya29.x", 3599));
    for body in [r#"{"access_token":"","expires_in":9}"#, r#"{"access_token":"x","expires_in":0}"#, "{}", "<html>"] {
        assert!(read(body.as_bytes()).is_none(), "{body}");
    }
    let longest = read(br#"{"access_token":"x","expires_in":18446744073709551615}"#).unwrap();
    assert_eq!(longest.lifetime, MAX_LIFETIME);
    let refused = br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature: eyJ..."}"#;
    assert_eq!(refusal(refused), Some("invalid_grant"));
    assert_eq!(refusal(br#"{"error":"eyJhbGciOiJSUzI1NiJ9"}"#), None);
}
