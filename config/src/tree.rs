//! YAML as a tree in which every node knows its line and column.
//!
//! serde stops at the first unknown or ill-typed field; `check` has to tell all of them. So the file
//! is read once into this tree, and the readers walk it. What always holds: aliases and merge keys
//! are resolved, repeated keys are kept (the reader tells them), the text of a scalar is the text
//! of the file (`0x10`, `1.10` and `007` are still themselves), and size, depth and alias expansion
//! are bounded.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Location, Spanned};

/// A line and a column, both from 1; 0 where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pos {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) at: Pos,
    pub(crate) value: Value,
}

#[derive(Clone)]
pub(crate) enum Value {
    Null,
    /// Text, number or truth: which one is the reader's business.
    Scalar(String),
    Seq(Vec<Node>),
    /// In the order of the file; a key may stand there twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) at: Pos,
    pub(crate) text: String,
}

/// Why a text is not a tree. The message never quotes the text.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) at: Pos,
    pub(crate) message: String,
}

/// Nodes replayed from aliases in the whole file: far above an honest file, far below a bomb.
const MOST_REPLAYED: usize = 20_000;

/// An empty text is [`Value::Null`].
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = serde_yaml::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        // A snippet would show lines of the file, and with them keys.
        with_snippet: false,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
    };
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Ok(settle(raw, text)),
        Err(error) => Err(syntax_error(&error)),
    }
}

fn syntax_error(error: &serde_yaml::Error) -> SyntaxError {
    let error = error.without_snippet();
    let at = error.location().map_or_else(Pos::default, position);
    // The library names its policies and its types; what helps a user is said here in their words.
    let message = match error {
        serde_yaml::Error::AliasReplayLimitExceeded { .. }
        | serde_yaml::Error::AliasExpansionLimitExceeded { .. }
        | serde_yaml::Error::AliasReplayStackDepthExceeded { .. } => "the aliases expand to too much".to_owned(),
        serde_yaml::Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "an alias refers to what contains it".to_owned()
        }
        serde_yaml::Error::UnknownAnchor { .. } => "an alias without its anchor".to_owned(),
        serde_yaml::Error::MultipleDocuments { .. } => "a second document (`---`)".to_owned(),
        serde_yaml::Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            "`<<` merges something that is not a mapping".to_owned()
        }
        serde_yaml::Error::Budget { .. } => "the document is too large or too deep".to_owned(),
        // What went wrong in an expanded alias is told where the alias stands.
        serde_yaml::Error::AliasError { error, .. } => {
            let SyntaxError { at: inside, message } = syntax_error(error);
            return SyntaxError { at: if at.line > 0 { at } else { inside }, message };
        }
        serde_yaml::Error::ExternalMessage { msg, .. } => {
            format!("not valid YAML: {}", first_words(msg))
        }
        _ => "not valid YAML".to_owned(),
    };
    SyntaxError { at, message }
}

/// Scanner messages are fixed sentences about structure; whatever follows a quote is not taken along.
fn first_words(message: &str) -> &str {
    let end = message.find(['`', '"', '\n']).unwrap_or(message.len());
    message.get(..end).unwrap_or_default().trim_end_matches([' ', ':', ','])
}

fn position(at: Location) -> Pos {
    Pos {
        line: usize::try_from(at.line()).unwrap_or_default(),
        column: usize::try_from(at.column()).unwrap_or_default(),
    }
}

/// What the library hands over, before positions and source text are joined to it.
enum Raw {
    Null,
    Text(String),
    /// A plain scalar that the library took for a number or a truth value: its text is in the source.
    Typed(String),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

/// Replaces typed scalars by the text they were written as, and copies the positions.
fn settle(raw: Spanned<Raw>, source: &str) -> Node {
    let at = position(raw.referenced);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar(text),
        Raw::Typed(text) => Value::Scalar(written(&raw.defined, source).unwrap_or(text)),
        Raw::Seq(items) => Value::Seq(items.into_iter().map(|item| settle(item, source)).collect()),
        Raw::Map(pairs) => {
            Value::Map(pairs.into_iter().map(|(k, v)| (settle_key(k, source), settle(v, source))).collect())
        }
    };
    Node { at, value }
}

