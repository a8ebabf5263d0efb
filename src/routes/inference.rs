//! The model endpoints: `POST /v1/chat/completions`, `/v1/messages`, `:generateContent` and their families.

mod bad;
mod counted;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actors::fetching::Fetches;
use actors::policy::breaker::EVERYBODY;
use actors::provider::Streaming;
use actors::shard::Shard;
use actors::share::Share;
use actors::{alarm, headers, heavy, query, speech};
use dialects::envelope::Envelope;
use dialects::error::ErrorKind;
use dialects::multipart::{self, Form};
use dialects::{Dialect, Endpoint};
use futures::FutureExt;

use bad::{Bad, ODD_FORM};
use counted::{counts, estimated};

use super::named;
use crate::app::State;
use crate::auth::{self, Denied};
use crate::body::{self, Coding};
use crate::connections::{Connection, Farewell};
use crate::drain::Cutting;
use crate::entry::Entry;
use crate::gateway::{Call, CallBody, Granted, Held, Refused};
use crate::record::Outcome;
use crate::relay::Relay;
use crate::running::Running;
use crate::upload::{Broken, Source, Verdict};
use crate::{connections, metrics, reply};

/// Names the model of an upload that names none within its first 64 KiB.
const MODEL: HeaderName = HeaderName::from_static("x-ai-proxy-model");
/// Made once: to make it is to look at each of its bytes.
static JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What an answer is taken to cost where the request sets no limit: only for the reservation, settled by what it used.
const USUAL_ANSWER: u64 = 512;
/// What passes cannot be changed any more: the header's alias would reach the provider as it stands.
const ANOTHER_MODEL: &str = "a `model` field behind the first 64 KiB of the upload, or behind its file, names another model \
    than the one that is asked; put one `model` field before the file, or none and the header x-ai-proxy-model";

/// What is asked, as far as the path tells.
pub struct Asked {
    pub endpoint: Endpoint,
    pub in_path: InPath,
}

/// What of a request its path says.
pub enum InPath {
    Nothing,
    /// Azure's paths name the model; whatever the body names is not asked for.
    Model(String),
    /// Gemini's name the model, and in their verb the stream.
    Verb(String, Streaming),
}

/// One request, from its head to a response whose body may still run.
pub async fn serve(request: HttpRequest, payload: Payload, state: Data<State>, asked: Asked) -> HttpResponse {
    let entry = Entry::open(&request, Some(asked.endpoint));
    let (id, dialect) = (entry.record.request_id.clone(), asked.endpoint.dialect());
    // What panics in here costs this request and no other.
    let answered = AssertUnwindSafe(answer(&request, payload, &state, asked, entry)).catch_unwind().await;
    answered.unwrap_or_else(|_| reply::internal(dialect, &id))
}

