//! Multipart uploads: the beginning is looked at for the model, the rest passes through and is never held.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut, Payload};
use actors::provider::{Rest, Upload};
use dialects::multipart::{Finder, Step};
use futures::{Stream, StreamExt, stream};

use crate::body::{self, BodyError};

/// An upload whose beginning is known.
pub struct Source {
    /// The model that it names, as it stands in it.
    pub model: Option<String>,
    pub stream: bool,
    beginning: Bytes,
    /// Where in the beginning the model's name stands.
    span: Option<Range<usize>>,
    length: Option<u64>,
    rest: Rest,
}

impl Source {
    /// Reads the beginning of a body of this boundary.
    ///
    /// # Errors
    /// When it is too large, too slow, or breaks off.
    pub async fn open(
        mut payload: Payload,
        boundary: &str,
        length: Option<u64>,
        limit: u64,
    ) -> Result<Self, BodyError> {
        if length.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge);
        }
        let mut finder = Finder::new(boundary);
        let mut beginning = BytesMut::new();
        let started = std::time::Instant::now();
        let step = loop {
            let Some(piece) = body::next(&mut payload, started, beginning.len() as u64).await? else {
                break finder.finish();
            };
            beginning.extend_from_slice(&piece);
            match finder.push(&piece) {
                Step::NeedMore => {}
                step => break step,
            }
        };
        let found = match step {
            Step::Found(found) => Some(found),
            Step::NeedMore | Step::NotHere => None,
        };
        let beginning = beginning.freeze();
        let rest = Rest::new(limited(payload, limit.saturating_sub(beginning.len() as u64)));
        Ok(Self {
            stream: found.as_ref().is_some_and(|found| found.stream),
            span: found.as_ref().map(|found| found.span.clone()),
            model: found.map(|found| found.model),
            beginning,
            length,
            rest,
        })
    }

    /// Whether a part of it has been sent.
    pub fn has_begun(&self) -> bool {
        self.rest.has_begun()
    }

    /// The upload as a deployment is to get it: with its own name of the model.
    pub fn upload(&self, upstream_model: &str) -> Upload {
        let beginning = &self.beginning;
        let edited = self.span.clone().filter(|_| self.model.as_deref() != Some(upstream_model));
        let (length, pieces) = match edited {
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

/// The payload, up to `left` more bytes: for uploads that announce no length.
fn limited(payload: Payload, left: u64) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold((payload, left), |(mut payload, left)| async move {
        let piece = payload.next().await?;
        let passed = piece.map_err(|error| io::Error::other(describe(&error))).and_then(|piece| {
            let left =
                left.checked_sub(piece.len() as u64).ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
            Ok((piece, left))
        });
        match passed {
            Ok((piece, left)) => Some((Ok(piece), (payload, left))),
            Err(error) => Some((Err(error), (payload, 0))),
        }
    })
}

fn describe(error: &PayloadError) -> &'static str {
    match error {
        PayloadError::Incomplete(_) => "the upload broke off",
        _ => "the upload's framing is wrong",
    }
}
