//! The gatekeeper: one actor a provider on each web worker thread, with an awc client (and so a pool) of its own.
//!
//! In one synchronous turn it checks breaker, cooldowns, quota and what is in flight, takes the permit, picks the key
//! and builds the request. The caller's own task then runs the exchange, so that dropping it cancels at once
//! (FIELD-NOTES: a reply that the actor awaits costs more and cannot be cancelled).

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::{Actor, Context, Handler, Message, MessageResult};
use awc::{Client, Connector};
use config::Kind;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use send_wrapper::SendWrapper;

use super::{Credential, Permit, Provider, RequestBody, Streaming, Veil};
use crate::error::Refusal;
use crate::exchange::{Exchange, Translation};
use crate::headers::{ANTHROPIC_2023, ANTHROPIC_VERSION, goes_anywhere};
use crate::policy::breaker::Asker;
use crate::query;
use crate::table::Deployment;

/// Below what upstreams and the load balancers before them keep idle connections for (60 s and more).
pub(crate) const IDLE_KEPT: Duration = Duration::from_secs(30);
/// A mailbox that is full refuses; capacity is the permit's affair, so it is never the mailbox that limits.
const MAILBOX: usize = 16 * 1024;

pub struct ProviderActor {
    provider: Arc<Provider>,
    client: Client,
    /// Whether it was used since it was made, and since the last look at it.
    pool: Pool,
    /// Rotates keys with equal room.
    turn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Empty,
    Used,
    Resting,
}

impl ProviderActor {
    pub fn new(provider: Arc<Provider>) -> Self {
        Self { client: client(&provider), provider, pool: Pool::Empty, turn: 0 }
    }

    /// awc closes what was idle for too long only when it is asked for a connection. Where nobody asks for that long,
    /// a new client takes its place: the old one's idle connections are closed, those at work end with their exchange.
    fn rest(&mut self) {
        self.pool = match self.pool {
            Pool::Used => Pool::Resting,
            Pool::Resting => {
                self.client = client(&self.provider);
                Pool::Empty
            }
            Pool::Empty => Pool::Empty,
        };
    }

