//! AWS's published test suite for Signature Version 4, and our own form of a request recomputed from the standard's words.
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

const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

/// POSTs of the suite as AWS publishes it in its C implementation (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4),
/// and the one with a body once more as the suite had it at first (aws-sig-v4-test-suite of the AWS General Reference),
/// which signs neither the length nor the hash as a header.
#[test]
fn the_published_vectors_come_out() {
    let host = ("host", "example.amazonaws.com");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let length = ("content-length", "13");
    let sha256 = ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e");
    let body = "Param1=value1";
    for (vector, target, headers, body, token, names, signature) in [
        (
            "post-vanilla",
            "/",
            vec![host],
            "",
            None,
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-vanilla-query",
            "/?Param1=value1",
            vec![host],
            "",
            None,
            "host;x-amz-date",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "post-header-key-sort",
            "/",
            vec![host, ("my-header1", "value1")],
            "",
            None,
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-sts-header-before",
            "/",
            vec![host],
            "",
            Some(TOKEN),
            "host;x-amz-date;x-amz-security-token",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
        (
            "post-x-www-form-urlencoded",
            "/",
            vec![form, host, length, sha256],
            body,
            None,
            "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
            "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
        ),
        (
            "post-x-www-form-urlencoded at first",
            "/",
            vec![form, host],
            body,
            None,
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        let url = format!("http://example.amazonaws.com{target}");
        let body = SignableBody::Precomputed(hex(digest::digest(&digest::SHA256, body.as_bytes())));
        let signed = signer(token).signed("service", &url, headers, body, then()).unwrap();
        let wanted = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
        );
        assert_eq!(value(&signed, "authorization"), wanted, "{vector}");
        assert_eq!(value(&signed, "x-amz-date"), "20150830T123600Z", "{vector}");
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
