//! Keys and organisation ids in text that an upstream wrote: replaced by `***` before anybody else sees them.
//!
//! A provider's error may quote the key it was called with, or name our account. Only runs of letters, digits, `-`,
//! `_`, `.` and `*` are ever replaced, and behind a word for a key those of base64 and their escapes too, and by stars:
//! JSON stays JSON, whatever it holds. Better one word too many than one key too few; text without any such prefix is
//! handed back as it is. [`hide`] is for secrets that are known, and always comes first: what this leaves of one is not
//! known any more.

mod literal;

use std::borrow::Cow;

pub use literal::{hide, may_tell};

/// What secrets and account ids begin with, and how many more characters it takes to look like one.
const PREFIXES: [(&[u8], usize); 30] = [
    (b"sk-", 1),
    (b"sk_", 6),
    (b"gsk_", 4),
    (b"xai-", 6),
    (b"csk-", 6),
    (b"pplx-", 6),
    (b"sess-", 6),
    (b"AIza", 10),
    (b"AQ.", 16),
    (b"hf_", 6),
    (b"nvapi-", 6),
    (b"fw_", 8),
    (b"tgp_v1_", 6),
    (b"r8_", 8),
    (b"AKIA", 12),
    (b"ASIA", 12),
    (b"ya29.", 8),
    (b"eyJ", 16),
    (b"ghp_", 8),
    (b"gho_", 8),
    (b"org-", 6),
    (b"org_", 6),
    (b"proj_", 6),
    (b"user-", 12),
    (b"user_", 10),
    (b"wrkspc_", 6),
    (b"acct_", 6),
    (b"team_", 12),
    (b"apikey_", 6),
    (b"pk-", 8),
];

/// What stands in front of a key that looks like nothing in particular; compared without regard to case.
const PHRASES: [&[u8]; 8] = [
    b"bearer ",
    b"key provided: ",
    b"api key: ",
    b"api_key: ",
    b"token provided: ",
    // LiteLLM's, of the key and of its hash.
    b"api key = ",
    b"key hash (token) =",
    b"key hash (token) = ",
];

/// Replaces keys and account ids. Borrows where there are none.
pub fn mask(body: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Option<Vec<u8>> = None;
    let (mut kept, mut at) = (0, 0);
    while let Some((start, end)) = next_secret(body, at) {
        let out = out.get_or_insert_with(|| Vec::with_capacity(body.len()));
        out.extend_from_slice(body.get(kept..start).unwrap_or_default());
        out.extend_from_slice(b"***");
        (kept, at) = (end, end);
    }
    match out {
        None => Cow::Borrowed(body),
        Some(mut out) => {
            out.extend_from_slice(body.get(kept..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

/// [`hide`] and [`mask`]: what is known, and what looks like a secret.
pub fn hide_all<'a>(body: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
    match hide(body, secrets) {
        Cow::Borrowed(body) => mask(body),
        Cow::Owned(hidden) => Cow::Owned(mask(&hidden).into_owned()),
    }
}

/// Whether a word begins as a key does: a look at its beginning and no further.
pub fn begins_as_key(word: &[u8]) -> bool {
    PREFIXES.iter().any(|(prefix, least)| word.starts_with(prefix) && run(word) >= prefix.len() + least)
}

/// [`mask`] for text.
pub fn mask_str(text: &str) -> Cow<'_, str> {
    match mask(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        // Only ASCII was replaced, by ASCII; were it not so, losing a character is better than losing a key.
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn of_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*')
}

fn run(bytes: &[u8]) -> usize {
    let len = bytes.iter().position(|b| !of_secret(*b)).unwrap_or(bytes.len());
    // The full stop that ends a sentence is none of it.
    let trailing = bytes.get(..len).unwrap_or_default().iter().rev().take_while(|b| **b == b'.').count();
    len - trailing
}

/// What follows on a word for a key: all of it, whatever alphabet it is written in and however that is escaped.
fn token(bytes: &[u8]) -> usize {
    let is_of_it = |byte: u8| of_secret(byte) || matches!(byte, b'/' | b'+' | b'=' | b'~' | b':' | b'%');
    let mut len = 0;
    while let Some(rest) = bytes.get(len..) {
        len += match literal::character(rest) {
            Some((said, bytes)) if u8::try_from(said).is_ok_and(is_of_it) => bytes,
            Some(_) | None => break,
        };
    }
    let trailing = bytes.get(..len).unwrap_or_default().iter().rev().take_while(|b| matches!(b, b'.' | b':')).count();
    len - trailing
}

fn next_secret(body: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while at < body.len() {
        let rest = body.get(at..)?;
        let fresh =
            at == 0 || body.get(at - 1).is_none_or(|before| !before.is_ascii_alphanumeric() || escaped(body, at - 1));
        if fresh {
            if begins_as_key(rest) {
                return Some((at, at + run(rest)));
            }
            for phrase in PHRASES {
                if rest.get(..phrase.len()).is_some_and(|head| head.eq_ignore_ascii_case(phrase)) {
                    let start = at + phrase.len();
                    let len = token(body.get(start..)?);
                    if len > 0 {
                        return Some((start, start + len));
                    }
                }
            }
        }
        at += 1;
    }
    None
}

/// Whether the letter at `at` belongs to an escape such as `\n`, so that a word begins after it.
fn escaped(body: &[u8], at: usize) -> bool {
    at > 0 && body.get(at - 1) == Some(&b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        mask_str(text).into_owned()
    }

    #[test]
    fn keys_and_accounts_are_gone() {
        for (text, want) in [
            ("Incorrect API key provided: sk-fake-key. You can", "Incorrect API key provided: ***. You can"),
            ("Incorrect API key provided: invalid_key. You can", "Incorrect API key provided: ***. You can"),
            (
                "Received API Key = sk-...GTNw, Key Hash (Token) =262b78abcdef. Unable to find",
                "Received API Key = ***, Key Hash (Token) =***. Unable to find",
            ),
            ("Your api key: ****-key is invalid", "Your api key: *** is invalid"),
            ("key sk-proj-abc_DEF-123 in org-aBcDeFgH1234 of proj_12345678", "key *** in *** of ***"),
            ("`gsk_0123456789abcdef`", "`***`"),
            ("AIzaSyA0123456789_abc", "***"),
            ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"),
            ("Bearer AbCd/EfGh+tail0123==, no", "Bearer ***, no"),
            (r#"api key: AbCd\/Ef\u002bGh\\/x\\u003d. And"#, "api key: ***. And"),
            (r#"{"user_id":"user_2xYzAbCdEfGhIj"}"#, r#"{"user_id":"***"}"#),
            (r"line\nsk-abcdef", r"line\n***"),
            ("in organization `org_01hxyzabc` service tier", "in organization `***` service tier"),
        ] {
            assert_eq!(masked(text), want);
        }
    }

    #[test]
    fn ordinary_text_is_borrowed() {
        for text in [
            "The model `gpt-4` does not exist",
            "risk-free task-sk",
            "{\"user\":\"x\",\"type\":\"org\"}",
            "disk-usage",
            "",
        ] {
            assert!(matches!(mask(text.as_bytes()), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn json_stays_json_and_bytes_stay_bytes() {
        let body = br#"{"error":{"message":"Incorrect API key provided: \"sk-a\". Bearer \u0041sk-bcd","n":[1,{"k":"org-abcdefgh"}]}}"#;
        assert!(serde_json::from_slice::<serde_json::Value>(&mask(body)).is_ok());
        assert_eq!(&*mask(b"\xff\xfesk-abc\xff"), b"\xff\xfe***\xff");
    }
}
