//! What a part of a form is, by its head.
//!
//! Always: on the side of caution. A head that any reader might take for the model's is the model's, however it is
//! written: folded, in another case, quoted, with a name given twice.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Model,
    /// A file that is called `model`: some take a field for it.
    ModelFile,
    Stream,
    File,
    Other,
}

impl Part {
    pub(super) fn read(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head).replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
        let dispositions = head.split('\n').filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        });
        let (mut model, mut stream, mut file) = (false, false, false);
        for (key, value) in dispositions.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('=')) {
            let name = match key.trim().to_ascii_lowercase().as_str() {
                "filename" | "filename*" => {
                    file = true;
                    continue;
                }
                "name" => unquoted(value),
                // RFC 5987: charset, language and value between apostrophes.
                "name*" => unquoted(value.rsplit('\'').next().unwrap_or_default()),
                _ => continue,
            };
            model |= name == "model";
            stream |= name == "stream";
        }
        match (model, file, stream) {
            (true, true, _) => Self::ModelFile,
            (true, false, _) => Self::Model,
            (false, true, _) => Self::File,
            (false, false, true) => Self::Stream,
            (false, false, false) => Self::Other,
        }
    }
}

/// Up to the closing quote, without backslashes; or up to a blank.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    let Some(quoted) = value.strip_prefix('"') else {
        return value.split([' ', '\t']).next().unwrap_or_default().trim_end_matches('"').to_owned();
    };
    let mut out = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn a_model_is_known_however_it_is_written() {
        for head in [
            "Content-Disposition: form-data; name=\"model\"",
            "content-disposition:form-data;name=model",
            "CONTENT-DISPOSITION: form-data; NAME=\"model\"",
            "Content-Disposition: form-data;\r\n name=\"model\"",
            "Content-Disposition: form-data;\n\tname = \"mod\\el\" junk",
            "Content-Disposition: form-data; name*=UTF-8''model",
            "Content-Disposition: form-data; name=\"x\"; name=\"model\"",
            "Content-Disposition: form-data; name=\"model\"; name=\"x\"",
            "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"",
        ] {
            assert_eq!(Part::read(head.as_bytes()), Part::Model, "{head}");
        }
        assert_eq!(Part::read(b"content-disposition: form-data; name=\"model\"; x=\"\xff\""), Part::Model);
    }

    #[test]
    fn other_parts_are_what_they_are() {
        for (head, part) in [
            ("content-disposition: form-data; name=\"file\"; filename=\"model\"", Part::File),
            ("content-disposition: form-data; name=\"model\"; filename=\"a\"", Part::ModelFile),
            ("content-disposition: form-data; name=\"stream\"", Part::Stream),
            ("content-disposition: form-data; name=\"model_id\"", Part::Other),
            ("x: name=\"model\"", Part::Other),
            ("", Part::Other),
        ] {
            assert_eq!(Part::read(head.as_bytes()), part, "{head}");
        }
    }
}
