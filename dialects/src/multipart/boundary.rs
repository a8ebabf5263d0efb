//! The boundary of an upload, where every reader finds the same one.
//!
//! Readers differ in what they make of escapes, of a parameter that is given twice or in pieces, of what stands behind a
//! closing quote. One that splits the form at another boundary than we do sees other parts, and another model. So what
//! is not plain is refused, and upstreams are told the boundary alone, as [`content_type`] writes it.
//! Source: RFC 2046 section 5.1.1, RFC 7578 section 4.1, RFC 2231.

/// What the content types of a request say of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// Not in parts.
    No,
    /// `multipart/form-data`, with this boundary for every reader.
    Boundary(&'a str),
    /// In parts, and readers could differ about where they are; or of another kind than `form-data`.
    Odd,
}

/// RFC 2046 allows 70 characters; a little more does no harm.
const MAX: usize = 128;

/// Reads all of a request's `content-type` headers.
pub fn form<'a>(mut content_types: impl Iterator<Item = &'a [u8]>) -> Form<'a> {
    let Some(first) = content_types.next() else { return Form::No };
    let mut others = content_types.peekable();
    if others.peek().is_none() {
        return if in_parts(first) { read(first) } else { Form::No };
    }
    // Which of several counts is anybody's guess.
    if in_parts(first) || others.any(in_parts) { Form::Odd } else { Form::No }
}

/// How an upstream is told the boundary.
pub fn content_type(boundary: &str) -> String {
    let quote = if boundary.bytes().all(is_plain) { "" } else { "\"" };
    format!("multipart/form-data; boundary={quote}{boundary}{quote}")
}

/// Whether anybody could take it for a type of parts, wherever in the header the word stands.
fn in_parts(content_type: &[u8]) -> bool {
    const WORD: &[u8] = b"multipart/";
    // Nearly all begin with `application/json`, and are done with here.
    if content_type.eq_ignore_ascii_case(b"application/json") {
        return false;
    }
    content_type.windows(WORD.len()).any(|part| part.eq_ignore_ascii_case(WORD))
}

fn read(content_type: &[u8]) -> Form<'_> {
    let Ok(text) = std::str::from_utf8(content_type) else { return Form::Odd };
    let mut parameters = text.split(';');
    let essence = parameters.next().unwrap_or_default();
    if !essence.trim_matches(' ').eq_ignore_ascii_case("multipart/form-data") {
        return Form::Odd;
    }
    let mut found = None;
    for parameter in parameters {
        let parameter = parameter.trim_matches([' ', '\t']);
        if parameter.is_empty() {
            continue; // a semicolon at the end
        }
        let Some((name, value)) = parameter.split_once('=') else { return Form::Odd };
        // A quote that is still open here held a semicolon, or an escape.
        let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if inner.unwrap_or(value).contains(['"', '\\']) || value == "\"" {
            return Form::Odd;
        }
        if !name.eq_ignore_ascii_case("boundary") {
            // `boundary*`, `boundary*0`, `boundary ` and the like.
            let begins = name.get(..8).is_some_and(|begins| begins.eq_ignore_ascii_case("boundary"));
            if begins || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Form::Odd;
            }
            // Some read the names of parts in it.
            let inner = inner.unwrap_or(value);
            if name.eq_ignore_ascii_case("charset") && !super::is_ascii_based(inner) {
                return Form::Odd;
            }
            continue;
        }
        let plain = match inner {
            None => value.bytes().all(is_plain),
            Some(inner) => inner.bytes().all(|byte| is_plain(byte) || b"'():=?/".contains(&byte)),
        };
        let value = inner.unwrap_or(value);
        if !plain || value.is_empty() || value.len() > MAX || found.is_some() {
            return Form::Odd;
        }
        found = Some(value);
    }
    found.map_or(Form::Odd, Form::Boundary)
}

