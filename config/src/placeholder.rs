//! What stands where a secret should and is none: the words of examples, and variables that nobody resolved.
//!
//! Everybody knows the token that a README prints, so as a token it lets everybody in; as a key it is refused by the
//! provider, at the first request. What people write for servers that take no key (`dummy`, `EMPTY`, `not-needed`) is
//! none. Always: what is told says of which sort it is, and nothing of the text.

use crate::catalogue;

/// Which sort of placeholder it is.
pub(crate) fn found_in(text: &str) -> Option<&'static str> {
    const REFERENCE: &str = "a reference that nothing has resolved, not the secret that it names";
    let written = text.trim().trim_matches(['"', '\'', '`']);
    let text = written.to_ascii_lowercase();
    if is_address(&text) {
        return Some(REFERENCE);
    }
    // A secret with words in front (`prod-todo-5f0e1a7c9b3d4e62`), or that begins with a dollar.
    if is_drawn(&text) && !["${", "...", "***"].iter().any(|part| text.contains(part)) {
        return None;
    }
    if is_reference(&text) {
        return Some(REFERENCE);
    }
    if text.contains("...") || text.contains("***") {
        return Some("a secret that was shortened for showing, not all of it");
    }
    (is_example(&text) || is_variable(written)).then_some("a placeholder from an example")
}

/// Where a vault keeps it: no secret reads so, whatever is drawn at random in it.
pub(crate) fn is_address(text: &str) -> bool {
    let is_scheme =
        |scheme: &str| scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b));
    text.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
        || ["arn:aws:", "arn:aws-", "@microsoft.keyvault("].iter().any(|begin| text.starts_with(begin))
        || text.starts_with("projects/") && text.contains("/secrets/")
}

/// `$NAME`, `${NAME}`, `%NAME%`, `{{ name }}`, `os.environ/NAME`: each of another tool's files. In small letters.
pub(crate) fn is_reference(text: &str) -> bool {
    const BEGIN: [&str; 13] = [
        "os.environ",
        "os.getenv",
        "process.env",
        "import.meta.env",
        "env:",
        "secretref:",
        "$env:",
        "$env{",
        "env[",
        "ssm:/",
        "/run/secrets/",
        "@/",
        "file:/",
    ];
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let within = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    text.contains("${")
        || text.contains("{{")
        || text.contains("$(")
        || [("$", ""), ("%", "%"), ("!", "!"), ("{", "}"), ("env/", ""), ("env.", ""), ("secrets.", "")]
            .into_iter()
            .any(|(open, close)| within(open, close).is_some_and(is_name))
        || text.strip_prefix("vault:").is_some_and(|path| path.contains(['/', '#']))
        || BEGIN.iter().any(|begin| text.starts_with(begin))
}

/// `MY_PROVIDER_API_KEY`, where what it holds should stand.
fn is_variable(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && ["_KEY", "_TOKEN", "_SECRET"].iter().any(|end| text.ends_with(end))
}

