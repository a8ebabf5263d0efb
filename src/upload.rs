//! Multipart uploads: the beginning is looked at for the model, the rest passes through and is never held.
//!
//! Always: no model reaches an upstream but the one that was looked up, in its place. What passes is watched for a
//! further `model` field, and for parts that two readers would find differently; either ends the upload before the form is
//! whole.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::error::PayloadError;
use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, BytesMut, Payload};
use actors::pieces::Pieces;
use actors::provider::{Rest, Upload};
use actors::share::Share;
use config::Server;
use dialects::multipart::{self, Finder, Seen, Step, Watch};
use futures::Stream;

use crate::body::{self, BodyError};

/// An upload whose beginning is known.
pub struct Source {
    /// The model that it names, as it stands in it.
    pub model: Option<String>,
    pub stream: bool,
    boundary: Box<str>,
    beginning: Bytes,
    /// Where in the beginning the model's name stands.
    span: Option<Range<usize>>,
    /// A model that the beginning names where it cannot be replaced.
    fixed: Option<Vec<u8>>,
    /// It is to be given a field for the model.
    lacking: bool,
    length: Option<u64>,
    rest: Rest,
    terms: Rc<Terms>,
    /// The beginning's part of the buffer budget.
    _share: Share,
}

/// Why an upload is not even begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadError {
    Body(BodyError),
    /// It has more than one `model` field.
    SeveralModels,
    /// Two readers of its form could find different parts in it.
    Odd,
}

impl From<BodyError> for UploadError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// What a further `model` field may say, and why the upload has been ended, if it has.
#[derive(Default)]
struct Terms {
    model: RefCell<String>,
    broken: Cell<Option<Broken>>,
}

/// Why an upload was ended on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It names another model than the one that is asked.
    AnotherModel,
    /// As [`UploadError::Odd`].
    Odd,
}

/// Tells of an upload that is under way or over whether what stands in it has ended it.
#[derive(Clone)]
pub struct Verdict(Rc<Terms>);

impl Verdict {
    pub fn broken(&self) -> Option<Broken> {
        self.0.broken.get()
    }
}

impl Source {
    /// Reads the beginning of a body of this boundary.
    ///
    /// # Errors
    /// When it is too large, too slow, or breaks off, or when it names several models.
    pub async fn open(
        mut payload: Payload,
        boundary: &str,
        length: Option<u64>,
        server: &Server,
    ) -> Result<Self, UploadError> {
        let limit = server.upload_limit;
        if length.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge.into());
        }
        let mut share = Share::none();
        let mut finder = Finder::new(boundary);
        let mut beginning = BytesMut::new();
        let started = std::time::Instant::now();
        let mut ended = false;
        let mut worked = body::Worked::default();
        let step = loop {
            let Some(piece) = body::next(&mut payload, started, beginning.len() as u64).await? else {
                ended = true;
                break finder.finish();
            };
            share.grow(piece.len() as u64, server.buffer_budget).map_err(BodyError::from)?;
            beginning.extend_from_slice(&piece);
            worked.on(&piece).await;
            match finder.push(&piece) {
                Step::NeedMore => {}
                step => break step,
            }
        };
        let found = match step {
            Step::Found(found) => Some(found),
            Step::NeedMore | Step::NotHere => None,
            Step::Several => return Err(UploadError::SeveralModels),
            Step::Odd => return Err(UploadError::Odd),
        };
        body::count_beside_upload(length, &mut share, server.buffer_budget).map_err(BodyError::from)?;
        let beginning = beginning.freeze();
        let mut watch = finder.watch(&beginning);
        if ended || length == Some(beginning.len() as u64) {
            watch.finish();
        }
        let fixed = match watch.seen() {
            Seen::Nothing | Seen::Undecided => None,
            Seen::Model(model) if found.is_none() => Some(model.to_vec()),
            Seen::Model(_) | Seen::Conflict => return Err(UploadError::SeveralModels),
            Seen::Odd => return Err(UploadError::Odd),
        };
        let terms = Rc::new(Terms::default());
        let left = limit.saturating_sub(beginning.len() as u64);
        let rest = Passing { payload, left, watch, terms: terms.clone(), held: Pieces::default(), ended };
        Ok(Self {
            stream: found.as_ref().is_some_and(|found| found.stream),
            span: found.as_ref().map(|found| found.span.clone()),
            model: found.map(|found| found.model),
            boundary: boundary.into(),
            beginning,
            fixed,
            lacking: false,
            length,
            rest: Rest::new(rest),
            terms,
            _share: share,
        })
    }

    /// Whether a part of it has been sent.
    pub fn has_begun(&self) -> bool {
        self.rest.has_begun()
    }

    /// As its provider is told it: the boundary that it was read by.
    pub fn content_type(&self) -> HeaderValue {
        // What a boundary may hold was checked; without one nothing would be taken for a model.
        let text = multipart::content_type(&self.boundary);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("multipart/form-data"))
    }

    pub fn verdict(&self) -> Verdict {
        Verdict(self.terms.clone())
    }

    /// The model that is asked for is not the upload's own word: where it has no field for it, it is given one. Not where
    /// something stands before the first boundary, which would become a part of the field.
    pub fn lacks_model(&mut self) {
        let begins = self.beginning.strip_prefix(b"--").is_some_and(|rest| rest.starts_with(self.boundary.as_bytes()));
        self.lacking = self.span.is_none() && self.fixed.is_none() && begins;
    }

    /// The upload as a deployment is to get it: with its own name of the model.
    pub fn upload(&self, upstream_model: &str) -> Upload {
        upstream_model.clone_into(&mut self.terms.model.borrow_mut());
        if self.fixed.as_deref().is_some_and(|fixed| fixed != upstream_model.as_bytes()) {
            // Nothing of it is sent.
            self.terms.broken.set(Some(Broken::AnotherModel));
            return Upload { length: self.length, beginning: VecDeque::new(), rest: self.rest.clone() };
        }
        let beginning = &self.beginning;
        let edited = self.span.clone().filter(|_| self.model.as_deref() != Some(upstream_model));
        let (length, pieces) = match edited {
            None if self.lacking => {
                let boundary = &self.boundary;
                let field = format!(
                    "--{boundary}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{upstream_model}\r\n"
                );
                (self.length.map(|length| length + field.len() as u64), vec![Bytes::from(field), beginning.clone()])
            }
            None => (self.length, vec![beginning.clone()]),
            Some(span) => {
                let (old, new) = (span.len() as u64, upstream_model.len() as u64);
                let pieces = vec![
                    beginning.slice(..span.start),
                    Bytes::copy_from_slice(upstream_model.as_bytes()),
                    beginning.slice(span.end..),
                ];
                (self.length.map(|length| length - old + new), pieces)
            }
        };
        let beginning: VecDeque<Bytes> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Upload { length, beginning, rest: self.rest.clone() }
    }
}