async fn answer(
    request: &HttpRequest,
    payload: Payload,
    state: &State,
    asked: Asked,
    mut entry: Entry,
) -> HttpResponse {
    let Asked { endpoint, in_path } = asked;
    let dialect = endpoint.dialect();
    let array = matches!(in_path, InPath::Verb(_, Streaming::Array));
    let shard = state.worker.shard();
    let config = &shard.table.config;
    let caller;
    let connection = connections::of(request);
    entry.record.address = auth::address(request, &config.server.trusted_proxies);
    match auth::client(request, &config.clients) {
        Ok(client) => {
            entry.record.client = client.name.clone();
            // What the only client meets is everybody's.
            caller = match config.clients.iter().any(|other| other.id != client.id) {
                true => client.id,
                false => EVERYBODY,
            };
        }
        Err(denied) => {
            entry.conceal(config);
            return unauthorized(entry, dialect, denied);
        }
    }
    if metrics::in_flight() > u64::from(state.max_in_flight(config)) {
        let message = "the gateway is at its limit of requests in flight";
        entry.record.reason = Some("max_in_flight");
        entry.conceal(config);
        return reply::refusal(entry, dialect, ErrorKind::Unavailable, message, None, Some(1));
    }
    let (body, model) = match read(request, connection, payload, &shard, endpoint, in_path, &mut entry).await {
        Ok(read) => read,
        Err(bad) => {
            entry.conceal(config);
            return bad.reply(entry, dialect);
        }
    };
    let name = match &body {
        CallBody::Json { envelope, .. } => &*envelope.model,
        CallBody::Upload(_) => model.as_deref().unwrap_or_default(),
    };
    let route = match shard.table.resolve(name) {
        Ok(route) => route,
        Err(unknown) => {
            let unknown = super::unknown::told(name, &unknown);
            entry.record.model = Some("other".into());
            entry.asked_for(name);
            entry.conceal(config);
            return reply::refusal(entry, dialect, ErrorKind::ModelNotFound, &unknown, Some("model"), None);
        }
    };
    entry.record.model = Some(route.model.clone());
    entry.record.listed = route.listed;
    if let Some(wire) = counts(endpoint)
        && !route.targets.iter().any(|(deployment, _)| speech::way(&deployment.provider.config, endpoint).is_some())
    {
        return estimated(entry, dialect, wire, &body, config.server.buffer_budget).await;
    }
    let (tokens, stream) = match &body {
        CallBody::Json { body, envelope, .. } => (
            (body.len() as u64 / 4).saturating_add(envelope.max_tokens.unwrap_or(USUAL_ANSWER)),
            envelope.stream && endpoint != Endpoint::Embeddings,
        ),
        CallBody::Upload(source) => (0, source.stream),
    };
    entry.record.stream = stream;
    let mut passed = headers::request(request.headers(), dialect);
    headers::read_as(
        &mut passed,
        match &body {
            CallBody::Json { .. } => JSON.clone(),
            CallBody::Upload(source) => source.content_type(),
        },
    );
    let call = Call {
        deadline: entry.started + config.server.request_timeout,
        attempts: entry.attempts.clone(),
        fetches: Fetches::default(),
        fetched: RefCell::new(Share::none()),
        headers: Rc::new(passed),
        query: query::passes(request.query_string(), dialect),
        request_id: entry.record.request_id.clone(),
        shard: shard.clone(),
        client: caller,
        barred: Cell::new(0),
        route,
        endpoint,
        streaming: match stream {
            false => Streaming::No,
            true if array => Streaming::Array,
            true => Streaming::Events,
        },
        body,
        tokens,
    };
    let keepalive = config.server.keepalive;
    let verdict = match &call.body {
        CallBody::Upload(source) => Some(source.verdict()),
        CallBody::Json { .. } => None,
    };
    let uploads = verdict.is_some();
    let call = async move { call.run().await.map_err(|refused| judged(refused, verdict)) };
    let mut call = Running::start(call, entry.waits.clone(), uploads);
    if !stream {
        return match state.drain.unless_cut(Pin::new(&mut call)).await {
            Ok(Ok(granted)) => granted_reply(request, connection, granted, entry, endpoint, keepalive, state),
            Ok(Err(refused)) => reply::refused(entry, dialect, refused),
            Err(Cutting) => shutting_down(entry, dialect),
        };
    }
    // In an array nothing fills the silence, and an early head would say nothing.
    let keepalive = if array { config.server.request_timeout } else { keepalive };
    let in_time = state.drain.unless_cut(pin!(alarm::within(Instant::now() + keepalive, &mut call))).await;
    match in_time {
        Err(Cutting) => shutting_down(entry, dialect),
        Ok(Ok(Ok(granted))) => granted_reply(request, connection, granted, entry, endpoint, keepalive, state),
        Ok(Ok(Err(refused))) => reply::refused(entry, dialect, refused),
        Ok(Err(_)) => {
            entry.record.status = 200;
            let mut head = reply::waiting_head(&entry);
            let farewell = farewell(request, endpoint);
            head.body(Relay::waiting(call, entry, endpoint, keepalive, farewell, state.drain.cut()))
        }
    }
}

/// An upload that was ended because of what stands in it says so, and not only that it ended.
fn judged(refused: Refused, verdict: Option<Verdict>) -> Refused {
    let message = match verdict.and_then(|verdict| verdict.broken()) {
        None => return refused,
        Some(Broken::AnotherModel) => ANOTHER_MODEL,
        Some(Broken::Odd) => ODD_FORM,
    };
    Refused::Ours { kind: ErrorKind::InvalidRequest, message: message.to_owned(), retry_after: None }
}

fn shutting_down(mut entry: Entry, dialect: Dialect) -> HttpResponse {
    entry.record.reason = Some("shutting_down");
    reply::refusal(entry, dialect, ErrorKind::Unavailable, "the gateway is shutting down", None, Some(1))
}

