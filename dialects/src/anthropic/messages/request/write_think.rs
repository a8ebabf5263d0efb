//! Whether and how the model is to think, with the limit of tokens that goes with it.
//!
//! Source: Anthropic's documentation of extended and adaptive thinking. A budget is at least 1,024 and below
//! `max_tokens`; a tool that must be called excludes thinking; and with a budget the last turn with calls must begin
//! with the thoughts that led to them, so where a client has lost those, there is no thinking in this request. Newer
//! models take no budget: they think as they see fit, and are told how hard in a word.

use super::super::model;
use crate::Wire;
use crate::conversation::{Effort, Kind, Message, Reasoning, Request, Role, Thinking, ToolChoice};
use crate::json::put::Object;
use crate::loss::{Field, Losses};
use crate::translate::Target;

const LEAST: u64 = 1_024;
/// The most that every model takes that thinks by a budget (Opus 4 and 4.1 write no more).
const MOST: u64 = 32_000;

/// What was decided.
#[derive(Debug)]
pub struct Think {
    pub max_tokens: u64,
    /// `output_config.effort`.
    pub effort: Option<Effort>,
    pub on: bool,
    /// A temperature and the like may be set.
    pub samples: bool,
    kind: Option<Thinking>,
    budget: Option<u64>,
}

pub fn decide(request: &Request<'_>, target: &Target<'_>, losses: &mut Losses) -> Think {
    let reasoning = &request.reasoning;
    let max_tokens = request.max_tokens.unwrap_or_else(|| target.default_max_tokens());
    let samples = model::takes_sampling(target.model);
    let none = Think { max_tokens, effort: None, on: false, samples, kind: None, budget: None };
    if request.wire == Wire::Messages {
        let on = matches!(reasoning.thinking, Some(Thinking::On | Thinking::Adaptive));
        return Think { effort: reasoning.effort, on, kind: reasoning.thinking, budget: reasoning.budget, ..none };
    }
    if !wanted(reasoning) {
        return none;
    }
    let forced = match request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Among { required: true, .. }) => true,
        Some(ToolChoice::Auto | ToolChoice::None | ToolChoice::Among { required: false, .. }) | None => false,
    };
    let effort = match reasoning.effort {
        // The lowest there is here.
        Some(Effort::Minimal) => Some(Effort::Low),
        Some(Effort::None) => None,
        Some(effort @ (Effort::Low | Effort::Medium | Effort::High | Effort::XHigh | Effort::Max)) => Some(effort),
        None => reasoning.budget.map(Effort::of_budget),
    };
    if forced || !model::may_think(target.model) {
        losses.note_if(reasoning.effort.is_some(), Field::ReasoningEffort);
        losses.note_if(reasoning.budget.is_some(), Field::ReasoningBudget);
        return none;
    }
    let wish = reasoning.budget.unwrap_or_else(|| effort.unwrap_or(Effort::Medium).budget()).max(LEAST);
    // Nobody set a limit: there is room for thought and answer both.
    let max_tokens = match (request.max_tokens, target.max_tokens) {
        (None, None) => (Target::SAFE + wish).min(MOST),
        (Some(max), _) | (None, Some(max)) => max,
    };
    let thinks = Think { max_tokens, on: true, samples: false, ..none };
    if model::is_adaptive(target.model) {
        losses.note_if(reasoning.budget.is_some(), Field::ReasoningBudget);
        let effort = effort.map(|effort| model::known(effort, target.model));
        return Think { effort, kind: Some(Thinking::Adaptive), ..thinks };
    }
    // Of what we set ourselves some is left for the answer.
    let room = if request.max_tokens.or(target.max_tokens).is_none() { Target::SAFE } else { 1 };
    let budget = wish.min(max_tokens.saturating_sub(room));
    if budget < LEAST || lost_thoughts(&request.messages) {
        losses.note_if(reasoning.effort.is_some(), Field::ReasoningEffort);
        losses.note_if(reasoning.budget.is_some(), Field::ReasoningBudget);
        return none;
    }
    Think { kind: Some(Thinking::On), budget: Some(budget), ..thinks }
}

fn wanted(reasoning: &Reasoning<'_>) -> bool {
    match (reasoning.thinking, reasoning.effort, reasoning.budget) {
        (Some(Thinking::Off), ..) | (_, Some(Effort::None), _) | (_, None, Some(0)) => false,
        (Some(Thinking::On | Thinking::Adaptive), ..) => true,
        (None, effort, budget) => effort.is_some() || budget.is_some(),
    }
}

/// Within a tool loop, a turn with calls has no thoughts of this provider before them.
fn lost_thoughts(messages: &[Message<'_>]) -> bool {
    let Some(last) = messages.iter().rev().find(|message| message.role == Role::Assistant) else { return false };
    let calls = last.parts.iter().any(|part| matches!(part.kind, Kind::Call(_)));
    let signed = last.parts.iter().any(|part| {
        matches!(part.kind, Kind::Thinking { .. })
            && part.opaque.as_ref().is_some_and(|opaque| opaque.is_for(Wire::Messages))
    });
    calls && !signed
}

pub fn write(object: &mut Object<'_>, request: &Request<'_>, think: &Think) {
    let Some(kind) = think.kind else { return };
    let mut thinking = object.object("thinking");
    thinking.text(
        "type",
        match kind {
            Thinking::Off => "disabled",
            Thinking::On => "enabled",
            Thinking::Adaptive => "adaptive",
        },
    );
    if let Some(budget) = think.budget {
        thinking.whole("budget_tokens", budget);
    }
    match request.reasoning.show {
        // Who thinks by a budget shows it unasked, the others do not.
        Some(show)
            if kind != Thinking::Off && (request.wire == Wire::Messages || !show || kind == Thinking::Adaptive) =>
        {
            thinking.text("display", if show { "summarized" } else { "omitted" });
        }
        Some(_) | None => {}
    }
}
