//! What stands where a secret should and is none: the words of examples, and variables that nobody resolved.
//!
//! Everybody knows the token that a README prints, so as a token it lets everybody in; as a key it is refused by the
//! provider, at the first request. What people write for servers that take no key (`dummy`, `EMPTY`, `not-needed`) is
//! none. Always: what is told says of which sort it is, and nothing of the text.

/// Which sort of placeholder it is.
pub(crate) fn found_in(text: &str) -> Option<&'static str> {
    let text = text.trim().trim_matches(['"', '\'', '`']).to_ascii_lowercase();
    // A secret with words in front (`prod-todo-5f0e1a7c9b3d4e62`), or that begins with a dollar.
    if is_drawn(&text) && !["${", "...", "***"].iter().any(|part| text.contains(part)) {
        return None;
    }
    if is_reference(&text) {
        return Some("a reference that nothing has resolved, not the secret that it names");
    }
    if text.contains("...") || text.contains("***") {
        return Some("a secret that was shortened for showing, not all of it");
    }
    is_example(&text).then_some("a placeholder from an example")
}

/// `$NAME`, `${NAME}`, `%NAME%`, `{{ name }}`, `os.environ/NAME`: each of another tool's files. In small letters.
pub(crate) fn is_reference(text: &str) -> bool {
    const BEGIN: [&str; 7] =
        ["os.environ", "os.getenv", "process.env", "import.meta.env", "op://", "env:", "secretref:"];
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let within = |open, close| text.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    text.contains("${")
        || text.contains("{{")
        || text.contains("$(")
        || text.strip_prefix('$').is_some_and(is_name)
        || within('%', '%').is_some_and(is_name)
        || BEGIN.iter().any(|begin| text.starts_with(begin))
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
    const COMMON: [&str; 20] = [
        "a", "admin", "api", "apikey", "auth", "client", "is", "key", "long", "my", "password", "random", "secret",
        "some", "strong", "super", "the", "this", "token", "very",
    ];
    const WORDS: [&str; 9] =
        ["changeme", "fixme", "insertkey", "replace", "replaceme", "todo", "yourapikey", "yourkey", "yourtoken"];
    const OF_KEYS: [&str; 8] = ["api", "apikey", "here", "key", "secret", "token", "auth", "password"];
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    let all_of = |letter: u8, word: &str| word.len() >= 3 && word.bytes().all(|b| b == letter);
    let of_keys = || OF_KEYS.iter().any(|word| has(word));
    text.starts_with('<') && text.ends_with('>')
        || WHOLE.contains(&text)
        || words.len() > 1 && of_keys() && words.iter().all(|word| COMMON.contains(word))
        || WORDS.iter().any(|word| has(word))
        || has("change") && (has("me") || has("this") || has("it"))
        || ["your", "insert", "paste", "enter", "put"].iter().any(|word| has(word)) && of_keys()
        || has("here") && words.len() > 1 && of_keys()
        || words
            .iter()
            .any(|word| all_of(b'x', word) || word.strip_prefix("aiza").is_some_and(|rest| all_of(b'x', rest)))
}

#[cfg(test)]
mod tests {
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
        ] {
            assert!(found_in(text).is_none(), "{text}");
        }
    }
}
