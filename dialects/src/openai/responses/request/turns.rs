//! Items of a request become turns.
//!
//! A run of items of the assistant is one turn, because other formats want a turn's calls side by side before their
//! results. It ends where the next item would have to be told from the last one: at a message after a message.

use serde_json::value::RawValue;

use super::super::content;
use super::super::item::{Item, Sort, filled, native};
use crate::conversation::{Extra, Kind, Message, Opaque, Part, Role, Str, ToolResult};
use crate::loss::{Field, Losses};
use crate::translate::Bad;

const INPUT: Option<&str> = Some("input");

/// The turns so far.
#[derive(Debug, Default)]
pub struct Turns<'a> {
    pub messages: Vec<Message<'a>>,
    /// What is known of the run of the assistant's items that is still open.
    run: Option<Run>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Run {
    said: bool,
    called: bool,
}

impl<'a> Turns<'a> {
    pub fn item(&mut self, json: &'a RawValue, lost: &mut Losses) -> Result<(), Bad> {
        let item = Item::read(json).ok_or_else(|| Bad::new("An item of the input is no object.", INPUT))?;
        match item.sort() {
            Sort::Message => self.message(item, lost)?,
            Sort::Reasoning => self.say(reasoning(item), false),
            Sort::Call => self.call(item, false)?,
            Sort::FreeFormCall => self.call(item, true)?,
            Sort::Result => self.result(item, false)?,
            Sort::FreeFormResult => self.result(item, true)?,
            Sort::Native if item.kind.as_ref().is_none_or(|kind| kind.0.is_none()) => {
                return Err(Bad::new("An item of the input has neither a type nor a role.", INPUT));
            }
            Sort::Native if item.role.is_some() || item.output.is_some() => {
                self.run = None;
                self.messages.push(Message::new(Role::User, vec![native(json)]));
            }
            Sort::Native => self.say([native(json)], false),
        }
        Ok(())
    }

    /// The assistant's turn that goes on, or a new one. `calls`: a call belongs to what was said just before it.
    fn turn(&mut self, says: bool, calls: bool) -> Option<&mut Message<'a>> {
        let run = self.run.filter(|run| calls || run.called || !run.said);
        if run.is_none() {
            self.messages.push(Message::new(Role::Assistant, Vec::new()));
        }
        let run = run.unwrap_or_default();
        self.run = Some(Run { said: run.said || says, called: run.called || calls });
        self.messages.last_mut()
    }

    fn say(&mut self, parts: impl IntoIterator<Item = Part<'a>>, calls: bool) {
        if let Some(turn) = self.turn(false, calls) {
            turn.parts.extend(parts);
        }
    }

    fn call(&mut self, item: Item<'a>, free_form: bool) -> Result<(), Bad> {
        let part = item.call(free_form);
        let whole = matches!(&part.kind, Kind::Call(call) if !call.name.is_empty() && !call.id.is_empty());
        if !whole {
            return Err(Bad::new("A call of the input has no name or no call_id.", INPUT));
        }
        self.say([part], true);
        Ok(())
    }

    fn result(&mut self, item: Item<'a>, free_form: bool) -> Result<(), Bad> {
        self.run = None;
        let Some(id) = filled(item.call_id) else {
            return Err(Bad::new("A result of the input has no call_id.", INPUT));
        };
        let (id, _) = Opaque::off_id(id);
        let parts = match item.output {
            None => Vec::new(),
            Some(json) => content::parts(json)
                .ok_or_else(|| Bad::new("An output of the input is neither a string nor a list.", INPUT))?,
        };
        let result = ToolResult { id, name: Str::default(), parts, is_error: false, free_form };
        let part = Part { extra: item.extra, ..Kind::Result(Box::new(result)).into() };
        self.messages.push(Message::new(Role::Tool, vec![part]));
        Ok(())
    }

    fn message(&mut self, item: Item<'a>, lost: &mut Losses) -> Result<(), Bad> {
        let role = match filled(item.role).as_deref() {
            Some("system") => Role::System,
            Some("developer") => Role::Developer,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some(_) => return Err(Bad::new("A message has a role that is unknown here.", INPUT)),
            None => return Err(Bad::new("A message has no role.", INPUT)),
        };
        let parts = match item.content {
            None => Vec::new(),
            Some(json) => content::parts(json)
                .ok_or_else(|| Bad::new("The content of a message is neither a string nor a list.", INPUT))?,
        };
        let name = filled(item.name);
        if role != Role::Assistant {
            self.run = None;
            self.messages.push(Message { name, extra: item.extra, ..Message::new(role, parts) });
            return Ok(());
        }
        if let Some(turn) = self.turn(true, false) {
            turn.parts.extend(parts);
            if turn.extra.is_empty() {
                turn.extra = item.extra;
            } else {
                lost.note_if(!item.extra.is_empty(), Field::Unknown);
            }
            turn.name = name.or(turn.name.take());
        }
        Ok(())
    }
}

/// A thought of an earlier turn: a part for each text of its summary, and one for its own text, which is kept in its
/// own words too.
fn reasoning<'a>(mut item: Item<'a>) -> Vec<Part<'a>> {
    let (summary, own) = item.thoughts();
    let mut parts: Vec<Part<'a>> = summary.into_iter().map(|text| Kind::Thinking { text }.into()).collect();
    if !own.is_empty() {
        let text = own.iter().map(|text| &**text).collect::<Vec<_>>().join(super::super::item::BETWEEN);
        let extra: Extra<'a> = item.content.map(|json| (Str::from("content"), json)).into_iter().collect();
        parts.push(Part { extra, ..Kind::Thinking { text: text.into() }.into() });
    }
    let opaque = item.state();
    let mut last = parts.pop().unwrap_or_else(|| Kind::Thinking { text: Str::default() }.into());
    last.opaque = opaque.map(Box::new);
    last.extra.append(&mut item.extra);
    parts.push(last);
    parts
}
