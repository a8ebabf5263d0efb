//! A client's request, written anew in the format of a provider: what is small in place, what is large beside the
//! workers.
//!
//! Always: what a large one takes of the buffer budget is taken before anything of it is built, and what is left of that
//! stands for the body that was written, as long as it is held.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::web::Bytes;
use actors::exchange::Translation;
use actors::fetching::Known;
use actors::heavy::{self, LARGE};
use actors::provider::Streaming;
use actors::share::{Full, Share};
use actors::speech::Spoken;
use actors::table::{Deployment, Table};
use dialects::conversation::Request;
use dialects::embed::{self, Method};
use dialects::envelope::Envelope;
use dialects::loss::Losses;
use dialects::translate::{self, Bad, Context, Hints, Refused, Target};
use dialects::{Endpoint, Wire, bounds};

use super::asking::{Unasked, Unsayable, quirks};
use super::{Call, CallBody, fetching};

/// Everything that a request's translation looks at.
pub(super) struct Matter<'c> {
    body: &'c Bytes,
    envelope: &'c Envelope<'static>,
    /// The client's.
    endpoint: Endpoint,
    streaming: Streaming,
    request_id: &'c str,
    deployment: &'c Deployment,
    /// The upstream's.
    asked: Endpoint,
    spoken: Spoken,
    table: &'c Table,
    known: &'c Known,
    /// What cannot be said is a reason not to ask.
    refuses_losses: bool,
}

/// What came of it.
pub(super) struct Written {
    pub body: Vec<u8>,
    /// None where the client's format is the provider's own.
    pub translation: Option<Box<Translation>>,
    pub losses: Losses,
    /// What the body holds of the buffer budget.
    pub held: Share,
}

impl Call {
    /// Whether what is written for a provider is written beside the workers.
    pub(super) fn is_large(&self) -> bool {
        matches!(&self.body, CallBody::Json { body, .. } if body.len() > LARGE)
    }

    /// Writes a small request.
    pub(super) fn write(&self, deployment: &Deployment, asked: Endpoint, spoken: Spoken) -> Result<Written, Unasked> {
        let CallBody::Json { body, envelope, .. } = &self.body else { return Err(Unsayable::NotServed.into()) };
        let matter = Matter {
            body,
            envelope,
            endpoint: self.endpoint,
            streaming: self.streaming,
            request_id: &self.request_id,
            deployment,
            asked,
            spoken,
            table: &self.shard.table,
            known: &self.fetches.known(),
            refuses_losses: self.refuses_losses(),
        };
        matter.write(Share::none())
    }

    /// Writes a large one. What it holds is held until it is done, whether or not anyone waits for it.
    pub(super) async fn write_beside(
        &self,
        deployment: &Arc<Deployment>,
        asked: Endpoint,
        spoken: Spoken,
    ) -> Result<Written, Unasked> {
        let CallBody::Json { body, envelope, share } = &self.body else { return Err(Unsayable::NotServed.into()) };
        let (body, envelope, share) = (body.clone(), envelope.clone(), share.shared());
        let (deployment, table, known) = (deployment.clone(), self.shard.table.clone(), self.fetches.known().clone());
        let (endpoint, streaming, request_id) = (self.endpoint, self.streaming, self.request_id.clone());
        let refuses_losses = self.refuses_losses();
        let work = heavy::run(body.len(), move || {
            let matter = Matter {
                body: &body,
                envelope: &envelope,
                endpoint,
                streaming,
                request_id: &request_id,
                deployment: &deployment,
                asked,
                spoken,
                table: &table,
                known: &known,
                refuses_losses,
            };
            let written = matter.peak().and_then(|held| matter.write(held));
            drop(share);
            written
        });
        work.map_err(|Full| Unsayable::NoRoom)?.await.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Whether what cannot be said is a reason not to ask.
    fn refuses_losses(&self) -> bool {
        self.route.on_loss.unwrap_or(self.shard.table.config.server.on_loss) == config::OnLoss::Refuse
    }
}

impl Matter<'_> {
    fn budget(&self) -> u64 {
        self.table.config.server.buffer_budget
    }

    /// Takes what the translation will hold beside the client's body at its peak.
    fn peak(&self) -> Result<Share, Unasked> {
        let bytes = match self.spoken {
            Spoken::AsItIs if self.is_renamed() => bounds::embed_request(self.endpoint.dialect(), self.body),
            Spoken::AsItIs => bounds::request(self.endpoint.wire().ok_or(Unsayable::NotServed)?, self.body),
            Spoken::Conversation { client, .. } => bounds::request(client, self.body),
            Spoken::Embeddings => bounds::embed_request(self.endpoint.dialect(), self.body),
        };
        let bytes = bytes.map_err(|many| Unsayable::Bad(many.into()))?;
        let mut held = Share::none();
        held.cover(bytes as u64, self.budget()).map_err(|Full| Unsayable::NoRoom)?;
        Ok(held)
    }

