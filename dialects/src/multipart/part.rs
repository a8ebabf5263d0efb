//! What a part of a form is, by its head.
//!
//! Always: a head is plain or it is [`Part::Odd`]. It is read in the three ways that readers have (a backslash escapes, a
//! backslash stands for itself, a semicolon separates even between quotes), and one that any of them might take for the
//! model's is the model's only where all of them do.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Model,
    /// A file that is called `model`: some take a field for it.
    ModelFile,
    Stream,
    File,
    /// Readers may differ about it.
    Odd,
    Other,
}

impl Part {
    /// `head`: its lines, each with its end.
    pub(super) fn read(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let (mut disposition, mut types, mut plain) = (None, 0, true);
        for line in head.split("\r\n").filter(|line| !line.is_empty()) {
            // Line ends that only some see, lines that continue others, names that only some accept.
            let Some((name, value)) = line.split_once(':') else { return Self::Odd };
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            if line.contains(['\r', '\n', '\0']) || !is_name {
                return Self::Odd;
            }
            if name.eq_ignore_ascii_case("content-disposition") {
                if disposition.replace(value).is_some() {
                    return Self::Odd;
                }
            } else if name.eq_ignore_ascii_case("content-type") {
                types += 1;
                if begins(value.trim(), "multipart/") {
                    return Self::Odd;
                }
                plain &= types == 1 && is_ascii_based(value);
            } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
                let as_it_stands =
                    ["7bit", "8bit", "binary"].iter().any(|word| value.trim().eq_ignore_ascii_case(word));
                plain &= as_it_stands;
            }
        }
        let Some(disposition) = disposition else { return Self::Other };
        let readings = [Way::Escapes, Way::Literal, Way::Naive].map(|way| Reading::of(disposition, way));
        let searched = searched(disposition);
        let names = readings.iter().flat_map(|reading| &reading.names).map(String::as_str);
        let model = names.chain(searched.iter().copied()).any(|name| is_like(name, "model"));
        let file = readings.iter().any(|reading| reading.file);
        if readings.iter().any(|reading| reading.pieces) {
            return Self::Odd;
        }
        if model {
            let same = searched.len() == 1 && readings.iter().all(|reading| reading.names == ["model"] && reading.tidy);
            let form = begins(disposition.trim_start(), "form-data");
            return match (same && plain && form, file) {
                (false, _) => Self::Odd,
                (true, true) => Self::ModelFile,
                (true, false) => Self::Model,
            };
        }
        match readings.first() {
            _ if file => Self::File,
            Some(reading) if reading.names == ["stream"] => Self::Stream,
            _ => Self::Other,
        }
    }
}

fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(with))
}

/// Whether the value's letters are what its bytes say.
fn is_ascii_based(content_type: &str) -> bool {
    let mut charsets = content_type.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        begins(name.trim(), "charset").then(|| value.trim().trim_matches('"'))
    });
    charsets.all(super::is_ascii_based)
}

/// What a reader finds that searches for `name=` and does not take the value apart (formidable): what stands behind each.
fn searched(disposition: &str) -> Vec<&str> {
    let lower = disposition.to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let found = lower.match_indices("name").filter(|(at, _)| !lower.get(..*at).is_some_and(|b| b.ends_with(is_word)));
    found.filter_map(|(at, name)| disposition.get(at + name.len()..)?.trim_start().strip_prefix('=')).collect()
}

/// Whether some reader might take this name for that one: in another case, with blanks, quotes or what else ends a token
/// around it (Werkzeug reads `model` of `model=`), cut at a NUL, or encoded. What a blank is differs from reader to reader,
/// and bytes that are no UTF-8 may be one.
fn is_like(name: &str, known: &str) -> bool {
    const ENDS: &str = "()<>@,;:\\\"/[]?={}'";
    let mut words = name.split(|c: char| !c.is_ascii_graphic() || ENDS.contains(c));
    let first = words.find(|word| !word.is_empty());
    first.is_some_and(|word| word.eq_ignore_ascii_case(known)) || name.contains("=?")
}

/// Without the blanks around it, whatever a reader takes for one.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_ascii_graphic())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Escapes,
    Literal,
    Naive,
}

/// What one reader makes of a disposition.
struct Reading {
    names: Vec<String>,
    file: bool,
    /// `name*`: in pieces or with a charset, which some put together and some leave out.
    pieces: bool,
    /// Nothing stood where nothing belongs.
    tidy: bool,
}

impl Reading {
    fn of(disposition: &str, way: Way) -> Self {
        let mut reading = Self { names: Vec::new(), file: false, pieces: false, tidy: true };
        let mut rest = disposition.split_once(';').map_or("", |(_, rest)| rest);
        while !rest.is_empty() {
            let (parameter, left) = split(rest, way);
            rest = left;
            let Some((key, value)) = parameter.split_once('=') else { continue };
            let name = bare(key);
            if begins(name, "filename") {
                reading.file = true;
            } else if begins(name, "name*") {
                reading.pieces = true;
            } else if name.eq_ignore_ascii_case("name") {
                let blanks = |c| matches!(c, ' ' | '\t');
                reading.tidy &= key.trim_start_matches(blanks) == name && value.trim_start() == value;
                let (name, tidy) = unquoted(value.trim_matches(blanks), way);
                reading.tidy &= tidy;
                reading.names.push(name);
            }
        }
        reading
    }
}

/// The first parameter, and what is behind its semicolon.
fn split(text: &str, way: Way) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted && way == Way::Escapes => escaped = true,
            b'"' if way != Way::Naive => quoted = !quoted,
            b';' if !quoted => {
                return (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            }
            _ => {}
        }
    }
    (text, "")
}

