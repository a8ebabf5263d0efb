//! Secrets that are known by heart: taken out wherever an upstream repeats them, whatever they look like.
//!
//! Also where JSON (and JSON within its strings), a URL or HTML has escaped characters of one, in capitals or broken into
//! lines where it is long, and where the text was cut in the middle of one, or says the larger part of one. Outside of strings JSON stays JSON only for
//! secrets that are plain words or numbers, as keys are.

use std::borrow::Cow;

use super::{escaped, mask_str};

/// A shorter secret is taken out only where it stands as a word of its own: as a part of one it is hardly meant.
const WORD: usize = 8;
/// A longer one is found in capitals too: nothing else is so much like it.
const LONG: usize = 16;
/// A shorter one than this is none, but somebody's placeholder.
const LEAST: usize = 4;

/// An escape is looked at no further than this: JSON within JSON within JSON, or a line's end and what indents the next.
const DEEP: usize = 8;

/// Replaces every occurrence of these. Borrows where there is none.
pub fn hide<'a>(body: &'a [u8], secrets: &[&str]) -> Cow<'a, [u8]> {
    let mut known: Vec<Cow<'_, str>> = secrets.iter().map(|secret| Cow::Borrowed(*secret)).collect();
    // What the prefixes have left of one, in a text that was masked before.
    known.extend(secrets.iter().map(|secret| mask_str(secret)).filter(|left| matches!(left, Cow::Owned(_))));
    // And its larger half, in one that was cut in front.
    known.extend(secrets.iter().filter_map(|secret| Some(Cow::Borrowed(end_of(secret)?))));
    known.retain(|secret| secret.len() >= LEAST);
    let (mut out, mut kept) = (Vec::new(), 0);
    let mut at = 0;
    while at < body.len() {
        let found = known.iter().filter_map(|secret| Some((occurs(body, at, secret.as_bytes())?, secret)));
        let Some((end, secret)) = found.max_by_key(|(end, _)| *end) else {
            at += 1;
            continue;
        };
        out.extend_from_slice(body.get(kept..at).unwrap_or_default());
        // A number may stand where JSON takes nothing but one.
        out.extend_from_slice(if secret.bytes().all(|byte| byte.is_ascii_digit()) { b"0" } else { b"***" });
        (at, kept) = (end, end);
    }
    if kept == 0 {
        return Cow::Borrowed(body);
    }
    out.extend_from_slice(body.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// The second half of a long one.
fn end_of(secret: &str) -> Option<&str> {
    let end = secret.get(secret.len().div_ceil(2)..)?;
    (secret.len() >= LONG && is_drawn(end.as_bytes())).then_some(end)
}

/// Whether [`hide`] could find this one, or its beginning: cheap, and never wrong where it says no.
pub fn may_tell(body: &[u8], secret: &str) -> bool {
    let Some(head) = secret.as_bytes().get(..LEAST) else { return false };
    // What is escaped is for the search itself.
    let [first, ..] = head else { return false };
    let mut begins = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), body);
    begins.any(|at| body.get(at..at + LEAST).is_some_and(|said| said.eq_ignore_ascii_case(head)))
        || memchr::memchr3(b'%', b'\\', b'&', body).is_some()
}

/// Where the secret that begins at `at` ends.
fn occurs(body: &[u8], at: usize, secret: &[u8]) -> Option<usize> {
    let end = at + matched(body.get(at..)?, secret)?;
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = at.checked_sub(1).filter(|before| !escaped(body, *before));
    let alone = !before.is_some_and(|before| is_word(body.get(before))) && !is_word(body.get(end));
    (secret.len() >= WORD || alone).then_some(end)
}

/// How many bytes of the text say the secret, if it begins with it.
fn matched(text: &[u8], secret: &[u8]) -> Option<usize> {
    let folds = secret.len() >= LONG;
    let same = |said: u32, want: u8| match u8::try_from(said) {
        Ok(said) if folds => said.eq_ignore_ascii_case(&want),
        Ok(said) => said == want,
        Err(_) => false,
    };
    let mut at = 0;
    for (said, want) in secret.iter().enumerate() {
        let rest = text.get(at..).unwrap_or_default();
        at += match rest {
            [] if said >= LEAST => return Some(at),
            [plain, ..] if same(u32::from(*plain), *want) => 1,
            _ => match character(rest) {
                Some((code, bytes)) if same(code, *want) => bytes,
                // Nothing is broken into lines in its first letters.
                _ if folds
                    && said >= LEAST
                    && let Some(bytes) = goes_on(rest, |code| same(code, *want)) =>
                {
                    bytes
                }
                // What an upstream has cut itself goes on behind it: a quote, dots.
                _ => {
                    return (folds && said >= WORD.max(secret.len().div_ceil(2)) && is_drawn(secret.get(..said)?))
                        .then_some(at);
                }
            },
        };
    }
    Some(at)
}

