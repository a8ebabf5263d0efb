//! What one deployment is asked: the client's body as it came, or written anew in the format of that provider.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actors::exchange::Translation;
use actors::fetching::Unfetched;
use actors::provider::{Ask, RequestBody, Streaming};
use actors::speech::{self, Spoken};
use actors::table::Deployment;
use config::OnLoss;
use dialects::conversation::{Opaque, Request};
use dialects::embed::{self, Method};
use dialects::envelope::Envelope;
use dialects::loss::Losses;
use dialects::translate::{self, Bad, Context, Hints, Quirks, ReasoningStyle, Refused, Remote, Target};
use dialects::{Endpoint, Wire};

use super::{Call, CallBody, fetching};
use crate::body::Share;

/// A deployment's question, and what it leaves out.
pub(super) struct Asked {
    pub ask: Box<Ask>,
    pub losses: Losses,
    /// What its body holds of the buffer budget beside the client's.
    pub held: Share,
}

/// Why a deployment cannot be asked what the client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsayable {
    /// Its provider has no such endpoint.
    NotServed,
    /// The request is not what its endpoint takes; only a translation finds that out.
    Bad(Bad),
    /// The provider's format cannot say it.
    Refused(Refused),
    /// It takes no URLs, and what is behind one of them cannot be had.
    Unfetched(Unfetched),
}

/// Why there is no question.
#[derive(Debug)]
pub(super) enum Unasked {
    Unsayable(Unsayable),
    /// Not yet: these are to be fetched first.
    Fetch(Vec<Remote>),
}

impl From<Unsayable> for Unasked {
    fn from(unsayable: Unsayable) -> Self {
        Self::Unsayable(unsayable)
    }
}

impl Unsayable {
    /// The word of the receipt, the log and the metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotServed => "not_served",
            Self::Bad(_) => "unreadable",
            Self::Refused(_) => "unsayable",
            Self::Unfetched(_) => "unfetched",
        }
    }
}

impl Call {
    pub(super) fn ask(&self, deployment: &Arc<Deployment>) -> Result<Asked, Unasked> {
        let way = speech::way(&deployment.provider.config, self.endpoint).ok_or(Unsayable::NotServed)?;
        let mut held = Share::none();
        let (body, strip_usage, translation, losses) = match way.spoken {
            Spoken::AsItIs => {
                let (body, strip_usage) = match self.marked() {
                    Some(wire) => (self.rewritten(deployment, wire)?, false),
                    None => self.as_it_came(deployment),
                };
                (body, strip_usage, None, Losses::default())
            }
            Spoken::Conversation { client, upstream } => {
                let (body, translation, losses) = self.conversation(deployment, client, upstream, &mut held)?;
                (body, false, Some(Box::new(translation)), losses)
            }
            Spoken::Embeddings => {
                let (body, translation, losses) = self.embeddings(deployment, way.endpoint)?;
                (body, false, Some(Box::new(translation)), losses)
            }
        };
        let streaming = match (self.streaming, &translation) {
            // Arrays are Gemini's alone, and ours to make out of events.
            (Streaming::Array, Some(_)) => Streaming::Events,
            (streaming, _) => streaming,
        };
        let ask = Box::new(Ask {
            deployment: deployment.clone(),
            endpoint: way.endpoint,
            streaming,
            translation,
            headers: self.headers.clone(),
            body,
            tokens: self.tokens,
            deadline: self.deadline,
            strip_usage,
        });
        Ok(Asked { ask, losses, held })
    }

    /// The format of a conversation that holds state of another provider's, put there by us in an earlier turn.
    fn marked(&self) -> Option<Wire> {
        let wire = self.endpoint.wire()?;
        match &self.body {
            CallBody::Json { body, .. } if Opaque::marks(body) => Some(wire),
            CallBody::Json { .. } | CallBody::Upload(_) => None,
        }
    }

    /// The same request in the same format, without what is another provider's: it would refuse it.
    fn rewritten(&self, deployment: &Deployment, wire: Wire) -> Result<RequestBody, Unsayable> {
        let (request, _) = self.read(wire)?;
        let target = Target { refuse: false, ..self.target(deployment) };
        let written = translate::write(wire, &request, &target).map_err(Unsayable::Refused)?;
        Ok(RequestBody::whole(written.body))
    }

    fn as_it_came(&self, deployment: &Deployment) -> (RequestBody, bool) {
        match &self.body {
            CallBody::Json { body, envelope, .. } => {
                let inject = deployment.provider.config.inject_usage
                    && envelope.stream
                    && !envelope.include_usage
                    && self.endpoint.streams_chunks();
                (RequestBody::edited(body, envelope.edits(&deployment.model, inject)), inject)
            }
            CallBody::Upload(source) => (RequestBody::Upload(source.upload(&deployment.model)), false),
        }
    }

