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

/// The body with the name of the model in it, and its envelope. `in_path`: what the path names, whatever the body names
/// itself; `default`: what is asked for where nothing names it.
pub fn read(
    in_path: Option<String>,
    body: Bytes,
    mut share: Share,
    default: impl FnOnce() -> Option<String>,
    budget: u64,
) -> Result<(Bytes, Share, Envelope<'static>), Unnamed> {
    let model = match (envelope::parse(&body), in_path) {
        (Ok(envelope), Some(model)) if envelope.model != model => model,
        (Ok(envelope), _) => {
            let envelope = envelope.into_owned();
            return Ok((body, share, envelope));
        }
        (Err(EnvelopeError::NoModel), in_path) => in_path.or_else(default).ok_or(Unnamed::NoDefault)?,
        (Err(error), _) => return Err(Unnamed::Envelope(error)),
    };
    let (body, envelope) = put_in(&body, &mut share, &model, budget)?;
    Ok((body, share, envelope))
}

/// What a request asks for that names nothing.
pub fn default(shard: &Shard) -> Option<String> {
    let configured = shard.table.config.default_model.clone();
    configured.or_else(|| shard.table.only().map(|route| route.model.to_string()))
}

fn put_in(body: &Bytes, share: &mut Share, model: &str, budget: u64) -> Result<(Bytes, Envelope<'static>), Unnamed> {
    // Room for a copy is taken before it is made; what was held for the first one goes with it.
    let before = body.len() as u64;
    share.grow(before + model.len() as u64, budget).map_err(|full| Unnamed::Body(full.into()))?;
    let named = Bytes::from(envelope::naming(body, model).map_err(Unnamed::Envelope)?);
    share.shrink(before);
    let envelope = envelope::parse(&named).map_err(Unnamed::Envelope)?.into_owned();
    Ok((named, envelope))
}