/// Whether a part of a secret is no word or address that others say as well.
fn is_drawn(part: &[u8]) -> bool {
    part.iter().any(u8::is_ascii_digit)
        && part.iter().any(u8::is_ascii_alphabetic)
        && !part.windows(3).any(|three| three == b"://")
}

/// The bytes of a line's end and of the character behind it, where that is the one which is looked for.
fn goes_on(text: &[u8], is_next: impl Fn(u32) -> bool) -> Option<usize> {
    let broken = line_end(text).filter(|bytes| *bytes > 0)?;
    let (_, bytes) = character(text.get(broken..)?).filter(|(code, _)| is_next(*code))?;
    Some(broken + bytes)
}

/// The character that a text begins with, and in how many bytes it says that: escapes of JSON, at any depth, of URLs and
/// of HTML are read.
pub(super) fn character(text: &[u8]) -> Option<(u32, usize)> {
    match text {
        [b'\\', ..] => {
            let slashes = text.iter().take(DEEP).take_while(|byte| **byte == b'\\').count();
            match text.get(slashes..).unwrap_or_default() {
                [b'u', code @ ..] => Some((hex(code, 4)?, slashes + 5)),
                [b'x', code @ ..] => Some((hex(code, 2)?, slashes + 3)),
                [plain, ..] if plain.is_ascii_punctuation() && *plain != b'\\' => {
                    Some((u32::from(*plain), slashes + 1))
                }
                // A backslash itself; a line's end is no character of a secret.
                _ => (slashes > 1).then_some((u32::from(b'\\'), 2)),
            }
        }
        [b'%', code @ ..] => {
            let nested = code.chunks_exact(2).take(DEEP).take_while(|pair| pair == b"25").count() * 2;
            let read = |from: usize| Some((hex(code.get(from..)?, 2)?, from + 3));
            read(nested).or_else(|| read(0)).or(Some((u32::from(b'%'), 1)))
        }
        [b'&', name @ ..] => of_html(name).or(Some((u32::from(b'&'), 1))),
        [plain, ..] => Some((u32::from(*plain), 1)),
        [] => None,
    }
}

/// What stands behind the `&`.
fn of_html(name: &[u8]) -> Option<(u32, usize)> {
    let end = name.iter().take(DEEP).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(name.get(..end)?).ok()?;
    let code = match name {
        "amp" => u32::from(b'&'),
        "lt" => u32::from(b'<'),
        "gt" => u32::from(b'>'),
        "quot" => u32::from(b'"'),
        "apos" => u32::from(b'\''),
        "sol" => u32::from(b'/'),
        "plus" => u32::from(b'+'),
        "equals" => u32::from(b'='),
        name => match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
            Some(code) => u32::from_str_radix(code, 16).ok()?,
            None => name.strip_prefix('#')?.parse().ok()?,
        },
    };
    Some((code, end + 2))
}

/// The bytes of a line's end, as it is or escaped, and of what indents the next line.
fn line_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..DEEP {
        let rest = text.get(at..)?;
        let slashes = rest.iter().take(DEEP).take_while(|byte| **byte == b'\\').count();
        at += match rest.get(slashes..)? {
            [b'n' | b'r' | b't', ..] if slashes > 0 => slashes + 1,
            [b'\n' | b'\r' | b'\t', ..] if slashes == 0 => 1,
            [b' ', ..] if slashes == 0 && at > 0 => 1,
            _ => break,
        };
    }
    Some(at)
}

