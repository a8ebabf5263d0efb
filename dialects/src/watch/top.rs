//! Whether an object that comes in pieces, none of which is kept, has an `error` that says something.
//!
//! Only at its top: deeper down it may be an argument of a call, or whatever else a model writes. Strings, of which what
//! is long consists, are passed over at the speed of a search.

use memchr::memchr2;

const ERROR: &[u8] = b"error";

#[derive(Debug, Default)]
pub struct Top {
    /// Brackets that are open; what stands before the first is no JSON.
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// Within the object itself.
    place: Place,
    failed: bool,
}

/// What comes next in the object, or is being read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Key,
    /// So many bytes of a key, all of them those of `error`.
    Error(usize),
    /// The value of that.
    Told,
    /// That value has begun: a text or an object, of what may be nothing.
    Begun,
    Other,
}

impl Top {
    pub fn failed(&self) -> bool {
        self.failed
    }

    pub fn push(&mut self, mut piece: &[u8]) {
        while !self.failed {
            if self.in_string && self.place == Place::Other && !self.escaped {
                let at = memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
                piece = piece.get(at..).unwrap_or_default();
            }
            let Some((byte, rest)) = piece.split_first() else { return };
            piece = rest;
            if self.in_string { self.inside(*byte) } else { self.outside(*byte) }
        }
    }

    fn inside(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                self.place = if self.place == Place::Error(ERROR.len()) { Place::Told } else { Place::Other };
                return;
            }
            _ => {}
        }
        self.place = match self.place {
            Place::Error(at) if ERROR.get(at) == Some(&byte) => Place::Error(at + 1),
            Place::Begun => {
                self.failed = true;
                Place::Other
            }
            Place::Error(_) | Place::Key | Place::Told | Place::Other => Place::Other,
        };
    }

    fn outside(&mut self, byte: u8) {
        if self.depth == 0 && byte != b'{' || byte.is_ascii_whitespace() {
            return;
        }
        if self.place == Place::Begun && self.depth > 1 {
            self.failed = byte != b'}';
            self.place = Place::Other;
        }
        match (byte, self.place) {
            (b'"', Place::Key) => (self.in_string, self.place) = (true, Place::Error(0)),
            (b'"', Place::Told) => (self.in_string, self.place) = (true, Place::Begun),
            (b'"', _) => self.in_string = true,
            (b'{', Place::Told) => (self.depth, self.place) = (self.depth + 1, Place::Begun),
            (b'{' | b'[', _) => {
                self.depth = self.depth.saturating_add(1);
                self.place = if self.depth == 1 { Place::Key } else { Place::Other };
            }
            (b'}' | b']', _) => self.depth = self.depth.saturating_sub(1),
            (b',', _) if self.depth == 1 => self.place = Place::Key,
            (b':', Place::Told) => {}
            _ => self.place = Place::Other,
        }
    }
}