/// The name of a variable with an `=` and something behind it: two lines that became one, or a whole line where its value
/// belongs. What pads base64 stands at its end.
pub(crate) fn holds_a_line(text: &str) -> bool {
    let is_name = |before: &str| {
        let begin = before.rfind(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_');
        let name = begin.map_or(before, |at| before.get(at + 1..).unwrap_or_default());
        ["_KEY", "_TOKEN", "_SECRET", "_URL", "_FILE", "_DIR", "_CERT", "_FORMAT", "_LOG", "HOST", "PORT"]
            .iter()
            .any(|end| name.strip_suffix(end).is_some_and(|stem| stem.len() > 1 || !end.starts_with('_')))
    };
    text.split_once('=').is_some_and(|(before, after)| !after.trim_matches('=').is_empty() && is_name(before))
}

/// Letters and digits take turns in it as often as in what is drawn at random.
fn is_drawn(text: &str) -> bool {
    let turn = |pair: &[u8]| matches!(pair, [a, b] if a.is_ascii_digit() && b.is_ascii_alphabetic() || a.is_ascii_alphabetic() && b.is_ascii_digit());
    text.as_bytes().windows(2).filter(|pair| turn(pair)).count() >= 5
}

fn is_example(text: &str) -> bool {
    const WHOLE: [&str; 9] =
        ["apikey", "changeit", "mykey", "null", "password", "secret", "sk-1234", "token", "undefined"];
    // Of these words alone nobody makes a secret.
    const COMMON: [&str; 45] = [
        "a", "admin", "an", "api", "auth", "be", "change", "client", "demo", "enter", "example", "generate", "gsk",
        "here", "insert", "is", "key", "later", "litellm", "long", "master", "me", "my", "password", "paste", "proj",
        "put", "random", "replaced", "sample", "secret", "set", "some", "string", "strong", "super", "tbd", "test",
        "the", "this", "to", "token", "use", "very", "your",
    ];
    const WORDS: [&str; 12] = [
        "changeme",
        "fillme",
        "fixme",
        "insertkey",
        "placeholder",
        "redacted",
        "replace",
        "replaceme",
        "todo",
        "yourapikey",
        "yourkey",
        "yourtoken",
    ];
    const OF_KEYS: [&str; 8] = ["api", "apikey", "here", "key", "secret", "token", "auth", "password"];
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    let counted = |word: &str| words.iter().any(|one| one.trim_end_matches(|c: char| c.is_ascii_digit()) == word);
    let all_of = |letter: u8, word: &str| word.len() >= 3 && word.bytes().all(|b| b == letter);
    let of_keys = || OF_KEYS.iter().any(|word| has(word));
    // Those of makers too, and where they stand in one: `openai-api-key`, `yourkeyhere`.
    let is_common = |word: &&str| {
        let makers = catalogue::all().iter().flat_map(|known| known.name.split('-')).filter(|word| word.len() > 2);
        let parts: Vec<&str> = COMMON.into_iter().chain(["sk"]).chain(makers).collect();
        let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = word.get(bare.len()..).unwrap_or_default();
        let is_run = digits.starts_with("123") && is_run(digits, 3);
        let is_counted = is_run || digits.len() <= 3 && !bare.is_empty();
        word.len() <= 24 && is_counted && is_made_of(bare, &parts)
    };
    let names_a_key = || ["key", "token", "secret", "password"].iter().any(|word| text.contains(word));
    let is_told_to = || ["me", "string", "tbd", "later"].iter().any(|word| has(word));
    // `api-key-1`; a whole line is told as that.
    let is_number = |word: &str| word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit()) && !text.contains('=');
    let is_counter = |word: &&str| is_common(word) || is_number(word);
    text.starts_with('<') && text.ends_with('>')
        || WHOLE.contains(&text)
        || text.len() > 6 && (names_a_key() || is_told_to()) && words.iter().all(is_counter)
        || WORDS.iter().any(|word| counted(word))
        || ["change", "fill"].iter().any(|word| has(word)) && (has("me") || has("this") || has("it"))
        || ["your", "insert", "paste", "enter", "put"].iter().any(|word| has(word)) && of_keys()
        || has("here") && words.len() > 1 && of_keys()
        || is_run(text, 10)
        || ["sk", "gsk"].iter().any(|of_key| words.first() == Some(of_key))
            && words.len() > 1
            && words.iter().all(is_common)
            && words.iter().skip(1).any(|word| COMMON.contains(word) || is_run(word, 8))
        || words.iter().any(|word| {
            all_of(b'x', word)
                || ["aiza", "aizasy", "akia", "asia"]
                    .iter()
                    .any(|of_key| word.strip_prefix(of_key).is_some_and(|rest| all_of(b'x', rest)))
                || word.len() >= 8 && word.bytes().all(|b| word.as_bytes().first() == Some(&b))
                || word.bytes().all(|b| b.is_ascii_alphabetic()) && is_run(word, 12)
                || is_typed(word)
        })
}