fn settle_key(raw: Spanned<Raw>, source: &str) -> Key {
    let Node { at, value } = settle(raw, source);
    let text = match value {
        Value::Scalar(text) => text,
        Value::Null => "null".to_owned(),
        // No reader knows such a key, so it is told as unknown.
        Value::Seq(_) | Value::Map(_) => "[complex key]".to_owned(),
    };
    Key { at, text }
}

fn written(at: &Location, source: &str) -> Option<String> {
    let span = at.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    let text = source.get(start..end)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    /// The tree in one line, each scalar with its position.
    fn drawn(node: &Node) -> String {
        let Pos { line, column } = node.at;
        match &node.value {
            Value::Null => format!("~@{line}:{column}"),
            Value::Scalar(text) => format!("{text}@{line}:{column}"),
            Value::Seq(items) => {
                format!("[{}]", items.iter().map(drawn).collect::<Vec<_>>().join(" "))
            }
            Value::Map(pairs) => {
                let drawn_pairs =
                    pairs.iter().map(|(k, v)| format!("{}@{}:{}={}", k.text, k.at.line, k.at.column, drawn(v)));
                format!("{{{}}}", drawn_pairs.collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn tree(text: &str) -> String {
        drawn(&parse(text).unwrap())
    }

    fn error(text: &str) -> SyntaxError {
        match parse(text) {
            Ok(node) => panic!("parsed as {}", drawn(&node)),
            Err(error) => error,
        }
    }

    #[test]
    fn every_node_knows_its_place() {
        assert_eq!(tree("a:\n  b: [x, 'y']\n"), "{a@1:1={b@2:3=[x@2:7 y@2:10]}}");
        assert_eq!(tree(""), "~@1:1");
        assert_eq!(tree("\u{e4}: \u{fc}\nc: d"), "{\u{e4}@1:1=\u{fc}@1:4 c@2:1=d@2:4}");
    }

    #[test]
    fn scalars_keep_the_text_of_the_file() {
        assert_eq!(
            tree("[007, 0x10, 1.10, 1e3, True, .inf, yes, '5', -0, 1_000]"),
            "[007@1:2 0x10@1:7 1.10@1:13 1e3@1:19 True@1:24 .inf@1:30 yes@1:36 5@1:41 -0@1:46 1_000@1:50]"
        );
        assert_eq!(tree("1.10: x\n2: y"), "{1.10@1:1=x@1:7 2@2:1=y@2:4}");
    }

    #[test]
    fn repeated_keys_are_kept_for_the_reader() {
        assert_eq!(tree("a: 1\na: 2"), "{a@1:1=1@1:4 a@2:1=2@2:4}");
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b";
        let drawn = tree(text);
        assert!(drawn.contains("y@4:3=3@4:6"), "{drawn}");
        assert!(drawn.contains("=1@") && !drawn.contains("<<"), "{drawn}");
        assert!(drawn.contains("again@5:1={"), "{drawn}");
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
        }
        assert_eq!(error(&text).message, "the aliases expand to too much");
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line_and_without_its_text() {
        for (text, line) in [
            ("a: b\nkey: [hunter2", 2),
            ("a: b\n\tkey: hunter2", 2),
            ("a: *hunter2", 1),
            ("a: 'hunter2", 1),
            ("a: b\n---\nc: hunter2", 2),
            ("a: &a [*a, hunter2]", 1),
            ("a: \"\\q hunter2\"", 1),
            ("<<: hunter2", 1),
            ("hunter2\na: b", 1),
            ("a: !!int hunter2", 1),
        ] {
            let told = error(text);
            assert!(!told.message.contains("hunter2"), "{text}: {}", told.message);
            assert!(told.at.line.abs_diff(line) <= 1 && told.at.line > 0, "{text}: {told:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(!error(&deep).message.is_empty());
    }
}
