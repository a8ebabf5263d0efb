//! What the events of a stream add up to.

use super::foreign::OTHER;
use super::frame::Frame;
use super::needle::{
    CANDIDATES, CHOICES, ERROR, FINISH, FINISH_REASON, behind, counts, has_choice, is_first, said_why, tells_error,
};
use super::progress::{Progress, ends};
use super::spot::in_whole;
use super::tally::{self, Tally};
use super::{Cut, Failure};
use crate::fault::Fault;
use crate::gemini;
use crate::openai::chunk;
use crate::openai::typed::{self, Step};
use crate::{Endpoint, Usage};

/// Events of content within which a second choice shows, or it comes when the first has finished.
const SOON: u64 = 16;

/// The state of an answer that streams.
#[derive(Debug)]
pub struct Answer {
    endpoint: Endpoint,
    pub content: bool,
    pub terminal: bool,
    /// What has finished, for which an orderly end will do where servers send no `[DONE]`.
    progress: Progress,
    /// Some event was part of an answer in the format that this endpoint streams: of chunks one with a choice. A stream
    /// without one has no end that we could know.
    pub ours: bool,
    /// It has ended, and was no answer.
    pub foreign: bool,
    pub usage: Option<Usage>,
    pub failure: Option<Box<Failure>>,
    /// A failure since the last chunk.
    pub fresh: bool,
    /// Words of the upstream's own since the last chunk, that are no failure.
    pub words: bool,
    /// The client's SDK raises on what it has got.
    told: bool,
    pub tally: Tally,
    frame: Frame,
}

