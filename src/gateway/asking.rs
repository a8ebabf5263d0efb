//! What one deployment is asked: the client's body as it came, or written anew in the format of that provider.

use std::panic::resume_unwind;
use std::sync::Arc;

use actors::exchange::Translation;
use actors::fetching::Unfetched;
use actors::heavy::{self, LONG};
use actors::policy::breaker::Asker;
use actors::provider::{Ask, RequestBody, Streaming};
use actors::share::{Full, Share};
use actors::speech::{self, Spoken};
use actors::table::Deployment;
use dialects::Endpoint;
use dialects::conversation::Opaque;
use dialects::embed;
use dialects::loss::Losses;
use dialects::translate::{Bad, Quirks, ReasoningStyle, Refused, Remote};

use super::translating::Written;
use super::{Call, CallBody};

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
    /// There is no room in the buffer budget to write it.
    NoRoom,
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
            Self::NoRoom => "no_room",
        }
    }
}

impl Call {
    /// A deployment's question; what is large is written beside the workers.
    pub(super) async fn ask(&self, deployment: &Arc<Deployment>) -> Result<Asked, Unasked> {
        let way = speech::way(&deployment.provider.config, self.endpoint).ok_or(Unsayable::NotServed)?;
        if way.spoken == Spoken::AsItIs && !self.names_models() && !self.is_marked().await? {
            let (body, strip_usage) = self.as_it_came(deployment);
            let ask = self.asking(deployment, way.endpoint, body, None, strip_usage);
            return Ok(Asked { ask, losses: Losses::default(), held: Share::none() });
        }
        let Written { body, translation, losses, held } = if self.is_large() {
            // Boxed: few are, and all would be as large.
            Box::pin(self.write_beside(deployment, way.endpoint, way.spoken)).await?
        } else {
            self.write(deployment, way.endpoint, way.spoken)?
        };
        let ask = self.asking(deployment, way.endpoint, RequestBody::whole(body), translation, false);
        Ok(Asked { ask, losses, held })
    }

    fn asking(
        &self,
        deployment: &Arc<Deployment>,
        endpoint: Endpoint,
        body: RequestBody,
        translation: Option<Box<Translation>>,
        strip_usage: bool,
    ) -> Box<Ask> {
        let streaming = match (self.streaming, &translation) {
            // Arrays are Gemini's alone, and ours to make out of events.
            (Streaming::Array, Some(_)) => Streaming::Events,
            (streaming, _) => streaming,
        };
        Box::new(Ask {
            deployment: deployment.clone(),
            endpoint,
            streaming,
            translation,
            headers: self.headers.clone(),
            query: self.query,
            body,
            asker: self.asker(deployment),
            tokens: self.tokens,
            deadline: self.deadline,
            strip_usage,
            budget: self.shard.table.config.server.buffer_budget,
        })
    }

    /// Who asks, for the deployment's health.
    fn asker(&self, deployment: &Deployment) -> Asker {
        let attempts = self.attempts.borrow();
        let again = attempts.iter().any(|attempt| attempt.deployment == deployment.name);
        let last = attempts.last().is_some_and(|attempt| attempt.deployment == deployment.name);
        Asker { client: self.client, again, barred: if last { self.barred.get() } else { 0 } }
    }

    /// Whether the body names a model beside the one in its path.
    fn names_models(&self) -> bool {
        let CallBody::Json { body, .. } = &self.body else { return false };
        match self.endpoint {
            Endpoint::EmbedContent | Endpoint::BatchEmbedContents => true,
            Endpoint::GeminiCountTokens => embed::wraps_request(body),
            _ => false,
        }
    }

    /// Whether it holds state of another provider's, put there by us in an earlier turn.
    async fn is_marked(&self) -> Result<bool, Unsayable> {
        let CallBody::Json { body, share, .. } = &self.body else { return Ok(false) };
        let Some(client) = self.endpoint.wire() else { return Ok(false) };
        if body.len() <= LONG {
            return Ok(Opaque::marks(client, body));
        }
        let (body, share) = (body.clone(), share.shared());
        let work = heavy::run(body.len(), move || {
            let marked = Opaque::marks(client, &body);
            drop(share);
            marked
        });
        work.map_err(|Full| Unsayable::NoRoom)?.await.or_else(|panic| resume_unwind(panic))
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
}

pub(super) fn quirks(provider: &config::Provider) -> Quirks {
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
