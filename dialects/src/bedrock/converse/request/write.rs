//! Writes a request for an upstream.
//!
//! Turns alternate: what one side says in several messages is one, and the results of calls stand first in the message
//! after them. Instructions go to the top wherever they stood.

use super::super::model::family;
use super::write_block::Blocks;
use super::{options, tools};
use crate::Wire;
use crate::conversation::pairing::Pairing;
use crate::conversation::{Kind, Message, Part, Request, Role};
use crate::json::put::{List, Object};
use crate::loss::{Field, Losses};
use crate::translate::{Refused, Target};

pub fn write(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Result<Vec<u8>, Refused> {
    let own = request.wire == Wire::Converse;
    let family = family(target.model);
    let think = options::think(request, target, family, losses);
    let mut out = Vec::with_capacity(target.room.max(1_024));
    let mut top = Object::open(&mut out);
    conversation(&mut top, request, &mut Blocks { own, family, losses, pairing: Pairing::default(), documents: 0 });
    options::inference(&mut top, request, think.as_ref(), losses);
    tools::write(&mut top, request, family, losses);
    options::model_fields(&mut top, request, target, family, think.as_ref(), losses);
    options::output(&mut top, request, losses);
    options::around(&mut top, request, losses);
    drop(top);
    Ok(out)
}

const fn instructs(message: &Message<'_>) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

fn conversation(top: &mut Object<'_>, request: &Request<'_>, blocks: &mut Blocks<'_>) {
    let mut begun = false;
    for message in &request.messages {
        blocks.losses.note_if(message.name.is_some(), Field::SpeakerName);
        blocks.losses.note_if(!blocks.own && !message.extra.is_empty(), Field::Unknown);
        blocks.losses.note_if(message.role == Role::Developer, Field::DeveloperRole);
        blocks.losses.note_if(begun && instructs(message), Field::SystemPosition);
        begun |= !instructs(message);
    }
    let mut system: Vec<&Part<'_>> = request.system.iter().collect();
    system.extend(request.messages.iter().filter(|message| instructs(message)).flat_map(|message| &message.parts));
    let mut list;
    if begun || blocks.own {
        if !system.is_empty() {
            let mut list = top.list("system");
            blocks.content(&mut list, &system);
        }
        list = top.list("messages");
    } else {
        // Somebody must have said something.
        blocks.losses.note_if(!system.is_empty(), Field::SystemPosition);
        list = top.list("messages");
        turn(&mut list, "user", &system, blocks);
    }
    let said: Vec<&Message<'_>> = request.messages.iter().filter(|message| !instructs(message)).collect();
    let own = blocks.own;
    for run in said.chunk_by(|a, b| !own && side(a.role) == side(b.role)) {
        let Some(first) = run.first() else { continue };
        let mut parts: Vec<&Part<'_>> = run.iter().flat_map(|message| &message.parts).collect();
        if !own {
            parts.sort_by_key(|part| first.role != Role::Assistant && !matches!(part.kind, Kind::Result(_)));
        }
        turn(&mut list, side(first.role), &parts, blocks);
    }
}

const fn side(role: Role) -> &'static str {
    match role {
        Role::Assistant => "assistant",
        Role::System | Role::Developer | Role::User | Role::Tool => "user",
    }
}

/// A message. One of which nothing is left is left out: an empty content is refused.
fn turn(list: &mut List<'_>, role: &str, parts: &[&Part<'_>], blocks: &mut Blocks<'_>) {
    if blocks.own || parts.iter().any(|part| blocks.says(part)) {
        let mut message = list.object();
        blocks.content(&mut message.text("role", role).list("content"), parts);
    } else {
        // What it loses is told all the same.
        blocks.content(&mut List::open(&mut Vec::new()), parts);
    }
}
