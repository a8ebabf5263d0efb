//! AWS's published test suite for Signature Version 4, as far as what we send can be said in it, and our own form of a
//! request recomputed from the standard's words.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, UNIX_EPOCH};

use config::Secret;
use ring::{digest, hmac};

use super::*;

fn signer(session_token: Option<&str>) -> Signer {
    let key = AwsKey {
        id: "AKIDEXAMPLE".to_owned(),
        secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: session_token.map(Secret::new),
    };
    Signer::new(&key, Some("us-east-1")).unwrap()
}

/// 2015-08-30T12:36:00Z, the suite's.
fn then() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn value(headers: &[(HeaderName, HeaderValue)], name: &str) -> String {
    headers.iter().find(|(known, _)| known == name).unwrap().1.to_str().unwrap().to_owned()
}

/// `post-vanilla` and `post-x-www-form-urlencoded` of the suite,
/// https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html.
#[test]
fn the_published_vectors_come_out() {
    let url = "http://example.amazonaws.com/";
    let host = ("host", "example.amazonaws.com");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body, names, signature) in [
        (vec![host], "", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            vec![form, host],
            "Param1=value1",
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        let body = SignableBody::Precomputed(hex(digest::digest(&digest::SHA256, body.as_bytes())));
        let signed = signer(None).signed("service", url, headers, body, then()).unwrap();
        let wanted = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(value(&signed, "authorization"), wanted);
        assert_eq!(value(&signed, "x-amz-date"), "20150830T123600Z");
    }
}

#[test]
fn a_model_id_with_a_colon_is_escaped_twice_in_what_is_signed() {
    let (host, json) = (HeaderValue::from_static("127.0.0.1:9"), HeaderValue::from_static("application/json"));
    let url = "http://127.0.0.1:9/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse-stream";
    let sha256 = hex(digest::digest(&digest::SHA256, b"{}"));
    let signed = signer(Some("session")).headers(url, &host, Some(&json), sha256.clone(), then()).unwrap();
    let canonical = format!(
        "POST\n/model/anthropic.claude-3-5-sonnet-20240620-v1%253A0/converse-stream\n\ncontent-type:application/json\nhost:127.0.0.1:9\nx-amz-date:20150830T123600Z\nx-amz-security-token:session\n\ncontent-type;host;x-amz-date;x-amz-security-token\n{sha256}"
    );
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/bedrock/aws4_request\n{hashed}");
    let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let key = ["20150830", "us-east-1", "bedrock", "aws4_request"]
        .iter()
        .fold(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec(), |key, part| mac(&key, part).as_ref().to_vec());
    let signature = hex(mac(&key, &to_sign));
    assert!(value(&signed, "authorization").ends_with(&format!("Signature={signature}")));
    assert_eq!(value(&signed, "x-amz-security-token"), "session");
    assert!(signed.iter().all(|(_, value)| value.is_sensitive()));
}
