//! The calls of a stream: which piece belongs to which.
//!
//! OpenAI numbers calls by `index` and gives id and name with the first piece. Others leave the index out, or give
//! every call the same one and tell them apart by their ids, or mix the pieces of several calls.

use crate::conversation::{Delta, Event, Opaque, Opened, Str};
use crate::translate::Context;
use crate::watch::Failure;
use crate::watch::balance::Balance;

/// More calls in one answer are no answer.
const MAX_CALLS: usize = 1_024;
/// Ids, and arguments that came before the name of their call, of all calls, in bytes.
const MAX_HELD: usize = 1024 * 1024;

/// A piece of a call.
#[derive(Debug)]
pub struct Piece<'a> {
    pub index: Option<u64>,
    pub id: Str<'a>,
    pub name: Str<'a>,
    pub arguments: Str<'a>,
    pub free_form: bool,
    pub opaque: Option<Opaque<'a>>,
}

#[derive(Debug, Default)]
pub struct Calls {
    all: Vec<Call>,
    held: usize,
    request_id: String,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    /// The part it has become, once its name was known.
    part: Option<u32>,
    closed: bool,
    /// Arguments that came before the name.
    held: String,
    balance: Balance,
    any: bool,
}

impl Calls {
    pub fn new(context: &Context) -> Self {
        Self { all: Vec::new(), held: 0, request_id: context.request_id.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes a piece. `next` numbers parts.
    pub fn piece(
        &mut self,
        piece: Piece<'_>,
        next: &mut u32,
        emit: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Box<Failure>> {
        let at = match self.find(&piece) {
            Some(at) => at,
            None => self.add(&piece)?,
        };
        let Some(call) = self.all.get_mut(at) else { return Ok(()) };
        if call.part.is_none() && !piece.name.is_empty() {
            let id = if call.id.is_empty() { format!("call_{}_{at}", self.request_id) } else { call.id.clone() };
            let part = *next;
            *next += 1;
            call.part = Some(part);
            let held = std::mem::take(&mut call.held);
            self.held = self.held.saturating_sub(held.len());
            let opened =
                Opened::Call { id: id.into(), name: piece.name, free_form: piece.free_form, opaque: piece.opaque };
            // What was whole before this one began is closed, so that a client sees one call after the other.
            self.close_whole(at, emit);
            emit(Event::Open { part, opened });
            if !held.is_empty() {
                emit(Event::Delta { part, delta: Delta::Arguments(held.into()) });
            }
        }
        let Some(call) = self.all.get_mut(at) else { return Ok(()) };
        if piece.arguments.is_empty() || call.closed {
            return Ok(());
        }
        call.balance.push(piece.arguments.as_bytes());
        call.any = true;
        match call.part {
            Some(part) => emit(Event::Delta { part, delta: Delta::Arguments(piece.arguments) }),
            None if self.held.saturating_add(piece.arguments.len()) > MAX_HELD => {
                return Err(Box::new(Failure::ours("the provider's answer calls a tool that it does not name")));
            }
            None => {
                self.held = self.held.saturating_add(piece.arguments.len());
                call.held.push_str(&piece.arguments);
            }
        }
        Ok(())
    }

    /// The call that a piece continues.
    fn find(&self, piece: &Piece<'_>) -> Option<usize> {
        let fresh = |call: &Call| !piece.id.is_empty() && !call.id.is_empty() && *call.id != *piece.id;
        match piece.index {
            // The last one of this number, unless an id says that another one begins.
            Some(_) => {
                let at = self.all.iter().rposition(|call| call.index == piece.index)?;
                self.all.get(at).filter(|call| piece.name.is_empty() || !fresh(call)).map(|_| at)
            }
            None if !piece.id.is_empty() => self.all.iter().rposition(|call| *call.id == *piece.id),
            // Neither number nor id: a name begins a call.
            None if !piece.name.is_empty() => None,
            None => self.all.len().checked_sub(1),
        }
    }

    fn add(&mut self, piece: &Piece<'_>) -> Result<usize, Box<Failure>> {
        self.held = self.held.saturating_add(piece.id.len());
        if self.all.len() >= MAX_CALLS || self.held > MAX_HELD {
            return Err(Box::new(Failure::ours("the provider's answer has too many calls")));
        }
        self.all.push(Call {
            index: piece.index,
            id: piece.id.to_string(),
            part: None,
            closed: false,
            held: String::new(),
            balance: Balance::default(),
            any: false,
        });
        Ok(self.all.len() - 1)
    }

    /// Closes the calls before this one whose arguments are whole.
    fn close_whole(&mut self, before: usize, emit: &mut dyn FnMut(Event<'_>)) {
        for call in self.all.iter_mut().take(before) {
            if let (Some(part), false, true) = (call.part, call.closed, call.any && call.balance.closed()) {
                call.closed = true;
                emit(Event::Close { part });
            }
        }
    }

    /// The answer has ended: closes what is open, and opens and closes what never had a name.
    pub fn close(&mut self, next: &mut u32, emit: &mut dyn FnMut(Event<'_>)) {
        for (at, call) in self.all.iter_mut().enumerate().filter(|(_, call)| !call.closed) {
            call.closed = true;
            let part = match call.part {
                Some(part) => part,
                None => {
                    let part = *next;
                    *next += 1;
                    let id =
                        if call.id.is_empty() { format!("call_{}_{at}", self.request_id) } else { call.id.clone() };
                    let opened = Opened::Call { id: id.into(), name: "".into(), free_form: false, opaque: None };
                    emit(Event::Open { part, opened });
                    let held = std::mem::take(&mut call.held);
                    emit(Event::Delta { part, delta: Delta::Arguments(held.into()) });
                    part
                }
            };
            emit(Event::Close { part });
        }
    }
}
