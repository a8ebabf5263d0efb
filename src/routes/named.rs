//! Which model a JSON body asks for where it does not say so itself: the path's, the configured default, the only one.
//!
//! The body is copied once, with the name put in, so that everything behind reads one body that says it all. A body that
//! names its model is not touched.

use actix_web::web::Bytes;
use actors::shard::Shard;
use dialects::envelope::{self, Envelope, EnvelopeError};

use crate::body::{BodyError, Share};

/// Why a body has no model that could be asked.
pub enum Unnamed {
    Body(BodyError),
    Envelope(EnvelopeError),
    /// It names none, and nothing here says which one is meant.
    NoDefault,
}

/// The body of a request whose path names the model, whatever it names itself.
pub fn as_in_path(
    body: Bytes,
    share: &mut Share,
    model: &str,
    budget: u64,
) -> Result<(Bytes, Envelope<'static>), Unnamed> {
    match envelope::parse(&body) {
        Ok(envelope) if envelope.model == model => {
            let envelope = envelope.into_owned();
            Ok((body, envelope))
        }
        Ok(_) | Err(EnvelopeError::NoModel) => put_in(&body, share, model, budget),
        Err(error) => Err(Unnamed::Envelope(error)),
    }
}

/// The body of a request that names no model.
pub fn as_default(body: &Bytes, share: &mut Share, shard: &Shard) -> Result<(Bytes, Envelope<'static>), Unnamed> {
    let model = default(shard).ok_or(Unnamed::NoDefault)?;
    put_in(body, share, &model, shard.table.config.server.buffer_budget)
}

/// What a request asks for that names nothing.
pub fn default(shard: &Shard) -> Option<String> {
    let configured = shard.table.config.default_model.clone();
    configured.or_else(|| shard.table.only().map(|route| route.model.to_string()))
}

fn put_in(body: &Bytes, share: &mut Share, model: &str, budget: u64) -> Result<(Bytes, Envelope<'static>), Unnamed> {
    // Room for a copy is taken before it is made; what was held for the first one goes with it.
    let before = body.len() as u64;
    share.grow(before + model.len() as u64, budget).map_err(Unnamed::Body)?;
    let named = Bytes::from(envelope::naming(body, model).map_err(Unnamed::Envelope)?);
    share.shrink(before);
    let envelope = envelope::parse(&named).map_err(Unnamed::Envelope)?.into_owned();
    Ok((named, envelope))
}
