//! A multipart body, taken apart as it comes in: small fields are kept, files are counted and let go.
//!
//! Source: RFC 7578 and RFC 2046, 5.1. What always holds: at most [`MOST_KEPT`] bytes are held, whatever is uploaded.

use memchr::memmem;
use serde_json::{Map, Value};

use super::request::{Refusal, Request, Upload};

/// A part's headers, a field's value, and all fields together.
const MOST_KEPT: usize = 256 * 1024;
const MOST_PARTS: usize = 64;

#[derive(Debug)]
enum State {
    /// Before a delimiter: preamble, or a part whose bytes are counted (a file) or kept (a field).
    Part(Option<Part>),
    /// Behind a delimiter: the end, or another part.
    Delimiter,
    Headers,
    Done,
}

#[derive(Debug)]
struct Part {
    name: String,
    /// A file's name; None for a field.
    file: Option<String>,
    kept: Vec<u8>,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Form {
    delimiter: Vec<u8>,
    state: State,
    buffer: Vec<u8>,
    kept: usize,
    fields: Map<String, Value>,
    uploads: Vec<Upload>,
}

impl Form {
    /// The boundary that a `content-type` names, if it is a form's.
    pub(super) fn boundary(content_type: &str) -> Option<&str> {
        let (kind, parameters) = content_type.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(parameters, "boundary")?;
        (1..=70).contains(&boundary.len()).then_some(boundary)
    }

    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Part(None),
            // The first delimiter has no line before it: as if it had.
            buffer: b"\r\n".to_vec(),
            kept: 0,
            fields: Map::new(),
            uploads: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        self.buffer.extend_from_slice(chunk);
        while self.step()? {}
        Ok(())
    }

    /// One step over what is there; false when more is needed.
    fn step(&mut self) -> Result<bool, Refusal> {
        match &mut self.state {
            State::Done => {
                self.buffer.clear();
                Ok(false)
            }
            State::Part(part) => {
                let found = memmem::find(&self.buffer, &self.delimiter);
                // What may be the beginning of a delimiter waits for the rest.
                let upto = found.unwrap_or_else(|| self.buffer.len().saturating_sub(self.delimiter.len() - 1));
                let end = upto + found.map_or(0, |_| self.delimiter.len());
                if let Some(part) = part {
                    part.bytes += upto as u64;
                    if part.file.is_none() {
                        self.kept += upto;
                        part.kept.extend(self.buffer.iter().take(upto));
                    }
                }
                self.buffer.drain(..end);
                if self.kept > MOST_KEPT {
                    return Err(Refusal::new(413, "The form's fields are too large."));
                }
                if found.is_some()
                    && let State::Part(Some(part)) = std::mem::replace(&mut self.state, State::Delimiter)
                {
                    self.finish(part)?;
                }
                Ok(found.is_some())
            }
            State::Delimiter => {
                self.state = match self.buffer.get(..2) {
                    None => return Ok(false),
                    Some(b"--") => State::Done,
                    Some(b"\r\n") => State::Headers,
                    Some(_) => return Err(malformed()),
                };
                // The line end stays: headers are looked for between line ends.
                Ok(true)
            }
            State::Headers => {
                let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else {
                    return if self.buffer.len() > MOST_KEPT { Err(malformed()) } else { Ok(false) };
                };
                let head = self.buffer.get(..end).map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                self.buffer.drain(..end + 4);
                self.state = State::Part(Some(part(&head)?));
                Ok(true)
            }
        }
    }

    fn finish(&mut self, part: Part) -> Result<(), Refusal> {
        if self.fields.len() + self.uploads.len() >= MOST_PARTS {
            return Err(Refusal::new(413, "The form has too many parts."));
        }
        match part.file {
            Some(name) => self.uploads.push(Upload { name, bytes: part.bytes }),
            None => {
                let value = String::from_utf8_lossy(&part.kept).into_owned();
                self.fields.insert(part.name, Value::String(value));
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<Request, Refusal> {
        match self.state {
            State::Done => Ok(Request { body: Value::Object(self.fields), uploads: self.uploads }),
            State::Part(_) | State::Delimiter | State::Headers => Err(malformed()),
        }
    }
}

fn malformed() -> Refusal {
    Refusal::new(400, "The form is not well-formed.")
}

fn part(head: &str) -> Result<Part, Refusal> {
    let disposition = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or_else(malformed)?;
    let name = parameter(disposition, "name").ok_or_else(malformed)?.to_owned();
    let file = parameter(disposition, "filename").map(str::to_owned);
    Ok(Part { name, file, kept: Vec::new(), bytes: 0 })
}

/// `name="value"` or `name=value` among parameters.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const BODY: &str = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndemo\r\n\
        --b\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n\
        --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\
        \r\n--not the end\r\n--B\r\n--b--\r\n";

    #[test]
    fn however_it_is_cut_into_pieces() {
        for size in 1..BODY.len() {
            let mut form = Form::new("b");
            for piece in BODY.as_bytes().chunks(size) {
                form.push(piece).unwrap();
            }
            let request = form.end().unwrap();
            assert_eq!((request.model(), request.text("empty")), ("demo", ""), "{size}");
            assert_eq!(request.body.as_object().unwrap().len(), 2);
            assert_eq!(request.uploads, [Upload { name: "a.wav".into(), bytes: 20 }]);
        }
    }

    #[test]
    fn a_file_is_not_held() {
        let mut form = Form::new("b");
        form.push(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n").unwrap();
        for _ in 0..1000 {
            form.push(&[b'\r'; 64 * 1024]).unwrap();
            assert!(form.buffer.len() < 10);
        }
        form.push(b"\r\n--b--").unwrap();
        assert_eq!(form.end().unwrap().uploads[0].bytes, 64 * 1024 * 1000);
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        for bad in
            [&b""[..], b"--b", b"--b\r\n\r\n\r\nx\r\n--b--", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"]
        {
            let mut form = Form::new("b");
            let refused = form.push(bad).and_then(|()| form.end().map(|_| ()));
            assert_eq!(refused.unwrap_err().status, 400);
        }
        let mut form = Form::new("b");
        form.push(b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n").unwrap();
        assert_eq!(form.push(&vec![b'x'; MOST_KEPT * 2]).unwrap_err().status, 413);
        assert_eq!(Form::boundary("multipart/form-data; charset=x; boundary=\"q q\""), Some("q q"));
        assert_eq!(Form::boundary("application/json; boundary=x"), None);
    }
}