    /// `held`: what it may hold meanwhile.
    fn write(&self, mut held: Share) -> Result<Written, Unasked> {
        let (mut body, translation, losses) = match self.spoken {
            Spoken::AsItIs => (self.rewritten()?, None, Losses::default()),
            Spoken::Conversation { client, upstream } => {
                let (body, translation, losses) = self.conversation(client, upstream, &mut held)?;
                (body, Some(Box::new(translation)), losses)
            }
            Spoken::Embeddings => {
                let (body, translation, losses) = self.embeddings()?;
                (body, Some(Box::new(translation)), losses)
            }
        };
        if body.capacity() > LARGE {
            body.shrink_to_fit();
        }
        held.cover(body.capacity() as u64, self.budget()).map_err(|Full| Unsayable::NoRoom)?;
        Ok(Written { body, translation, losses, held })
    }

    /// Nothing of the body changes but the models that it names.
    fn is_renamed(&self) -> bool {
        matches!(self.endpoint, Endpoint::EmbedContent | Endpoint::BatchEmbedContents | Endpoint::GeminiCountTokens)
    }

    /// The same request in the same format, without what is another provider's: it would refuse it.
    fn rewritten(&self) -> Result<Vec<u8>, Unsayable> {
        if self.is_renamed() {
            return Ok(embed::renamed(self.body, &self.deployment.model));
        }
        let wire = self.endpoint.wire().ok_or(Unsayable::NotServed)?;
        let request = self.read(wire)?;
        let target = Target { refuse: false, ..self.target() };
        let written = translate::write(wire, &request, &target).map_err(Unsayable::Refused)?;
        Ok(written.body)
    }

    fn conversation(
        &self,
        client: Wire,
        upstream: Wire,
        held: &mut Share,
    ) -> Result<(Vec<u8>, Translation, Losses), Unasked> {
        let mut request = self.read(client)?;
        let mut target = self.target();
        if let Some(fetcher) = &self.table.fetcher {
            let put = fetching::put_in(&mut request, upstream, fetcher, self.known)?;
            if put.written > 0 {
                put.share(held, self.budget())?;
                target.room = self.body.len() + put.written as usize;
            }
        }
        let written = translate::write(upstream, &request, &target).map_err(Unsayable::Refused)?;
        let context = Context {
            model: self.envelope.model.clone().into_owned(),
            request_id: self.request_id.chars().filter(char::is_ascii_alphanumeric).take(64).collect(),
            include_usage: self.envelope.include_usage,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            array: self.streaming == Streaming::Array,
            free_form: free_form(&request)?,
        };
        let streams = self.envelope.stream;
        let translation = Translation::Conversation { from: upstream, to: client, streams, context };
        Ok((written.body, translation, written.losses))
    }

    fn read(&self, wire: Wire) -> Result<Request<'_>, Unsayable> {
        let in_path = self.endpoint == Endpoint::GenerateContent;
        let Envelope { model, stream, .. } = self.envelope;
        let hints = Hints { model: in_path.then_some(&**model), stream: in_path.then_some(*stream) };
        translate::read(wire, self.body, &hints).map_err(Unsayable::Bad)
    }

    fn target(&self) -> Target<'_> {
        let provider = &self.deployment.provider.config;
        let listed = provider.models.iter().find(|listed| listed.name.as_str() == &*self.deployment.model);
        Target {
            model: &self.deployment.model,
            max_tokens: listed.and_then(|listed| listed.max_output),
            refuse: self.refuses_losses,
            quirks: quirks(provider),
            room: if self.body.len() > LARGE { self.body.len() + ROOM } else { 0 },
        }
    }

    fn embeddings(&self) -> Result<(Vec<u8>, Translation, Losses), Unsayable> {
        let Self { body, envelope, deployment, .. } = self;
        let hints = Hints { model: Some(&*envelope.model), stream: Some(false) };
        let (ask, model) = match self.endpoint {
            Endpoint::EmbedContent => (embed::read_gemini(body, Method::One, &hints), None),
            Endpoint::BatchEmbedContents => (embed::read_gemini(body, Method::Batch, &hints), None),
            _ => (embed::read_openai(body), Some(envelope.model.clone().into_owned())),
        };
        let ask = ask.map_err(Unsayable::Bad)?;
        if !ask.lost.is_empty() && self.refuses_losses {
            return Err(Unsayable::Refused(Refused::Lost(ask.lost)));
        }
        let written = match self.asked {
            Endpoint::BatchEmbedContents => {
                embed::write_gemini(&ask, &deployment.model, Method::Batch).map_err(Unsayable::Refused)?
            }
            _ => embed::write_openai(&ask, &deployment.model),
        };
        let translation = Translation::Embeddings { shape: ask.shape(), model, request_bytes: body.len() as u64 };
        Ok((written, translation, ask.lost))
    }
}

/// The names that an answer is translated with, as long as it streams.
fn free_form(request: &Request<'_>) -> Result<Arc<BTreeSet<String>>, Unsayable> {
    if request.free_form().map(|name| name.len() + 64).sum::<usize>() > MAX_NAMES {
        return Err(Unsayable::Bad(Bad::new(
            "The names of the custom tools are longer than any provider takes.",
            Some("tools"),
        )));
    }
    Ok(Arc::new(request.free_form().map(str::to_owned).collect()))
}

/// Bytes of the names of free-form tools, and some for each: a thousand of them at the 64 bytes that OpenAI allows.
const MAX_NAMES: usize = 128 * 1024;
/// What a body is longer by in another format, mostly: it grows by more if it must.
const ROOM: usize = 4 * 1024;
