//! Reads `.env`: names, values and the line each stands on.
//!
//! What always holds: a value is taken as it is written. dotenvy would replace `$NAME` by what the
//! process's environment says, which silently changes a secret that has a `$` in it, and would refuse
//! most backslashes; both are kept from happening here. Of a name that is set twice the last one counts, as
//! for docker, compose and the shell. An error tells the line and never what is on it.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use crate::tree::Pos;
use crate::{Finding, Severity};

/// One variable of the file.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) at: Pos,
}

pub(crate) type Entries = BTreeMap<String, Entry>;

/// Stand in for `$` and `\` while dotenvy reads: code points that are never assigned, so no file has them.
const DOLLAR: char = '\u{10fffe}';
const BACKSLASH: char = '\u{10ffff}';

/// Everything that can be read, and what cannot.
pub(crate) fn read(file: &Path, text: &str, findings: &mut Vec<Finding>) -> Entries {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut hidden = hide(text);
    // dotenvy takes a blank at the very end of the file for an unfinished line.
    hidden.push('\n');
    let lines: Vec<&str> = text.lines().collect();
    let handed_out = std::cell::Cell::new(0);
    let reader = LineByLine { rest: hidden.as_bytes(), lines: &handed_out };
    let mut entries = Entries::new();
    for item in dotenv::from_read_iter(reader) {
        match item {
            Ok((name, value)) => {
                let line = line_of(&lines, handed_out.get(), &name);
                let at = Pos { line, column: 1 };
                let value = value.replace(DOLLAR, "$").replace(BACKSLASH, "\\");
                if let Some(before) = entries.insert(name.clone(), Entry { value, at }) {
                    let before = before.at.line;
                    let found = format!("set again (before on line {before}): line {line} counts");
                    findings.push(Finding {
                        line,
                        path: name,
                        severity: Severity::Warning,
                        ..Finding::file_error(file, found, format!("remove line {before}"))
                    });
                }
            }
            Err(error) => {
                let span = match &error {
                    dotenv::Error::LineParse(content, _) => content.lines().count(),
                    _ => 1,
                };
                findings.push(Finding {
                    line: (handed_out.get() + 1).saturating_sub(span.max(1)).min(lines.len().max(1)),
                    ..Finding::file_error(
                        file,
                        "the line cannot be read",
                        "write NAME=value, with quotes around a value that has spaces, `#` or quotes in it",
                    )
                });
            }
        }
    }
    entries
}

/// The text with what dotenvy would change hidden from it: every `$`, and each backslash that escapes nothing. Within
/// double quotes `\n`, `\\` and an escaped quote, blank or `$` are what they are for every reader of such files; without
/// quotes only the last three (a Windows path is `C:\new`), and within single quotes none.
fn hide(text: &str) -> String {
    #[derive(Clone, Copy, PartialEq)]
    enum In {
        Name,
        Comment,
        Value,
        Quotes(char),
    }
    let mut hidden = String::with_capacity(text.len() + 1);
    let (mut place, mut begun, mut blank) = (In::Name, false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (place, c) {
            (In::Name | In::Comment | In::Value, '\n') => (place, begun) = (In::Name, false),
            (In::Name, '=') => place = In::Value,
            (In::Name, '#') if !begun => place = In::Comment,
            // As dotenvy has it: a comment begins behind a blank.
            (In::Value, '#') if blank => place = In::Comment,
            (In::Value, '"' | '\'') => place = In::Quotes(c),
            (In::Quotes(quote), _) if c == quote => place = In::Value,
            _ => {}
        }
        if c == '\u{feff}' && place == In::Name && !begun {
            continue; // where files were put together, each may have brought its own
        }
        begun |= place == In::Name && !c.is_whitespace() && c != '\n';
        blank = c.is_whitespace() || place == In::Value && c == '=';
        let next = chars.peek().copied();
        match (c, place) {
            ('$', _) => hidden.push(DOLLAR),
            ('\\', In::Value | In::Quotes('"')) if next == Some('$') => {}
            ('\\', In::Value) if matches!(next, Some('"' | '\'' | ' ')) => {
                hidden.extend([Some(c), chars.next()].into_iter().flatten())
            }
            ('\\', In::Quotes('"')) if matches!(next, Some('"' | '\'' | ' ' | '\\' | 'n')) => {
                hidden.extend([Some(c), chars.next()].into_iter().flatten());
            }
            ('\\', In::Value | In::Quotes(_)) => hidden.push(BACKSLASH),
            _ => hidden.push(c),
        }
    }
    hidden
}