fn is_made_of(word: &str, parts: &[&str]) -> bool {
    word.is_empty() || parts.iter().filter_map(|part| word.strip_prefix(part)).any(|rest| is_made_of(rest, parts))
}

/// Each character follows the one before it, as on a keyboard's row of digits and in the alphabet: `1234567890abcdef`.
fn is_run(word: &str, least: usize) -> bool {
    word.len() >= least && word.as_bytes().windows(2).all(|pair| matches!(pair, [a, b] if follows(*a, *b)))
}

fn follows(a: u8, b: u8) -> bool {
    matches!((a, b), (b'9', b'0' | b'a') | (b'0', b'a')) || a.is_ascii_alphanumeric() && a.checked_add(1) == Some(b)
}

/// What fingers make up: `1234567890abcdef`, `abcdef1234567890`, or few letters over and over (`asdfasdfasdf`). No dozen
/// drawn at random is such.
fn is_typed(word: &str) -> bool {
    const LEAST: usize = 12;
    /// The longest that is repeated three times or more.
    const LONGEST: usize = 16;
    let bytes = word.as_bytes();
    let again = |period: usize| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b);
    let is_of_runs = || bytes.chunk_by(|a, b| follows(*a, *b)).all(|run| run.len() >= 6);
    word.len() >= LEAST
        && (["123", "abc"].iter().any(|begin| word.starts_with(begin)) && is_of_runs()
            || (1..=LONGEST.min(word.len() / 3)).any(again))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_examples_print_is_known() {
        for text in [
            "REPLACE-WITH-A-LONG-RANDOM-TOKEN",
            "sk-REPLACE-ME",
            "gsk-REPLACE-ME-TOO",
            "YOUR_API_KEY",
            "your-key-here",
            "<your-api-key>",
            "<OPENAI_API_KEY>",
            "changeme",
            "change-me",
            "change_this_token",
            "sk-your-openai-api-key",
            "sk-ant-your-key-here",
            "insert-your-token",
            "paste_key_here",
            "xxx",
            "sk-xxxxxxxxxxxxxxxx",
            "sk-ant-api03-xxxx",
            "AIzaXXXXXXXX",
            "sk-...",
            "sk-abcd...wxyz",
            "sk-****1234",
            "TODO",
            "my-api-key",
            "my-secret-token",
            "a-very-long-random-token",
            "undefined",
            "sk-1234",
            "$OPENAI_API_KEY",
            "${OPENAI_API_KEY}",
            "Bearer ${TOKEN}",
            "%OPENAI_API_KEY%",
            "{{ openai_key }}",
            "$(cat /run/secrets/key)",
            "os.environ/OPENAI_API_KEY",
            "process.env.OPENAI_API_KEY",
            "op://vault/openai/key",
            "\"YOUR_API_KEY\"",
            "{OPENAI_API_KEY}",
            "env/OPENAI_API_KEY",
            "env.OPENAI_API_KEY",
            "secrets.OPENAI_API_KEY",
            "!OPENAI_API_KEY!",
            "vault:secret/data/openai#key",
            "ref+vault://secret/openai#/key",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/openai-A1b2C3",
            "@Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/k)",
            "projects/my-project/secrets/openai/versions/latest",
            "sk-0000000000000000",
            "00000000-0000-0000-0000-000000000000",
            "1234567890abcdef",
            "0123456789abcdef",
            "sk-abcdefghijklmnopqrstuvwxyz",
            "OPENAI_API_KEY",
            "OUR_OWN_GATEWAY_TOKEN",
            "yourkeyhere",
            "openai-api-key",
            "sk-openai-key",
            "changeme123",
            "mysecretkey",
            "$env:OPENAI_API_KEY",
            "$ENV{OPENAI_API_KEY}",
            "ENV[OPENAI_API_KEY]",
            "/run/secrets/openai_key",
            "@/run/secrets/openai_key",
            "ssm:/prod/openai",
            "REDACTED",
            "[REDACTED]",
            "PLACEHOLDER-TOKEN",
            "FILL_ME_IN",
            "sk-example",
            "sk-test-key",
            "sk-1234567890",
            "example-token-example",
            "test-token-1234567890",
            "password12345678",
            "supersecrettoken123",
            "AIzaSyXXXXXXXXXXXXXXXX",
            "AKIAXXXXXXXXXXXXXXXX",
            "sk-proj-1234567890abcdef",
            "sk-1234567890abcdef1234567890abcdef",
            "abcdef1234567890",
            "generate-a-random-token",
            "some-long-random-string",
            "set-me-set-me-set-me",
            "to-be-replaced-later",
            "TBD_TBD_TBD_TBD_TBD",
            "example-auth-token-1",
            "sk-litellm-master-key",
            "asdfasdfasdfasdf",
            "12341234123412341234",
            "deadbeefdeadbeefdeadbeef",
        ] {
            assert!(found_in(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_people_use_is_left_alone() {
        for text in [
            "sk-proj-4f1d2c3b5a697887abcdef",
            "gsk_0123456789abcdef",
            "dummy",
            "EMPTY",
            "ollama",
            "not-needed",
            "no-key-required",
            "k",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "IQoJb3JpZ2luX2VjEHoaCXVzLWVhc3QtMSJHMEUCIQD/abc+def==",
            "another-token-0123456789",
            "zzKEYzz-plain-9f8e7d6c5b4a",
            "p$ssw0rd-with-a-dollar",
            "hunter2-$x",
            "maxx-0xx1-exxon",
            "5f0e1a7c9b3d4e62",
            "prod-todo-app-5f0e1a7c9b3d4e62",
            "your-team-token-5f0e1a7c9b3d4e62",
            "put_here_key_550e8400-e29b-41d4-a716-446655440000",
            "$up3rS3cretT0kenForUs1234",
            "key",
            "none",
            "n/a",
            "groq",
            "token-of-a-team-42",
            "sk-ollama",
            "file:correct-horse-battery",
            "token84729384729384",
            "correct-horse-battery-key",
            "my-team-token-of-spring",
            "vault:5f0e1a7c9b3d4e62",
            "vault:a-long-one-of-the-vault",
            "abcdefgh",
            "case-token-0123456789abcdef",
            "set-sail-with-me",
            "use-the-long-boat-later",
            "1234abcd5678",
            "key-1",
            "banana-banana-token",
            "0001020304050607080910",
            "{\"type\":\"service_account\",\"token_uri\":\"https://oauth2.example\"}",
        ] {
            assert!(found_in(text).is_none(), "{text}");
        }
    }

    #[test]
    fn lines_within_a_value() {
        for text in [
            "tok-0123456789OPENAI_API_KEY=sk-1",
            "OPENAI_API_KEY=sk-1",
            "export AUTH_TOKEN=x",
            "tok-0123456789PORT=8080",
            "AUTH_TOKEN_FILE=/run/x",
        ] {
            assert!(holds_a_line(text), "{text}");
        }
        for text in ["sk-abc==", "AB_KEY=", "a=b", "IQoJb3JpZ2lu/abc+DEF=", "user=me;key=x", "sk_A_KEY==", ""] {
            assert!(!holds_a_line(text), "{text}");
        }
    }

    #[test]
    fn what_is_drawn_at_random_is_never_told() {
        let mut seed = 1_u64;
        for alphabet in [
            "0123456789abcdef",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            for nth in 0..3000 {
                let mut letter = || {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    alphabet.as_bytes()[usize::try_from(seed >> 33).unwrap_or(0) % alphabet.len()] as char
                };
                let drawn: String = (0..20 + nth % 40).map(|_| letter()).collect();
                for key in [drawn.clone(), format!("sk-{drawn}"), format!("AIza{drawn}"), format!("gsk_{drawn}=")] {
                    assert!(found_in(&key).is_none() && !holds_a_line(&key), "{key}");
                }
            }
        }
    }
}
