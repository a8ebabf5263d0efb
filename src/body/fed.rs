//! A body as its connection feeds it to the handler.
//!
//! Over HTTP/1 one task reads the connection and runs the handler, and it polls the handler whenever it has fed it
//! something (actix-http's h1 dispatcher: `poll_response` follows `poll_request`). The payload wakes that same task as
//! well, for one more turn of the whole connection in which nothing has changed: some 8,000 instructions a request. So
//! nobody asks to be woken. Always: only in the handler's own task; over HTTP/2 it wakes as any stream does.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_web::dev;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures::Stream;

pub struct Fed(dev::Payload);

impl Fed {
    pub fn new(payload: Payload) -> Self {
        Self(payload.into_inner())
    }
}

impl Stream for Fed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled_anyway = matches!(self.0, dev::Payload::H1 { .. });
        let mut unwoken = Context::from_waker(Waker::noop());
        Pin::new(&mut self.0).poll_next(if polled_anyway { &mut unwoken } else { cx })
    }
}
