//! Writes a request.
//!
//! Turns alternate: what one side says in several messages is one content, and all results of parallel calls stand in
//! the content after the calls, as Gemini demands. Instructions go into the system instruction wherever they stood.

use super::super::model::generation;
use super::super::path;
use super::part::Parts;
use super::{config, tools};
use crate::Wire;
use crate::conversation::{Message, Part, Request, Role};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{Refused, Target};

pub fn write(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    let own = request.wire == Wire::Gemini;
    let mut out = Vec::with_capacity(target.room.max(1_024));
    let mut top = Object::open(&mut out);
    let parts = Parts::new(request, generation(target.model));
    let instructs = |message: &&Message<'_>| !own && matches!(message.role, Role::System | Role::Developer);
    let mut system: Vec<&Part<'_>> = request.system.iter().collect();
    system.extend(request.messages.iter().filter(instructs).flat_map(|message| &message.parts));
    note_messages(request, own, losses);

    let only_system = request.messages.iter().all(|message| instructs(&message));
    if !system.is_empty() && !only_system {
        let mut instruction = top.object("systemInstruction");
        let mut list = instruction.list("parts");
        for part in &system {
            parts.write(&mut list, part, &mut false, losses);
        }
    }
    let mut contents = top.list("contents");
    if only_system && !own {
        // Somebody must have said something.
        content(&mut contents, "user", system.iter().copied(), &parts, losses);
    }
    let said: Vec<&Message<'_>> = request.messages.iter().filter(|message| !instructs(message)).collect();
    let turns = said.chunk_by(|a, b| !own && side(a.role) == side(b.role));
    for turn in turns {
        let Some(first) = turn.first() else { continue };
        let all = turn.iter().flat_map(|message| &message.parts);
        if own {
            own_content(&mut contents, first, &parts, losses);
        } else {
            content(&mut contents, side(first.role), all, &parts, losses);
        }
    }
    drop(contents);
    tools::write(&mut top, request, losses);
    config::write(&mut top, request, target.model, losses);
    if own {
        write_own(&mut top, request);
    } else {
        note_rest(request, losses);
    }
    drop(top);
    Ok(out)
}

const fn side(role: Role) -> &'static str {
    match role {
        Role::Assistant => "model",
        Role::System | Role::Developer | Role::User | Role::Tool => "user",
    }
}

/// Nothing where no part has a place: a content without parts is refused.
fn content<'p>(
    contents: &mut List<'_>,
    role: &str,
    all: impl Iterator<Item = &'p Part<'p>>,
    parts: &Parts<'_>,
    losses: &mut Losses,
) {
    contents.object_if(|object| {
        let mut list = object.text("role", role).list("parts");
        let (mut any, mut called) = (false, false);
        for part in all {
            any |= parts.write(&mut list, part, &mut called, losses);
        }
        any
    });
}

fn own_content(contents: &mut List<'_>, message: &Message<'_>, parts: &Parts<'_>, losses: &mut Losses) {
    let mut object = contents.object();
    object.text("role", side(message.role));
    let mut list = object.list("parts");
    for part in &message.parts {
        parts.write(&mut list, part, &mut false, losses);
    }
    drop(list);
    path::put(&mut object, &message.extra, "");
}

fn note_messages(request: &Request<'_>, own: bool, losses: &mut Losses) {
    let mut begun = false;
    for message in &request.messages {
        losses.note_if(message.name.is_some(), Field::SpeakerName);
        losses.note_if(!own && !message.extra.is_empty(), Field::Unknown);
        match message.role {
            Role::System | Role::Developer if own => {}
            Role::System => losses.note_if(begun, Field::SystemPosition),
            Role::Developer => losses.note_if(begun, Field::SystemPosition),
            Role::User | Role::Assistant | Role::Tool => begun = true,
        }
        losses.note_if(message.role == Role::Developer, Field::DeveloperRole);
    }
}

fn write_own(top: &mut Object<'_>, request: &Request<'_>) {
    top.text_if("cachedContent", request.previous.as_deref());
    top.text_if("serviceTier", request.service_tier.as_deref());
    if let Some(labels) = &request.metadata {
        top.raw("labels", labels.get());
    }
    path::put(top, &request.extra, "");
}

/// What has no place here.
fn note_rest(request: &Request<'_>, losses: &mut Losses) {
    losses.note_if(request.previous.is_some(), Field::PreviousAnswer);
    losses.note_if(!request.extra.is_empty(), Field::Unknown);
    losses.note_if(request.user.is_some(), Field::User);
    losses.note_if(request.metadata.is_some(), Field::Metadata);
    losses.note_if(request.verbosity.is_some(), Field::Verbosity);
    losses.note_if(request.cache_key.is_some(), Field::CacheKey);
    losses.note_if(request.cache.is_some(), Field::CacheMarkers);
    // Nothing is kept here anyway.
    losses.note_if(request.store == Some(true), Field::Store);
    let usual = |tier: &str| matches!(tier, "auto" | "default" | "standard" | "standard_only");
    losses.note_if(request.service_tier.as_deref().is_some_and(|tier| !usual(tier)), Field::ServiceTier);
}