    fn admit(&mut self, ask: Box<Ask>) -> Result<Box<Exchange>, Refusal> {
        #[cfg(debug_assertions)]
        panic_when_asked(&ask);
        let permit = Permit::take(&ask.deployment, ask.asker, ask.tokens, self.turn)?;
        self.turn = self.turn.wrapping_add(1);
        self.pool = Pool::Used;
        let Some(mut url) = self.provider.urls.endpoint(ask.endpoint, &ask.deployment.model, ask.streaming) else {
            return Err(Refusal::Unfit);
        };
        if let Some(pair) = ask.query
            && ask.translation.is_none()
            && self.provider.config.kind == Kind::Anthropic
        {
            url = query::put(&url, pair).ok_or(Refusal::Unfit)?;
        }
        let mut request = self.client.post(url.clone());
        let headers = request.headers_mut();
        headers.insert(HOST, self.provider.urls.host_header.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ai-proxy/", env!("CARGO_PKG_VERSION"))));
        match &ask.translation {
            None => {
                for (name, value) in ask.headers.iter() {
                    headers.append(name.clone(), value.clone());
                }
            }
            Some(translation) => {
                for (name, value) in ask.headers.iter().filter(|(name, _)| goes_anywhere(name)) {
                    headers.append(name.clone(), value.clone());
                }
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(ACCEPT, HeaderValue::from_static(translation.accept()));
            }
        }
        if self.provider.config.kind == Kind::Anthropic && !headers.contains_key(ANTHROPIC_VERSION) {
            headers.insert(ANTHROPIC_VERSION, ANTHROPIC_2023);
        }
        let mut awaited = None;
        let mut veil = Veil::new(self.provider.clone(), permit.key());
        if let Some(credential) = self.provider.credentials.get(permit.key()) {
            match credential {
                Credential::Nothing => {}
                Credential::Header(name, value) => drop(headers.insert(name.clone(), value.clone())),
                // None yet: who runs the exchange waits for it, never this turn.
                Credential::Tokens(tokens) => match tokens.current() {
                    Some(value) => {
                        veil.sends(value.clone());
                        headers.insert(AUTHORIZATION, value);
                    }
                    None => awaited = Some(tokens.clone()),
                },
                Credential::Signs(signer) => {
                    let sha256 = ask.body.sha256().ok_or(Refusal::Unfit)?;
                    let (host, content_type) = (&self.provider.urls.host_header, headers.get(CONTENT_TYPE));
                    let signed = signer.headers(&url.to_string(), host, content_type, sha256, SystemTime::now());
                    for (name, value) in signed.ok_or(Refusal::Unfit)? {
                        if matches!(name.as_str(), "authorization" | "x-amz-security-token") {
                            veil.sends(value.clone());
                        }
                        headers.insert(name, value);
                    }
                }
            }
        }
        for (name, value) in &self.provider.extra_headers {
            headers.insert(name.clone(), value.clone());
        }
        let request = request.freeze().map_err(|_| Refusal::Unfit)?;
        let again = ask.body.again();
        let request_bytes = ask.body.text_bytes();
        Ok(Box::new(Exchange {
            request,
            body: Some(ask.body),
            again,
            request_bytes,
            endpoint: ask.endpoint,
            streaming: ask.streaming,
            timeouts: self.provider.config.timeouts,
            deadline: ask.deadline,
            strip_usage: ask.strip_usage,
            budget: ask.budget,
            translation: ask.translation,
            veil,
            awaited,
            permit,
        }))
    }
}

fn client(provider: &Provider) -> Client {
    let timeouts = provider.config.timeouts;
    let connector = Connector::new()
        .connector(provider.dialer.clone())
        .limit(0) // the permit limits; a pool's limit would queue in silence
        .timeout(timeouts.connect)
        .conn_keep_alive(IDLE_KEPT)
        .conn_lifetime(Duration::from_secs(3600));
    Client::builder()
        .connector(connector)
        .disable_timeout() // ours are finer: see exchange
        .disable_redirects()
        .no_default_headers()
        .finish()
}

/// A test's way to see a panic in an actor: only in debug builds.
#[cfg(debug_assertions)]
#[allow(clippy::panic)]
fn panic_when_asked(ask: &Ask) {
    if ask.headers.iter().any(|(name, value)| name.as_str() == "x-client-request-id" && value == "panic-in-the-actor") {
        panic!("a test asked the provider actor to panic");
    }
}

impl Actor for ProviderActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(MAILBOX);
    }
}

/// What a provider is asked to admit.
pub struct Ask {
    pub deployment: Arc<Deployment>,
    /// The upstream's.
    pub endpoint: dialects::Endpoint,
    pub streaming: Streaming,
    /// Where the client speaks another format: how the answer gets into it.
    pub translation: Option<Box<Translation>>,
    pub headers: Rc<Vec<(HeaderName, HeaderValue)>>,
    /// What of the client's query may pass, where the provider speaks its dialect.
    pub query: Option<query::Pair>,
    pub body: RequestBody,
    pub asker: Asker,
    /// Estimate of the tokens the request will use.
    pub tokens: u64,
    pub deadline: Instant,
    /// Usage was asked for on the client's behalf: see [`Exchange`].
    pub strip_usage: bool,
    /// What all requests may hold together.
    pub budget: u64,
}

/// Sent every [`IDLE_KEPT`]. An interval of the actor's own would keep it alive when nobody holds its address any more,
/// and its connections with it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Resting;

impl Handler<Resting> for ProviderActor {
    type Result = ();

    fn handle(&mut self, _: Resting, _: &mut Self::Context) {
        self.rest();
    }
}

/// The message. Its wrapper panics off its thread; it is only ever sent to the worker's own actors.
pub struct Admit(pub SendWrapper<Box<Ask>>);

impl Message for Admit {
    type Result = Result<SendWrapper<Box<Exchange>>, Refusal>;
}

impl Handler<Admit> for ProviderActor {
    type Result = MessageResult<Admit>;

    fn handle(&mut self, Admit(ask): Admit, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.admit(ask.take()).map(SendWrapper::new))
    }
}

#[cfg(test)]
mod tests;