/// The payload, up to `left` more bytes (for uploads that announce no length) and on the terms for its models.
struct Passing {
    payload: Payload,
    left: u64,
    watch: Watch,
    terms: Rc<Terms>,
    /// What waits until a model's name in it is whole: a little, for the watch is bounded.
    held: Pieces,
    ended: bool,
}

impl Passing {
    /// Whether what has come may go on.
    ///
    /// # Errors
    /// When it names another model.
    fn judge(&self) -> io::Result<bool> {
        let decided = match self.watch.seen() {
            Seen::Nothing => true,
            Seen::Undecided => false,
            Seen::Model(model) if model == self.terms.model.borrow().as_bytes() => true,
            Seen::Model(_) | Seen::Conflict => {
                self.terms.broken.set(Some(Broken::AnotherModel));
                false
            }
            Seen::Odd => {
                self.terms.broken.set(Some(Broken::Odd));
                false
            }
        };
        if self.terms.broken.get().is_some() { Err(io::ErrorKind::InvalidData.into()) } else { Ok(decided) }
    }

    fn take(&mut self, piece: Bytes) -> io::Result<()> {
        let left = self.left.checked_sub(piece.len() as u64);
        self.left = left.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.watch.push(&piece);
        self.held.push(piece);
        Ok(())
    }
}

impl Stream for Passing {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = self.get_mut();
        loop {
            match this.judge() {
                Err(another) => return Poll::Ready(Some(Err(another))),
                Ok(true) if !this.held.is_empty() => return Poll::Ready(this.held.pop().map(Ok)),
                Ok(_) if this.ended => return Poll::Ready(None),
                Ok(_) => {}
            }
            match ready!(Pin::new(&mut this.payload).poll_next(cx)) {
                Some(Ok(piece)) => {
                    if let Err(error) = this.take(piece) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(describe(&error))))),
                None => {
                    this.ended = true;
                    this.watch.finish();
                }
            }
        }
    }
}

fn describe(error: &PayloadError) -> &'static str {
    match error {
        PayloadError::Incomplete(_) => "the upload broke off",
        _ => "the upload's framing is wrong",
    }
}
