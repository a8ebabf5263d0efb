//! What a wrong token looks like, so that its owner finds the slip.
//!
//! Always: only the shape of what was sent is judged and nothing is compared, so an answer says nothing of any token that
//! is known here, and none of what was sent.

/// A slip of the hand that tokens come with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    Empty,
    Quoted,
    /// `Bearer Bearer TOKEN`.
    SchemeTwice,
    /// `AUTH_TOKEN=TOKEN`.
    Assigned,
    /// `name:TOKEN`, as AUTH_TOKEN has it.
    Named,
    /// `$OPENAI_API_KEY`, `${TOKEN}`, `os.environ/X`, `YOUR_API_KEY`: never filled in.
    Unfilled,
    Blank,
}

impl Slip {
    pub fn of(token: &[u8]) -> Option<Self> {
        let Some(first) = token.first() else { return Some(Self::Empty) };
        let starts =
            |word: &str| token.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()));
        if b"\"'`".contains(first) || token.last().is_some_and(|last| b"\"'`".contains(last)) {
            return Some(Self::Quoted);
        }
        if starts("bearer") {
            return Some(Self::SchemeTwice);
        }
        if b"$<{".contains(first) || starts("os.environ") || starts("your_") || starts("your-") {
            return Some(Self::Unfilled);
        }
        let name =
            token.split(|byte| !byte.is_ascii_alphanumeric() && !b"_-.".contains(byte)).next().unwrap_or_default();
        match token.get(name.len()) {
            Some(b'=') if !name.is_empty() && token.len() > name.len() + 2 => Some(Self::Assigned),
            Some(b':') if !name.is_empty() => Some(Self::Named),
            _ if token.iter().any(u8::is_ascii_whitespace) => Some(Self::Blank),
            _ => None,
        }
    }

    pub fn told(self) -> &'static str {
        match self {
            Self::Empty => "the client token is empty: send it as `Authorization: Bearer TOKEN`",
            Self::Quoted => {
                "this client token is not known here; it stands in quotes, which are no part of a token: send it without them"
            }
            Self::SchemeTwice => {
                "this client token is not known here; it begins with `Bearer`, which the client adds by itself: give it the token alone"
            }
            Self::Assigned => {
                "this client token is not known here; it looks like a line of .env: send only what stands behind the equals sign"
            }
            Self::Named => {
                "this client token is not known here; if it was copied with its name (`NAME:TOKEN` in AUTH_TOKEN), send only what stands behind the colon"
            }
            Self::Unfilled => {
                "this client token is not known here; it looks like a placeholder that was never filled in"
            }
            Self::Blank => "this client token is not known here; it holds a blank, which no token does",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_wrong_token_looks_like_is_told_and_nothing_of_it() {
        for (token, slip) in [
            ("alice:sk-0123456789", Some(Slip::Named)),
            ("team-a.b_c:x", Some(Slip::Named)),
            ("\"sk-0123\"", Some(Slip::Quoted)),
            ("sk-0123'", Some(Slip::Quoted)),
            ("Bearer sk-0123", Some(Slip::SchemeTwice)),
            ("AUTH_TOKEN=sk-0123", Some(Slip::Assigned)),
            ("${AUTH_TOKEN}", Some(Slip::Unfilled)),
            ("$OPENAI_API_KEY", Some(Slip::Unfilled)),
            ("os.environ/KEY", Some(Slip::Unfilled)),
            ("YOUR_API_KEY", Some(Slip::Unfilled)),
            ("<token>", Some(Slip::Unfilled)),
            ("sk 0123", Some(Slip::Blank)),
            ("sk-0123456789", None),
            ("dGVzdA==", None),
            ("a+b/c=", None),
            (":x", None),
            ("", Some(Slip::Empty)),
        ] {
            assert_eq!(Slip::of(token.as_bytes()), slip, "{token}");
            assert!(slip.is_none_or(|slip| !slip.told().contains("0123")));
        }
        assert_eq!(Slip::of(&[0xff, b':', 0]), None);
    }
}