/// Hands out at most one line a call, so that the number of lines handed out is the number of lines
/// that dotenvy (whose buffer asks again only when it is empty) has taken.
struct LineByLine<'a> {
    rest: &'a [u8],
    lines: &'a std::cell::Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|b| *b == b'\n').map_or(self.rest.len(), |at| at + 1);
        let (line, _) = self.rest.split_at(end.min(buffer.len()));
        let (Some(target), Some(rest)) = (buffer.get_mut(..line.len()), self.rest.get(line.len()..)) else {
            return Ok(0);
        };
        target.copy_from_slice(line);
        if line.ends_with(b"\n") {
            self.lines.set(self.lines.get() + 1);
        }
        self.rest = rest;
        Ok(line.len())
    }
}

/// The last line up to `taken` on which `name` is set: a quoted value may span several.
fn line_of(lines: &[&str], taken: usize, name: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("export").map_or(line, str::trim_start);
        line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    (1..=taken.min(lines.len()))
        .rev()
        .find(|number| lines.get(number - 1).is_some_and(|line| sets(line)))
        .unwrap_or(taken)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read_text(text: &str) -> (Entries, Vec<Finding>) {
        let mut findings = Vec::new();
        let entries = read(Path::new(".env"), text, &mut findings);
        (entries, findings)
    }

    #[test]
    fn values_and_their_lines() {
        let text = "# head\n\nA=1\nexport B = \"two words\" # why\nPEM=\"-----BEGIN\nx\n-----END\"\nC='#3'\nD=";
        let (entries, findings) = read_text(text);
        assert!(findings.is_empty(), "{findings:?}");
        let got: Vec<_> = entries.iter().map(|(k, e)| (k.as_str(), e.value.as_str(), e.at.line)).collect();
        assert_eq!(
            got,
            [("A", "1", 3), ("B", "two words", 4), ("C", "#3", 8), ("D", "", 9), ("PEM", "-----BEGIN\nx\n-----END", 5)]
        );
    }

    #[test]
    fn a_dollar_sign_stays_what_it_is() {
        let (entries, findings) = read_text("A=x$HOME\nB=\"p${PATH}q\"\nC='r$$s'\nD=t\\$u\nE=v$ ");
        assert!(findings.is_empty(), "{findings:?}");
        let values: Vec<_> = entries.values().map(|e| e.value.as_str()).collect();
        assert_eq!(values, ["x$HOME", "p${PATH}q", "r$$s", "t$u", "v$"]);
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark() {
        let (entries, findings) = read_text("\u{feff}A=1\r\n\u{feff}B=2\r\n");
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!((entries["A"].value.as_str(), entries["B"].value.as_str()), ("1", "2"));
    }

    #[test]
    fn every_bad_line_is_told_and_none_is_shown() {
        let text = "A=1\nhunter2 is no setting\nB=ok\nC=hunter2 unquoted\nA=2\n=hunter2\nD=\"hunter2\nE=5\n";
        let (entries, findings) = read_text(text);
        assert!(entries.contains_key("B"));
        let lines: Vec<_> = findings.iter().map(|f| f.line).collect();
        assert_eq!(lines, [2, 4, 5, 6, 7], "{findings:?}");
        assert!(!format!("{findings:?}").contains("hunter2"));
    }

    #[test]
    fn of_a_name_that_is_set_twice_the_last_one_counts() {
        let (entries, findings) = read_text("PORT=9090\nA=hunter2\nPORT=9091\nexport PORT = '9092'\nA=hunter3\n");
        assert_eq!((entries["PORT"].value.as_str(), entries["PORT"].at.line), ("9092", 4));
        assert_eq!(entries["A"].value, "hunter3");
        let told: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                ".env:3: warning: PORT: set again (before on line 1): line 3 counts; remove line 1",
                ".env:4: warning: PORT: set again (before on line 3): line 4 counts; remove line 3",
                ".env:5: warning: A: set again (before on line 2): line 5 counts; remove line 2",
            ]
        );
    }

    #[test]
    fn a_backslash_stays_what_it_is() {
        let text = r#"A=C:\new\table.pem
B="C:\dir" # it's
C='D:\certs\'
D=a\\b
E=pa\ss\
F="l1\nl2\\\"q\" \x"
G=b\ c\"d\'
# H='C:\
I=\\server\share\$x#y
J='\$'
"#;
        let (entries, findings) = read_text(text);
        assert!(findings.is_empty(), "{findings:?}");
        let value = |name: &str| entries[name].value.clone();
        assert_eq!(value("A"), r"C:\new\table.pem");
        assert_eq!(value("B"), r"C:\dir");
        assert_eq!(value("C"), r"D:\certs\");
        assert_eq!(value("D"), r"a\\b");
        assert_eq!(value("E"), r"pa\ss\");
        assert_eq!(value("F"), "l1\nl2\\\"q\" \\x");
        assert_eq!(value("G"), "b c\"d'");
        assert_eq!(value("I"), r"\\server\share$x#y");
        assert_eq!(value("J"), r"\$");
        assert_eq!(entries.len(), 9);
    }
}
