//! Writes JSON straight into a buffer: no tree in between, and raw JSON goes in as it is.
//!
//! An [`Object`] or [`List`] closes itself when it is dropped.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::output::{Longs, Output};

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

/// A list that is being written.
#[derive(Debug)]
pub struct List<'o> {
    out: &'o mut Vec<u8>,
    any: bool,
}

/// A large buffer grows by a quarter: one that doubles holds three times what is in it while it moves. Leaves room for
/// the quotes and brackets that follow.
pub fn grow(out: &mut Vec<u8>, by: usize) {
    let by = by.saturating_add(64);
    if out.capacity() - out.len() < by && by.max(out.len()) > LARGE {
        out.reserve_exact(by.saturating_add(1_024).max(out.len() / 4));
    }
}

/// Appends to a text that is kept, which grows so as well.
pub fn append(text: &mut String, more: &str) {
    if text.capacity() - text.len() < more.len() && more.len().max(text.len()) > LARGE {
        text.reserve_exact(more.len().max(text.len() / 4));
    }
    text.push_str(more);
}

/// From here on memory counts, and below it time.
const LARGE: usize = 64 * 1024;

/// A JSON string with its quotes. Nearly all text needs no escape, and is copied in one go.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    inside(out, text);
    out.push(b'"');
}

/// A JSON string in pieces.
pub fn strings<'t>(out: &mut Vec<u8>, pieces: impl IntoIterator<Item = &'t str>) {
    out.push(b'"');
    pieces.into_iter().for_each(|piece| inside(out, piece));
    out.push(b'"');
}

/// Room for a text that is written so often: a long one takes it at once.
pub fn grow_for(out: &mut Vec<u8>, text: &str, times: usize) {
    if text.len() > LARGE {
        grow(out, escaped(text).saturating_add(512).saturating_mul(times));
    }
}

/// Text of a JSON string, without its quotes.
pub fn inside(out: &mut Vec<u8>, text: &str) {
    // Of a long text it is worth knowing how long it will be.
    grow(out, if text.len() > LARGE { escaped(text) } else { text.len() });
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(plain_run(rest)).unwrap_or((rest, &[]));
        // Escapes take more than they are counted for above.
        grow(out, plain.len());
        out.extend_from_slice(plain);
        let Some((byte, after)) = after.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // As short as they came: they would be three times as long.
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            other => {
                let _ = write!(out, "\\u{other:04x}");
            }
        }
        rest = after;
    }
}

/// The bytes of [`string`] between its quotes.
pub fn escaped(text: &str) -> usize {
    let one = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(one).sum()
}

/// How many bytes there are before the first that must be escaped: a quote, a backslash, a control character.
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        // The lowest bit that is set here marks the first such byte; those above it may be false.
        let hit = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGH;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let len = rest.iter().position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
    at + len.unwrap_or(rest.len())
}

/// Pretty-printed JSON goes on one line: in an event of a stream a line end would end the data. Inside of a string of
/// valid JSON there are none.
fn one_line(out: &mut Vec<u8>, json: &str) {
    grow(out, json.len());
    if memchr::memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        out.extend_from_slice(json.as_bytes());
        return;
    }
    out.extend(json.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
}

fn number(out: &mut Vec<u8>, number: f64) {
    // NaN and the infinities, which no JSON number is, become null.
    let _ = serde_json::to_writer(out, &number);
}

impl<'o> Object<'o> {
    pub fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    fn key(&mut self, key: &str) {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        string(self.out, key);
        self.out.push(b':');
    }

    pub fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.key(key);
        string(self.out, text);
        self
    }

    pub fn text_or_null(&mut self, key: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(key, text),
            None => self.raw(key, "null"),
        }
    }

    /// A text in pieces.
    pub fn texts<'t>(&mut self, key: &str, pieces: impl IntoIterator<Item = &'t str>) -> &mut Self {
        self.key(key);
        strings(self.out, pieces);
        self
    }

    /// Nothing where there is nothing.
    pub fn text_if(&mut self, key: &str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.text(key, text);
        }
        self
    }

    /// JSON as it is.
    pub fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        one_line(self.out, json);
        self
    }

    /// JSON of our own that is said more than once.
    pub fn kept(&mut self, key: &str, json: &Output, longs: &mut Longs) -> &mut Self {
        self.key(key);
        json.say(self.out, longs);
        self
    }

    /// Text of a JSON string as it is, without its quotes.
    pub fn inside(&mut self, key: &str, text: &[u8]) -> &mut Self {
        self.key(key);
        grow(self.out, text.len());
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
        self
    }

    /// The same, to be said more than once.
    pub fn kept_inside(&mut self, key: &str, text: &Output, longs: &mut Longs) -> &mut Self {
        self.key(key);
        self.out.push(b'"');
        text.say(self.out, longs);
        self.out.push(b'"');
        self
    }

    pub fn whole(&mut self, key: &str, n: u64) -> &mut Self {
        self.key(key);
        let _ = write!(self.out, "{n}");
        self
    }

    pub fn signed(&mut self, key: &str, n: i64) -> &mut Self {
        self.key(key);
        let _ = write!(self.out, "{n}");
        self
    }

    pub fn float(&mut self, key: &str, n: f64) -> &mut Self {
        self.key(key);
        number(self.out, n);
        self
    }

    /// A string whose bytes are told in base64.
    pub fn base64(&mut self, key: &str) -> Base64<'_> {
        self.key(key);
        self.out.push(b'"');
        Base64 { out: self.out, held: [0; HELD], used: 0 }
    }

    pub fn flag(&mut self, key: &str, flag: bool) -> &mut Self {
        self.raw(key, if flag { "true" } else { "false" })
    }

    pub fn object(&mut self, key: &str) -> Object<'_> {
        self.key(key);
        Object::open(self.out)
    }

    pub fn list(&mut self, key: &str) -> List<'_> {
        self.key(key);
        List::open(self.out)
    }
}