fn granted_reply(
    request: &HttpRequest,
    connection: Option<&Rc<Connection>>,
    mut granted: Granted,
    mut entry: Entry,
    endpoint: Endpoint,
    keepalive: Duration,
    state: &State,
) -> HttpResponse {
    entry.record.deployment = Some(granted.deployment.name.clone());
    entry.record.status = granted.answer.status.as_u16();
    let mut head = reply::head(&mut granted, &entry);
    if granted.answer.length == Some(0) {
        // The server asks a body of no length for nothing: its end is here.
        reply::book(&mut entry, granted.answer.status.as_u16(), 0, Outcome::Answered);
        return head.finish();
    }
    entry.answered();
    connections::may_pause(connection, granted.deployment.provider.config.timeouts.idle);
    let farewell = farewell(request, endpoint);
    head.body(Relay::answer(granted, entry, endpoint, keepalive, farewell, || state.drain.cut()))
}

/// Only an answer of this format is held until its end, and so has a limit.
fn farewell(request: &HttpRequest, endpoint: Endpoint) -> Option<Farewell> {
    (endpoint == Endpoint::Responses).then(|| Farewell::of(request))
}

/// The body, and the name of the model that an upload asks for.
async fn read(
    request: &HttpRequest,
    connection: Option<&Rc<Connection>>,
    payload: Payload,
    shard: &Shard,
    endpoint: Endpoint,
    in_path: InPath,
    entry: &mut Entry,
) -> Result<(CallBody, Option<String>), Bad> {
    let server = &shard.table.config.server;
    let header = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let announced = header(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let coding = Coding::of(request.headers())?;
    let form = multipart::form(request.headers().get_all(CONTENT_TYPE).map(HeaderValue::as_bytes));
    if form != Form::No && !endpoint.accepts_multipart() {
        return Err(Bad::NotMultipart);
    }
    if form == Form::Odd {
        return Err(Bad::OddForm);
    }
    if let Form::Boundary(boundary) = form {
        if coding.is_some() {
            return Err(Bad::CodedUpload);
        }
        let wait = entry.waits.begin();
        let mut source = Source::open(payload, boundary, announced, server).await?;
        drop(wait);
        entry.record.bytes_in = announced.unwrap_or(0);
        let told = match in_path {
            InPath::Model(model) => Some(model),
            InPath::Nothing | InPath::Verb(..) => None,
        };
        let said = || source.model.clone().or_else(|| header(&MODEL).map(str::to_owned));
        let model = match told.clone().or_else(said) {
            Some(model) if told.is_none() => model,
            named => {
                source.lacks_model();
                named.or_else(|| named::default(shard)).ok_or(Bad::NoModel)?
            }
        };
        return Ok((CallBody::Upload(source), Some(model)));
    }
    let wait = entry.waits.begin();
    let (limit, budget) = (server.body_limit, server.buffer_budget);
    let read = match coding {
        None => body::read(payload, announced, limit, budget).await.and_then(|(body, mut share)| {
            match connections::has_read(connection, &body) {
                0 => {}
                head => share.grow(head, budget)?,
            }
            Ok((body, share))
        }),
        // Boxed: hardly any request is compressed, and every request's future would be larger.
        Some(coding) => Box::pin(body::decoded(coding, payload, announced, limit, budget)).await,
    };
    let (mut body, mut share) = read.map_err(Bad::Body)?;
    drop(wait);
    entry.record.bytes_in = body.len() as u64;
    let envelope = match in_path {
        InPath::Verb(model, streaming) => Envelope::of_path(model, streaming != Streaming::No),
        InPath::Model(_) | InPath::Nothing => {
            let in_path = if let InPath::Model(model) = in_path { Some(model) } else { None };
            let named = if body.len() > heavy::LONG {
                let default = named::default(shard);
                let work = heavy::run(body.len(), move || named::read(in_path, body, share, || default, budget));
                work.map_err(|full| Bad::Body(full.into()))?.await.unwrap_or_else(|panic| resume_unwind(panic))
            } else {
                named::read(in_path, body, share, || named::default(shard), budget)
            };
            let envelope;
            (body, share, envelope) = named?;
            envelope
        }
    };
    let share = Held::of(share, body.len());
    Ok((CallBody::Json { body, envelope, share }, None))
}

fn unauthorized(entry: Entry, dialect: Dialect, denied: Denied) -> HttpResponse {
    let (kind, message) = denied.told();
    reply::error(entry, dialect, kind, message)
}