/// Fit for a boundary without quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(content_type: &str) -> Form<'_> {
        form([content_type.as_bytes()].into_iter())
    }

    #[test]
    fn what_clients_send_is_read_and_told_alike() {
        for (text, boundary) in [
            ("multipart/form-data; boundary=abc", "abc"),
            ("multipart/form-data;boundary=abc;", "abc"),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"abc\"", "abc"),
            ("multipart/form-data; boundary=\"abc\"; charset=\"UTF-8\"", "abc"),
            ("multipart/form-data; boundary=abc; charset=ISO-8859-1", "abc"),
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                "----WebKitFormBoundary7MA4YWxkTrZu0gW",
            ),
            ("multipart/form-data; boundary=\"----=_Part_0_1.2\"", "----=_Part_0_1.2"),
        ] {
            assert_eq!(one(text), Form::Boundary(boundary), "{text}");
            let told = content_type(boundary);
            assert_eq!(one(&told), Form::Boundary(boundary), "{told}");
        }
        for text in ["application/json", "APPLICATION/JSON; charset=utf-8", "text/plain", ""] {
            assert_eq!(one(text), Form::No, "{text}");
        }
        assert_eq!(form(std::iter::empty()), Form::No);
        assert_eq!(form([&b"application/json"[..], b"text/plain"].into_iter()), Form::No);
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/mixed; boundary=a",
            "multipart/form-data, application/json; boundary=a",
            "application/json, multipart/form-data; boundary=a",
            "application/json; a=multipart/form-data; boundary=a",
            "multipart/form-data boundary=a",
            "multipart/form-data; boundary=\"a;b\"",
            "multipart/form-data; boundary=x; boundary=yy",
            "multipart/form-data; boundary=x; BOUNDARY=x",
            "multipart/form-data; boundary=x; boundary*=utf-8''yy",
            "multipart/form-data; boundary*=utf-8''yy",
            "multipart/form-data; boundary*0=y; boundary*1=y; boundary=x",
            "multipart/form-data; boundary=\"y\\y\"",
            "multipart/form-data; a=\"; boundary=x\"; boundary=yy",
            "multipart/form-data; boundary=\"yy\"junk",
            "multipart/form-data; boundary=\"yy",
            "multipart/form-data; boundary=yy\"",
            "multipart/form-data; boundary=\"",
            "multipart/form-data; boundary=\"yy \"",
            "multipart/form-data; boundary=\" yy\"",
            "multipart/form-data; boundary=y y",
            "multipart/form-data; boundary = yy",
            "multipart/form-data; boundary= yy",
            "multipart/form-data; boundary=yy,x",
            "multipart/form-data; boundary=\"yy,x\"",
            "multipart/form-data; boundary='yy'",
            "multipart/form-data; boundary=yy=x",
            "multipart/form-data; boundary=yy(x)",
            "multipart/form-data; boundary=%79y",
            "multipart/form-data; boundary=y\u{fc}",
            "multipart/form-data; boundary=yy; charset=utf-7",
            "multipart/form-data; boundary=yy; charset=utf-16",
            "multipart/form-data; charset; boundary=yy",
        ] {
            assert_eq!(one(text), Form::Odd, "{text}");
        }
        assert_eq!(one(&format!("multipart/form-data; boundary={}", "x".repeat(MAX + 1))), Form::Odd);
        let two = |a: &'static str, b: &'static str| form([a.as_bytes(), b.as_bytes()].into_iter());
        for (a, b) in [
            ("multipart/form-data; boundary=x", "multipart/form-data; boundary=yy"),
            ("multipart/form-data; boundary=x", "multipart/form-data; boundary=x"),
            ("application/json", "multipart/form-data; boundary=x"),
            ("multipart/form-data; boundary=x", "application/json"),
        ] {
            assert_eq!(two(a, b), Form::Odd, "{a} {b}");
        }
        assert_eq!(form([&b"multipart/form-data; boundary=\xff"[..]].into_iter()), Form::Odd);
    }
}
