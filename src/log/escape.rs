//! Text from outside, made harmless for a log line.
//!
//! A client chooses paths and model names. Nothing that ends a line, moves a cursor, changes the direction of
//! writing or closes a field may reach the log as it is. Usual text is recognised in one cheap pass and copied
//! whole.

use std::fmt::{self, Write};

/// Text whose every byte stands for itself in a bare `name=value` and inside JSON quotes alike.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, 0x21..=0x7e) & !matches!(byte, b'"' | b'\\' | b'=');
    // Not `all`: without a way out in between sixteen bytes are judged at once.
    !text.is_empty() && text.bytes().fold(true, |so_far, byte| so_far & plain(byte))
}

/// Characters that a terminal or a log viewer acts on instead of showing: controls (C0, DEL, C1), line and paragraph
/// separators, and those that change the direction of writing ("Trojan Source", CVE-2021-42574).
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A value of `name=value`: bare where that is unambiguous, quoted and escaped otherwise.
pub(super) fn word(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        out.push('"');
        inner(out, text, true);
        out.push('"');
    }
}

/// A JSON string with its quotes.
pub(super) fn json(out: &mut String, text: &str) {
    out.push('"');
    json_inner(out, text);
    out.push('"');
}

/// The inside of a JSON string.
pub(super) fn json_inner(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        inner(out, text, true);
    }
}

/// JSON's escapes; they serve in text lines too, so that one rule is to be trusted.
fn inner(out: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        match c {
            '"' | '\\' if quoted => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if acts(c) => {
                // All of them are in the basic plane, so four digits always do.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// Takes a message as it is being formatted and escapes it on the way, so that it is never held unescaped.
pub(super) struct Escaping<'a> {
    pub(super) out: &'a mut String,
    /// Inside JSON quotes: quotes and backslashes are escaped too.
    pub(super) quoted: bool,
}

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        inner(self.out, text, self.quoted);
        Ok(())
    }
}