/// The value without its quotes, and whether it was as it should be.
fn unquoted(value: &str, way: Way) -> (String, bool) {
    let Some(quoted) = value.strip_prefix('"') else {
        return (value.to_owned(), !value.contains(['"', '\\']));
    };
    let (mut out, mut chars) = (String::new(), quoted.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => return (out, chars.as_str().is_empty()),
            '\\' if way == Way::Escapes => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    (out, false)
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn what_clients_write_is_what_it_is() {
        for (head, part) in [
            ("Content-Disposition: form-data; name=\"model\"", Part::Model),
            ("content-disposition:form-data;name=model", Part::Model),
            ("CONTENT-DISPOSITION: form-data; NAME=\"model\"", Part::Model),
            ("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model", Part::Model),
            (
                "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: binary\r\nContent-Length: 9",
                Part::Model,
            ),
            (
                "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit",
                Part::Model,
            ),
            ("content-disposition: form-data; name=\"model\"; filename=\"a\"", Part::ModelFile),
            ("content-disposition: form-data; name=\"model\"; filename*=UTF-8''a", Part::ModelFile),
            ("content-disposition: form-data; name=\"file\"; filename=\"model\"", Part::File),
            (
                "content-disposition: form-data; name=\"file\"; filename=\"a;b \\\"c\\\".mp3\"; filename*=UTF-8''a",
                Part::File,
            ),
            ("content-disposition: form-data; name=\"file\"; filename=\"C:\\dir\\\"", Part::File),
            ("content-disposition: form-data; name=\"file\"; filename=\"name=model.mp3\"", Part::File),
            ("content-disposition: form-data; name=\"stream\"", Part::Stream),
            ("content-disposition: form-data; name=\"model_id\"", Part::Other),
            ("content-disposition: form-data; name=\"timestamp_granularities[]\"", Part::Other),
            ("x: name=\"model\"", Part::Other),
            ("", Part::Other),
        ] {
            assert_eq!(Part::read(head.as_bytes()), part, "{head}");
        }
    }

    #[test]
    fn what_readers_may_take_for_different_parts_is_odd() {
        for disposition in [
            "form-data; name=\"x\"; name=\"model\"",
            "form-data; name=\"model\"; name=\"x\"",
            "form-data; name=\"model\"; name=\"model\"",
            "form-data; name*=UTF-8''model",
            "form-data; name=\"x\"; name*=UTF-8''model",
            "form-data; name*0=mo; name*1=del",
            "form-data; name = \"model\"",
            "form-data; name= \"model\"",
            "form-data; name=\"mod\\el\"",
            "form-data; name=\"model\"junk",
            "form-data; name=\"model",
            "form-data; name=model x",
            "form-data; name='model'",
            "form-data; name=\"Model\"",
            "form-data; name=MODEL",
            "form-data; name=\" model\"",
            "form-data; name=\"model[]\"",
            "form-data; name=\"=?utf-8?q?model?=\"",
            "form-data; filename=\"a\\\"; name=\"model\"",
            "form-data; name=\"x\"; y=\"; name=model\"",
            "form-data; name=\"x; name=model\"",
            "attachment; name=\"model\"",
            // Werkzeug's readings, and formidable's.
            "form-data; name=model=",
            "form-data; name=model@",
            "form-data; name=model/x",
            "form-data; name=model?x",
            "form-data; name=model(c)",
            "form-data; name=model\\",
            "form-data, name=\"model\"",
            "form-data name=\"model\"",
            "form-data; x=\"a name=\"model\"; name=\"y\"",
            "form-data; x-name=\"model\"",
            "form-data; x name=model",
            "form-data; x-name=\"y\"; name=\"model\"",
        ] {
            let head = format!("Content-Disposition: {disposition}");
            assert_eq!(Part::read(head.as_bytes()), Part::Odd, "{head}");
        }
        for head in [
            "Content-Disposition: form-data;\r\n name=\"model\"",
            "Content-Disposition: form-data; name=\"x\";\r\n\tname=\"model\"",
            "Content-Disposition: form-data;\n name=\"model\"",
            "X: a\nContent-Disposition: form-data; name=\"model\"",
            "X: a\rContent-Disposition: form-data; name=\"model\"",
            "Content-Disposition : form-data; name=\"model\"",
            "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"",
            "Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-7",
            "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: quoted-printable",
            "Content-Disposition: form-data; name=\"x\"\r\nContent-Type: multipart/mixed; boundary=y",
            "no header at all",
        ] {
            assert_eq!(Part::read(head.as_bytes()), Part::Odd, "{head}");
        }
        // What some strip, as blanks, and others do not.
        for blank in ["\x0b", "\x0c", "\x1c", "\x1f", "\u{85}", "\u{a0}", "\u{2003}", "\u{feff}", "\x08"]
            .map(str::as_bytes)
            .into_iter()
            .chain([&b"\x85"[..], b"\xa0"])
        {
            for (before, after) in [
                ("Content-Disposition: form-data; name", "=\"model\""),
                ("Content-Disposition: form-data;", "name=\"model\""),
                ("Content-Disposition: form-data; name=", "model"),
                ("Content-Disposition: form-data; name=", "\"model\""),
                ("Content-Disposition: form-data; name=\"", "model\""),
                ("Content-Disposition: form-data; name=\"model", "\""),
                ("Content-Disposition: form-data; name=model", ""),
                ("Content-Disposition", ": form-data; name=\"model\""),
                ("", "Content-Disposition: form-data; name=\"model\""),
            ] {
                let head = [before.as_bytes(), blank, after.as_bytes()].concat();
                assert_eq!(Part::read(&head), Part::Odd, "{}", head.escape_ascii());
            }
        }
        let odd = b"content-disposition: form-data; name=\"model\"; x=\"\xff\"";
        assert_eq!(Part::read(odd), Part::Model);
    }
}