fn hex(code: &[u8], digits: usize) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(code.get(..digits)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "Ab/Cd+01\u{22}23456789";

    fn hidden(text: &str, secrets: &[&str]) -> String {
        String::from_utf8(hide(text.as_bytes(), secrets).into_owned()).unwrap()
    }

    #[test]
    fn it_is_gone_however_it_is_written() {
        for said in [
            r#"Ab/Cd+01"23456789"#,
            r#"Ab\/Cd\u002b01\"23456789"#,
            r#"\u0041b\u002FCd+01\u002223456789"#,
            "Ab%2FCd%2b01%2223456789",
            "Ab%252FCd%25252b01%2223456789",
            // Within a string of JSON within one.
            r#"Ab\\/Cd\\u002b01\\\"23456789"#,
            r#"Ab\\\/Cd\\\\u002b01\"23456789"#,
            "Ab&#47;Cd&#x2b;01&quot;23456789",
            "Ab/Cd\n+01\"23\r\n  456789",
            r#"Ab/Cd\n+01\"234\\r\\n56789"#,
            r"Ab&sol;Cd&plus;01\x2223456789",
        ] {
            assert_eq!(hidden(&format!("a {said}, x{said}y"), &[KEY]), "a ***, x***y");
        }
        assert_eq!(hidden("NO KEY ABCDEFGH-01234567.", &["abcdefgh-01234567"]), "NO KEY ***.");
        assert_eq!(hidden("Ollama", &["ollama"]), "Ollama", "a short one may be a word");
        // Cut in its middle.
        assert_eq!(hidden("the key Ab/Cd+0", &[KEY]), "the key ***");
        assert_eq!(hidden("the key Ab", &[KEY]), "the key Ab");
        for cut in ["'Ab/Cd+01\"2'", "'Ab/Cd+01\"2345678...'", "'Ab/Cd+01\"\n'"] {
            assert!(hidden(cut, &[KEY]).starts_with("'***"), "{cut}");
        }
        // Cut in front: no more is left than a part of its first half.
        let key = "0123deadbeef4567cafe89abcdef0123";
        for cut in ["deadbeef4567cafe89abcdef0123", "...cafe89abcdef0123", "f4567cafe89abcdef0123, no more"] {
            let said = hidden(cut, &[key]);
            assert!(said.contains("***") && !said.contains("cafe"), "{said}");
        }
        assert_eq!(hidden("of 0123, 89abcdef0123!", &[key]), "of 0123, 89abcdef0123!");
        let site = "https://chat.lan1";
        assert_eq!(hidden("see https://docs", &[site, "production-gateway-key"]), "see https://docs");
        assert_eq!(hidden("production-east", &["production-gateway-key"]), "production-east");
        assert_eq!(hidden("keys begin with 'Ab/Cd+'", &[KEY]), "keys begin with 'Ab/Cd+'", "less than half of it");
        // The longest of several.
        assert_eq!(hidden("Basic abcdefgh!", &["abcdefgh", "Basic abcdefgh"]), "***!");
    }

    #[test]
    fn what_may_tell_it_is_searched() {
        for said in ["xab/cD+01", "100%25", r"\u0041b", "the key Ab/C"] {
            assert!(may_tell(said.as_bytes(), KEY), "{said}");
        }
        for said in ["", "Ab/", "application/json; charset=utf-8"] {
            assert!(!may_tell(said.as_bytes(), KEY), "{said}");
        }
        assert!(!may_tell(b"none", "no"), "shorter than any secret");
    }

    #[test]
    fn what_the_prefixes_left_of_it_is_gone_too() {
        let key = "tenant42-sk-abcdefgh";
        let masked = mask_str("no such key tenant42-sk-abcdefgh.").into_owned();
        assert!(masked.contains("tenant42"), "{masked}");
        assert_eq!(hidden(&masked, &[key]), "no such key ***.");
    }

    #[test]
    fn short_ones_are_words_and_placeholders_stay() {
        assert_eq!(hidden(r#"{"a":"ollama","b":"ollamas"}"#, &["ollama"]), r#"{"a":"***","b":"ollamas"}"#);
        assert_eq!(hidden("ask kay: k", &["k", ""]), "ask kay: k");
        assert!(matches!(hide(b"nothing of it", &[KEY, "ollama"]), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_become_numbers() {
        assert_eq!(hidden(r#"{"id":123456789,"n":[1]}"#, &["123456789"]), r#"{"id":0,"n":[1]}"#);
    }
}
