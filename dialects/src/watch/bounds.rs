//! Where an event of a stream ends: at a blank line.
//!
//! Lines end with LF, CR LF or CR (HTML standard, 9.2.6). A CR at the end of a chunk may be half of a CR LF: the line
//! counts as ended, and an LF that then comes first is passed over.

use memchr::memchr2;

/// Finds boundaries over any cut of the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Nothing of the current line has come.
    line_empty: bool,
    /// The last byte was a CR that ended a line.
    after_cr: bool,
}

/// An event that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Just behind its blank line.
    pub end: usize,
    /// The event is one line and ends here; only told when all of it was in this piece.
    pub one_line: Option<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { line_empty: true, after_cr: false }
    }
}

impl Bounds {
    /// The first boundary in `bytes`, which follow on what was given before.
    #[inline]
    pub fn find(&mut self, bytes: &[u8]) -> Option<Bound> {
        let fresh = self.line_empty && !self.after_cr;
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            if std::mem::take(&mut self.after_cr) && rest.first() == Some(&b'\n') {
                at += 1;
                continue;
            }
            let Some(len) = memchr2(b'\n', b'\r', rest) else {
                self.line_empty = false;
                return None;
            };
            let blank = self.line_empty && len == 0;
            self.line_empty = true;
            // How nearly every event ends.
            if !blank && rest.get(len..len + 2) == Some(b"\n\n") {
                return Some(Bound { end: at + len + 2, one_line: (fresh && at == 0).then_some(len) });
            }
            at += len + 1;
            if rest.get(len) == Some(&b'\r') {
                match bytes.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if blank {
                return Some(Bound { end: at, one_line: None });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut bounds, mut before, mut found) = (Bounds::default(), 0, Vec::new());
        for piece in pieces {
            let mut at = 0;
            while let Some(bound) = bounds.find(&piece[at..]) {
                at += bound.end;
                found.push(before + at);
            }
            before += piece.len();
        }
        found
    }

    #[test]
    fn every_line_end_makes_a_boundary() {
        assert_eq!(ends(&[b"data: a\n\ndata: b\n\n"]), [9, 18]);
        assert_eq!(ends(&[b"data: a\r\n\r\ndata: b\r\n\r\n"]), [11, 22]);
        assert_eq!(ends(&[b"data: a\r\rdata: b\r\r"]), [9, 18]);
        assert_eq!(ends(&[b"data: a\n\r\ndata: b\r\n\n"]), [10, 20]);
        assert_eq!(ends(&[b"event: x\ndata: a\n\n: c\n\n"]), [18, 23]);
        assert_eq!(ends(&[b"data: a\n"]), [0; 0]);
    }

    #[test]
    fn the_cut_moves_a_boundary_by_no_more_than_the_lf_of_a_crlf() {
        let text = b"data: a\r\n\r\n: c\n\ndata: b\r\rdata: c\n\n\n";
        let whole = ends(&[text]);
        for cut in 0..=text.len() {
            let split = ends(&[&text[..cut], &text[cut..]]);
            assert_eq!(split.len(), whole.len(), "{cut}");
            for (a, b) in split.iter().zip(&whole) {
                assert!(a == b || (a + 1 == *b && text[*a] == b'\n' && *a == cut), "{cut}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_single_line_is_told_with_its_end() {
        assert_eq!(Bounds::default().find(b"data: a\n\nx"), Some(Bound { end: 9, one_line: Some(7) }));
        assert_eq!(Bounds::default().find(b"a\rb\n\nx").and_then(|bound| bound.one_line), None);
    }
}