impl<'o> List<'o> {
    pub fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, any: false }
    }

    fn next(&mut self) {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.next();
        string(self.out, text);
        self
    }

    /// JSON as it is.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.next();
        one_line(self.out, json);
        self
    }

    /// JSON of our own that is said more than once.
    pub fn kept(&mut self, json: &Output, longs: &mut Longs) -> &mut Self {
        self.next();
        json.say(self.out, longs);
        self
    }

    /// A number of single precision, in as few digits as it takes.
    pub fn single(&mut self, number: f32) -> &mut Self {
        self.next();
        grow(self.out, 0);
        let _ = serde_json::to_writer(&mut *self.out, &number);
        self
    }

    pub fn object(&mut self) -> Object<'_> {
        self.next();
        Object::open(self.out)
    }

    /// An object, unless it is found while it is written that there is to be none.
    pub fn object_if(&mut self, write: impl FnOnce(&mut Object<'_>) -> bool) -> bool {
        let (length, any) = (self.out.len(), self.any);
        let told = write(&mut self.object());
        if !told {
            self.out.truncate(length);
            self.any = any;
        }
        told
    }
}

/// Bytes that become base64 as they come.
#[derive(Debug)]
pub struct Base64<'o> {
    out: &'o mut Vec<u8>,
    held: [u8; HELD],
    used: usize,
}

/// Groups of three bytes, and of four.
const HELD: usize = 768;

impl Base64<'_> {
    /// Four bytes more.
    pub fn push(&mut self, bytes: [u8; 4]) {
        if self.used == HELD {
            self.flush();
        }
        if let Some(place) = self.held.get_mut(self.used..self.used + 4) {
            place.copy_from_slice(&bytes);
            self.used += 4;
        }
    }

    fn flush(&mut self) {
        let mut text = [0; HELD / 3 * 4];
        let held = self.held.get(..self.used).unwrap_or_default();
        let length = STANDARD.encode_slice(held, &mut text).unwrap_or_default();
        grow(self.out, length);
        self.out.extend_from_slice(text.get(..length).unwrap_or_default());
        self.used = 0;
    }
}

impl Drop for Base64<'_> {
    fn drop(&mut self) {
        self.flush();
        self.out.push(b'"');
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        self.out.push(b'}');
    }
}

impl Drop for List<'_> {
    fn drop(&mut self) {
        self.out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_string_is_what_the_parser_takes_it_for() {
        let hard = ["", "\"", "\\", "\u{7f}", "\u{0}\u{1f} \t\r\n\u{8}\u{c}", "日本語🚀", "é\u{80}ÿ", "\u{2028}"];
        for one in hard {
            for two in hard {
                for pad in 0..18 {
                    let text = format!("{one}{}{two}{}", "x".repeat(pad), "y".repeat(pad / 2));
                    let mut out = Vec::new();
                    string(&mut out, &text);
                    assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_json() {
        let mut out = Vec::new();
        let mut top = Object::open(&mut out);
        top.text("a", "x\"\n").whole("n", 7).signed("s", -1).float("f", 0.5).flag("b", true).text_or_null("z", None);
        top.raw("r", "{\n  \"k\": \"a\\nb\"\r\n}").text_if("none", None);
        top.list("l").text("t").raw("[]").object().whole("i", 1);
        top.object("empty");
        top.float("nan", f64::NAN);
        drop(top);
        assert!(!out.contains(&b'\n'));
        assert_eq!(
            serde_json::from_slice::<Value>(&out).unwrap(),
            json!({"a":"x\"\n","n":7,"s":-1,"f":0.5,"b":true,"z":null,"r":{"k":"a\nb"},"l":["t",[],{"i":1}],"empty":{},"nan":null})
        );
    }
}
