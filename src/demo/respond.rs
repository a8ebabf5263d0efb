//! From an answer to bytes on the wire, at the pace and with the faults that were asked for.

use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::{StatusCode, header};
use actix_web::rt::time::sleep;
use actix_web::web::Bytes;
use dialects::Endpoint;
use futures::stream::{self, Stream};
use serde_json::json;

use super::behave::{Behaviour, Fault};
use super::request::{Answer, Refusal};
use super::text;

/// How long a stalled answer stays silent before its connection drops.
const STALL: Duration = Duration::from_secs(60);
/// Events that a stalled stream sends first.
const BEFORE_STALL: usize = 3;

/// What a stream does next.
enum Step {
    Send(Bytes),
    Wait(Duration),
    Drop,
}

pub(super) fn refuse(refusal: &Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response.json(refusal.body())
}

pub(super) fn respond(endpoint: Endpoint, answer: Answer, behaviour: Behaviour) -> HttpResponse {
    match answer {
        Answer::Events(events) => HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .streaming(paced(steps(endpoint, events, behaviour))),
        Answer::Json(value) => whole("application/json", Bytes::from(value.to_string()), behaviour.fault),
        Answer::Bytes { content_type, body } => whole(content_type, body, behaviour.fault),
    }
}

/// An answer in one piece, or what is left of it.
fn whole(content_type: &'static str, mut body: Bytes, fault: Fault) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(content_type);
    let length = body.len() as u64;
    let steps = match fault {
        Fault::None | Fault::Status(_) => return response.body(body),
        Fault::StreamError => {
            return refuse(&Refusal::new(500, "The demo fails, as it was asked to."));
        }
        Fault::Cut => vec![Step::Send(body.split_to(body.len() / 2)), Step::Drop],
        Fault::Stall => vec![Step::Wait(STALL), Step::Drop],
    };
    response.body(SizedStream::new(length, paced(steps)))
}

fn steps(endpoint: Endpoint, events: Vec<String>, behaviour: Behaviour) -> Vec<Step> {
    let keep = match behaviour.fault {
        Fault::None | Fault::Status(_) => events.len(),
        Fault::Stall => BEFORE_STALL.min(events.len()),
        Fault::Cut | Fault::StreamError => events.len() / 2,
    };
    let mut steps = Vec::with_capacity(2 * keep + 2);
    for (nth, event) in events.into_iter().take(keep).enumerate() {
        if nth > 0 && !behaviour.event_delay.is_zero() {
            steps.push(Step::Wait(behaviour.event_delay));
        }
        steps.push(Step::Send(event.into()));
    }
    match behaviour.fault {
        Fault::None | Fault::Status(_) => {}
        Fault::Stall => steps.extend([Step::Wait(STALL), Step::Drop]),
        Fault::Cut => steps.push(Step::Drop),
        Fault::StreamError => steps.push(Step::Send(broken(endpoint).into())),
    }
    steps
}

/// The error event of a stream, as OpenAI sends it.
fn broken(endpoint: Endpoint) -> String {
    let message = "The demo fails in mid-stream, as it was asked to.";
    if endpoint == Endpoint::Responses {
        let error = json!({"type": "error", "code": "server_error", "message": message, "param": null});
        text::event(&error)
    } else {
        text::data(&Refusal::new(500, message).body())
    }
}

/// An error ends the body: actix then closes the connection without the end that HTTP promises.
fn paced(steps: Vec<Step>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(steps.into_iter(), |mut steps| async {
        loop {
            match steps.next()? {
                Step::Send(bytes) => return Some((Ok(bytes), steps)),
                Step::Wait(time) => sleep(time).await,
                // One turn of the loop first: what has been sent so far is still in actix's buffer.
                Step::Drop => {
                    tokio::task::yield_now().await;
                    return Some((Err(io::Error::other("cut, as it was asked to")), Vec::new().into_iter()));
                }
            }
        }
    })
}
