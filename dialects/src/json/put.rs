//! Writes JSON straight into a buffer: no tree in between, and raw JSON goes in as it is.
//!
//! An [`Object`] or [`List`] closes itself when it is dropped.

use std::io::Write;

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

/// A JSON string with its quotes.
pub fn string(out: &mut Vec<u8>, text: &str) {
    // Writing a string into a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Pretty-printed JSON goes on one line: in an event of a stream a line end would end the data. Inside of a string of
/// valid JSON there are none.
fn one_line(out: &mut Vec<u8>, json: &str) {
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

    pub fn object(&mut self) -> Object<'_> {
        self.next();
        Object::open(self.out)
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
