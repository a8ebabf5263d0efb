//! What goes to an upstream: the body with the model's name put in its place, or an upload as it comes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;
use dialects::envelope::Edit;
use futures::Stream;
use futures::stream::LocalBoxStream;
use ring::digest;

use crate::pieces::AT_ONCE;

/// An upload on its way through: its bytes as they come, never held as a whole. Clones share what is still to come.
#[derive(Clone)]
pub struct Upload {
    /// Bytes of all of it, where the client told.
    pub length: Option<u64>,
    /// Its beginning, which was looked at and may have been edited.
    pub beginning: VecDeque<Bytes>,
    pub rest: Rest,
}

/// What of an upload has not been looked at.
#[derive(Clone)]
pub struct Rest(Rc<Shared>);

struct Shared {
    stream: RefCell<LocalBoxStream<'static, Result<Bytes, io::Error>>>,
    /// A byte was asked for: from here on it can be sent only once.
    begun: Cell<bool>,
    /// When its last piece was taken.
    moved: Cell<Instant>,
    /// The next piece is still to come from the client.
    awaited: Cell<bool>,
    too_large: Cell<bool>,
}

impl Rest {
    /// A stream that ends with an error of the kind [`io::ErrorKind::FileTooLarge`] was longer than it may be.
    pub fn new(stream: impl Stream<Item = Result<Bytes, io::Error>> + 'static) -> Self {
        Self(Rc::new(Shared {
            stream: RefCell::new(Box::pin(stream)),
            begun: Cell::new(false),
            moved: Cell::new(Instant::now()),
            awaited: Cell::new(false),
            too_large: Cell::new(false),
        }))
    }

    pub(crate) fn last_moved(&self) -> Instant {
        self.0.moved.get()
    }

    /// Whether it is the client that keeps everyone waiting.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.awaited.get()
    }

    /// Whether more came than may.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.too_large.get()
    }

    /// Whether a part of the upload has been sent: then no other attempt can send it again.
    pub fn has_begun(&self) -> bool {
        self.0.begun.get()
    }
}

impl Upload {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let shared = &self.rest.0;
        shared.begun.set(true);
        let piece = match self.beginning.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(piece))),
            None => shared.stream.borrow_mut().as_mut().poll_next(cx),
        };
        shared.awaited.set(piece.is_pending());
        match &piece {
            Poll::Ready(Some(Err(error))) => shared.too_large.set(error.kind() == io::ErrorKind::FileTooLarge),
            Poll::Ready(_) => shared.moved.set(Instant::now()),
            Poll::Pending => {}
        }
        piece
    }
}

/// The body of one exchange.
pub enum RequestBody {
    Pieces { pieces: std::vec::IntoIter<Bytes>, length: u64 },
    Upload(Upload),
}

impl RequestBody {
    /// A body that was written for this upstream.
    pub fn whole(body: Vec<u8>) -> Self {
        let length = body.len() as u64;
        Self::Pieces { pieces: vec![Bytes::from(body)].into_iter(), length }
    }

    /// The client's body with `edits` (ordered, not overlapping) made: slices of it, nothing is copied.
    pub fn edited(body: &Bytes, edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut pieces = Vec::with_capacity(3);
        let mut from = 0;
        for edit in edits {
            debug_assert!(from <= edit.at.start && edit.at.end <= body.len());
            if from < edit.at.start {
                pieces.push(body.slice(from..edit.at.start));
            }
            from = edit.at.end;
            pieces.push(Bytes::from(edit.with));
        }
        if from < body.len() {
            pieces.push(body.slice(from..));
        }
        let length = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self::Pieces { pieces: pieces.into_iter(), length }
    }
}

impl RequestBody {
    /// What its tokens can be guessed from: its bytes, or nothing for a file, whose bytes tell nothing of them.
    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Self::Pieces { length, .. } => *length,
            Self::Upload(_) => 0,
        }
    }

    /// The SHA-256 of all of it in hex, as signatures take it; None for an upload, which nobody holds.
    pub(crate) fn sha256(&self) -> Option<String> {
        let Self::Pieces { pieces, .. } = self else { return None };
        let mut context = digest::Context::new(&digest::SHA256);
        pieces.as_slice().iter().for_each(|piece| context.update(piece));
        Some(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The same body once more, where it can be sent twice.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Pieces { pieces, length } => Some(Self::Pieces { pieces: pieces.clone(), length: *length }),
            Self::Upload(_) => None,
        }
    }
}

/// Whether something of a request has been sent. Clones share the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Rc<Cell<bool>>);

impl Sent {
    pub fn get(&self) -> bool {
        self.0.get()
    }

    pub fn mark(&self) {
        self.0.set(true);
    }
}

/// A body that marks when it is asked for: awc asks once the connection is there, and not before.
pub(crate) struct Sending {
    pub body: RequestBody,
    pub sent: Sent,
}

impl MessageBody for Sending {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        this.sent.mark();
        Pin::new(&mut this.body).poll_next(cx)
    }
}

impl MessageBody for RequestBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        match self {
            Self::Pieces { length, .. } => BodySize::Sized(*length),
            Self::Upload(upload) => upload.length.map_or(BodySize::Stream, BodySize::Sized),
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, io::Error>>> {
        match self.get_mut() {
            Self::Pieces { pieces, .. } => {
                let large = pieces.as_mut_slice().first_mut().filter(|piece| piece.len() > AT_ONCE);
                let piece = large.map(|piece| piece.split_to(AT_ONCE)).or_else(|| pieces.next());
                Poll::Ready(piece.map(Ok))
            }
            Self::Upload(upload) => upload.poll_piece(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_large_body_is_given_in_small_pieces_and_whole() {
        let text: Vec<u8> = (0..3 * AT_ONCE + 1).map(|nth| nth as u8).collect();
        let mut body = RequestBody::whole(text.clone());
        let again = body.again().unwrap();
        let mut given = Vec::new();
        while let Some(piece) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
            let piece = piece.unwrap();
            assert!(piece.len() <= AT_ONCE, "{}", piece.len());
            given.extend_from_slice(&piece);
        }
        assert_eq!((given == text, body.size()), (true, BodySize::Sized(text.len() as u64)));
        assert_eq!(again.text_bytes(), text.len() as u64);
        assert!(matches!(again, RequestBody::Pieces { pieces, .. } if pieces.as_slice()[0] == text));
    }
}