impl Answer {
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            content: false,
            terminal: false,
            progress: Progress::default(),
            ours: false,
            foreign: false,
            usage: None,
            failure: None,
            fresh: false,
            words: false,
            told: false,
            tally: Tally::default(),
            frame: Frame::default(),
        }
    }

    /// An event's name (empty where it has none) and its data. True where it holds nothing but usage.
    pub fn event(&mut self, name: &[u8], data: &[u8]) -> bool {
        if data.starts_with(b"[DONE]") {
            self.done();
            return false;
        }
        if self.endpoint.streams_chunks() {
            return self.chunk(name, data);
        }
        if self.endpoint == Endpoint::GenerateContent {
            self.generated(name, data);
        } else {
            self.typed(name, data);
        }
        false
    }

    /// `[DONE]` ends chunks, where there were any. Other streams have ends of their own, which these insist on.
    fn done(&mut self) {
        match self.endpoint {
            Endpoint::Responses
            | Endpoint::Messages
            | Endpoint::CountTokens
            | Endpoint::GenerateContent
            | Endpoint::GeminiCountTokens
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents
            | Endpoint::Converse => {}
            Endpoint::Chat
            | Endpoint::Completions
            | Endpoint::Embeddings
            | Endpoint::Moderations
            | Endpoint::Rerank
            | Endpoint::ImagesGenerations
            | Endpoint::ImagesEdits
            | Endpoint::ImagesVariations
            | Endpoint::AudioSpeech
            | Endpoint::AudioTranscriptions
            | Endpoint::AudioTranslations => {
                self.terminal = self.ours || self.content;
                self.foreign = !self.terminal && self.failure.is_none();
            }
        }
    }

    fn chunk(&mut self, name: &[u8], data: &[u8]) -> bool {
        if names_error(name) {
            self.fail(data);
            return false;
        }
        if self.content {
            return self.later_chunk(data);
        }
        let usage = self.cost(data);
        self.usage = usage.or(self.usage);
        let chunk = chunk::look(data);
        self.ours |= chunk.ours && !chunk.no_choices;
        self.progress.then(chunk.progress);
        // What is no part of an answer, nor what it cost, is the upstream's own.
        self.words |= chunk.said || chunk.no_choices && usage.is_none() || !chunk.ours || tells_error(data);
        if chunk.failed {
            self.fail(data);
        } else if chunk.content {
            self.content = true;
            self.tally.note(data.get(..data.len() - tally::padding(data)).unwrap_or(data));
        }
        usage.is_some() && chunk.no_choices
    }

    /// A chunk after content has come: searched, and hardly ever parsed.
    fn later_chunk(&mut self, data: &[u8]) -> bool {
        let unpadded = data.get(..data.len() - tally::padding(data)).unwrap_or(data);
        if let Some(text) = self.frame.text_of(unpadded) {
            self.tally.note_text(text);
            return false;
        }
        let usage = self.cost(data);
        self.usage = usage.or(self.usage);
        let ending = !self.progress.finished() && ends(data, &FINISH);
        let choices = CHOICES.find(data).and_then(|at| data.get(at + CHOICES.needle().len()..));
        let ours = choices.is_some();
        self.ours |= ours;
        let error = ERROR.find(data).is_some();
        let is_bare = !choices.is_some_and(has_choice);
        let is_other = |list| (ending || self.may_be_other() && !is_first(list)) && counts(list);
        if error || is_bare || self.progress.several() || choices.is_none_or(is_other) {
            let chunk = chunk::look(data);
            self.progress.then(chunk.progress);
            self.words |= chunk.said || is_bare && usage.is_none() || error && tells_error(data);
            if chunk.failed {
                self.fail(data);
            }
            if is_bare {
                return usage.is_some() && chunk.no_choices;
            }
        } else if ending {
            self.progress.then(Progress::of(0, true, true));
        }
        if usage.is_none() && !ending {
            self.tally.note(unpadded);
            if !error {
                self.frame.learn(unpadded);
            }
        }
        usage.is_some() && chunk::look(data).no_choices
    }

    /// Whether an event is worth a look for its index.
    fn may_be_other(&self) -> bool {
        self.tally.events() < SOON || self.progress.finished()
    }

    /// What the event says of the usage.
    fn cost(&self, data: &[u8]) -> Option<Usage> {
        in_whole(data, self.endpoint.dialect())
    }

    /// Gemini's: each event is an answer of its own, and the last one has a finish reason.
    fn generated(&mut self, name: &[u8], data: &[u8]) {
        self.usage = self.cost(data).or(self.usage);
        let ending = ends(data, &FINISH_REASON);
        let is_other = |list| self.progress.several() || (ending || self.may_be_other()) && counts(list);
        let looks = !self.content || ERROR.find(data).is_some() || behind(data, &CANDIDATES).is_none_or(is_other);
        let looked = if looks { gemini::chunk::look(data) } else { gemini::chunk::Chunk::default() };
        if names_error(name) || looked.failed {
            self.fail(data);
            return;
        }
        if looked.said {
            self.words = true;
            return;
        }
        // An argument of a call may be named so too.
        self.words |= said_why(self.endpoint, data) || looks && !looked.content && tells_error(data);
        self.progress.then(if looks { looked.progress } else { Progress::of(0, true, ending) });
        if !self.content {
            self.ours |= looked.ours;
            self.content = looked.content;
        }
        if self.content {
            self.tally.note(data);
        }
    }

    fn typed(&mut self, name: &[u8], data: &[u8]) {
        self.words |= tells_error(data) || said_why(self.endpoint, data);
        let step = match name {
            name if names_error(name) => Step::Error,
            b"" | b"message" => match typed::kind(data) {
                Some(kind) => self.typed_step(kind.as_bytes(), data),
                None => {
                    // An error, or words, in the shape of chat, as gateways in between send them.
                    let chunk = chunk::look(data);
                    self.words |= chunk.said;
                    if chunk.failed {
                        Step::Error
                    } else if chunk.said || matches!(self.endpoint, Endpoint::Responses | Endpoint::Messages) {
                        // No client of theirs reads what has no type.
                        Step::Idle
                    } else {
                        Step::Content
                    }
                }
            },
            // OpenAI's SDKs go by the type alone, Anthropic's by the name.
            name if self.endpoint == Endpoint::Responses && !typed::is_own(self.endpoint, name) => {
                let kind = typed::kind(data);
                self.typed_step(kind.as_ref().map_or(name, |kind| kind.as_bytes()), data)
            }
            name => self.typed_step(name, data),
        };
        match step {
            Step::Idle => {}
            Step::Cost => self.usage = self.cost(data).map(|usage| usage.after(self.usage)).or(self.usage),
            Step::Content => self.content = true,
            Step::Delta => {
                self.content = true;
                self.tally.note(data.get(..data.len() - tally::padding(data)).unwrap_or(data));
            }
            Step::Done => {
                self.content = true;
                self.terminal = true;
                self.usage = self.cost(data).or(self.usage);
            }
            Step::Failed => {
                self.usage = self.cost(data).or(self.usage);
                self.fail(data);
                // The client's own mistake, told as its format tells it, is the answer: Codex compacts on such an event,
                // and on no status.
                self.content |= self.failure.as_ref().is_some_and(|failure| failure.fault == Fault::Client);
                self.terminal = self.content;
                self.told = true;
            }
            Step::Error => self.fail(data),
        }
    }

    fn typed_step(&mut self, kind: &[u8], data: &[u8]) -> Step {
        let begun = self.ours;
        self.ours |= typed::is_own(self.endpoint, kind);
        match typed::step(self.endpoint, kind) {
            // Nothing has begun that could end.
            Step::Done if self.endpoint == Endpoint::Messages && !begun => {
                self.foreign = self.failure.is_none();
                Step::Idle
            }
            Step::Done if self.endpoint == Endpoint::Responses && typed::is_broken(data) => Step::Failed,
            // A kind of nobody's, and the words of an error.
            step @ (Step::Content | Step::Idle) if !typed::is_known(kind) && data.starts_with(b"{") => {
                self.words = true;
                if chunk::look(data).failed { Step::Error } else { step }
            }
            step => step,
        }
    }

    /// A failure told by an event. The SDKs raise on an `error` member, not on the event's name.
    fn fail(&mut self, data: &[u8]) {
        self.fail_silently(data);
        let chunk = chunk::look(data);
        self.told |= chunk.failed && !chunk.flat;
    }

    /// A failure told in a way that no SDK understands.
    pub fn fail_silently(&mut self, data: &[u8]) {
        if self.failure.is_none() {
            self.failure = Some(Box::new(Failure::read(data)));
            self.fresh = true;
        }
    }

    /// An event beyond the bound: only the beginning of its data, its end and its usage are known. Without data it is none.
    pub fn long_event(&mut self, name: &[u8], head: &[u8], tail: &[u8], usage: Option<Usage>) {
        self.usage = usage.or(self.usage);
        if head.is_empty() {
            return;
        }
        self.content = true;
        if self.endpoint.streams_chunks() {
            self.ours = self.ours || CHOICES.find(head).is_some();
            self.progress.then(Progress::of_long(head, tail, &FINISH));
            return;
        }
        if self.endpoint == Endpoint::GenerateContent {
            self.ours = true;
            self.progress.then(Progress::of_long(head, tail, &FINISH_REASON));
            return;
        }
        let kind = match name {
            b"" | b"message" => typed::kind(head),
            name => Some(String::from_utf8_lossy(name)),
        };
        self.ours |= kind.as_ref().is_some_and(|kind| typed::is_own(self.endpoint, kind.as_bytes()));
        let step = kind.map_or(Step::Content, |kind| typed::step(self.endpoint, kind.as_bytes()));
        match step {
            Step::Done | Step::Failed => self.terminal = true,
            Step::Idle | Step::Cost | Step::Content | Step::Delta | Step::Error => {}
        }
    }

    pub fn end(&self, framing_clean: bool) -> Result<(), Cut> {
        if self.foreign {
            return Err(Cut::Foreign(OTHER));
        }
        let foreign = self.content && !self.ours;
        if self.terminal || (framing_clean && self.failure.is_none() && (self.progress.finished() || foreign)) {
            return Ok(());
        }
        match (self.told, framing_clean) {
            (true, _) => Err(Cut::Told),
            (false, true) => Err(Cut::NoTerminal),
            (false, false) => Err(Cut::Broken),
        }
    }
}

fn names_error(name: &[u8]) -> bool {
    matches!(name, b"error" | b"exception")
}