    fn conversation(
        &self,
        deployment: &Deployment,
        client: Wire,
        upstream: Wire,
        held: &mut Share,
    ) -> Result<(RequestBody, Translation, Losses), Unasked> {
        let fetched = self.fetches.known();
        let (mut request, envelope) = self.read(client)?;
        let mut target = self.target(deployment);
        if let Some(fetcher) = &self.shard.table.fetcher {
            let put = fetching::put_in(&mut request, upstream, fetcher, &fetched)?;
            if put.written > 0 {
                *held = put.share(self.shard.table.config.server.buffer_budget)?;
                target.room = self.body_length() + put.written as usize;
            }
        }
        let written = translate::write(upstream, &request, &target).map_err(Unsayable::Refused)?;
        let context = Context {
            model: envelope.model.clone().into_owned(),
            request_id: self.request_id.chars().filter(char::is_ascii_alphanumeric).take(64).collect(),
            include_usage: envelope.include_usage,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            array: self.streaming == Streaming::Array,
            free_form: request.free_form().map(str::to_owned).collect(),
        };
        let translation = Translation::Conversation { from: upstream, to: client, streams: envelope.stream, context };
        Ok((RequestBody::whole(written.body), translation, written.losses))
    }

    fn body_length(&self) -> usize {
        match &self.body {
            CallBody::Json { body, .. } => body.len(),
            CallBody::Upload(_) => 0,
        }
    }

    fn read(&self, wire: Wire) -> Result<(Request<'_>, &Envelope<'static>), Unsayable> {
        let CallBody::Json { body, envelope, .. } = &self.body else { return Err(Unsayable::NotServed) };
        let in_path = self.endpoint == Endpoint::GenerateContent;
        let hints = Hints { model: in_path.then_some(&*envelope.model), stream: in_path.then_some(envelope.stream) };
        let request = translate::read(wire, body, &hints).map_err(Unsayable::Bad)?;
        Ok((request, envelope))
    }

    fn target<'d>(&self, deployment: &'d Deployment) -> Target<'d> {
        let provider = &deployment.provider.config;
        let listed = provider.models.iter().find(|listed| listed.name.as_str() == &*deployment.model);
        Target {
            model: &deployment.model,
            max_tokens: listed.and_then(|listed| listed.max_output),
            refuse: self.refuses_losses(),
            quirks: quirks(provider),
            room: 0,
        }
    }

    fn embeddings(
        &self,
        deployment: &Deployment,
        upstream: Endpoint,
    ) -> Result<(RequestBody, Translation, Losses), Unsayable> {
        let CallBody::Json { body, envelope, .. } = &self.body else { return Err(Unsayable::NotServed) };
        let hints = Hints { model: Some(&*envelope.model), stream: Some(false) };
        let (ask, model) = match self.endpoint {
            Endpoint::EmbedContent => (embed::read_gemini(body, Method::One, &hints), None),
            Endpoint::BatchEmbedContents => (embed::read_gemini(body, Method::Batch, &hints), None),
            _ => (embed::read_openai(body), Some(envelope.model.clone().into_owned())),
        };
        let ask = ask.map_err(Unsayable::Bad)?;
        if !ask.lost.is_empty() && self.refuses_losses() {
            return Err(Unsayable::Refused(Refused::Lost(ask.lost)));
        }
        let written = match upstream {
            Endpoint::BatchEmbedContents => {
                embed::write_gemini(&ask, &deployment.model, Method::Batch).map_err(Unsayable::Refused)?
            }
            _ => embed::write_openai(&ask, &deployment.model),
        };
        let translation = Translation::Embeddings { shape: ask.shape(), model, request_bytes: body.len() as u64 };
        Ok((RequestBody::whole(written), translation, ask.lost))
    }

    /// Whether what cannot be said is a reason not to ask.
    fn refuses_losses(&self) -> bool {
        self.route.on_loss.unwrap_or(self.shard.table.config.server.on_loss) == OnLoss::Refuse
    }
}

fn quirks(provider: &config::Provider) -> Quirks {
    let config::Quirks {
        max_completion_tokens,
        developer_role,
        openai_extras,
        more_sampling,
        reasoning,
        reasoning_content,
        reasoning_details,
        google_signatures,
        no_stream_options,
        string_content,
    } = provider.quirks;
    Quirks {
        max_completion_tokens,
        developer_role,
        openai_extras,
        more_sampling,
        reasoning: match reasoning {
            config::ReasoningStyle::Effort => ReasoningStyle::Effort,
            config::ReasoningStyle::Object => ReasoningStyle::Object,
            config::ReasoningStyle::Switch => ReasoningStyle::Switch,
        },
        reasoning_content,
        reasoning_details,
        google_signatures,
        no_stream_options,
        string_content,
        no_summaries: !provider.reasoning_summaries,
    }
}
