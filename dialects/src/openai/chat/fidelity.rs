//! What chat completions promises about each field.
//!
//! Source: the chat completions section of OpenAI's API reference. "Approximated" where only some of those who speak
//! this format take it, as [`crate::translate::Quirks`] says.

use crate::loss::{Fidelity, Field};

pub const fn carries(field: Field) -> Fidelity {
    match field {
        Field::Text
        | Field::Images
        | Field::ToolDefinitions
        | Field::CallIds
        | Field::CallNames
        | Field::CallArguments
        | Field::ToolResults
        | Field::Usage
        | Field::FinishReason
        | Field::Errors
        | Field::SystemPosition
        | Field::SpeakerName
        | Field::ImageUrls
        | Field::ImageDetail
        | Field::Refusals
        | Field::ToolStrict
        | Field::ToolChoice
        | Field::ParallelCalls
        | Field::JsonMode
        | Field::JsonSchema
        | Field::JsonSchemaName
        | Field::Seed
        | Field::LogitBias
        | Field::Stop
        | Field::MaxTokens => Fidelity::Carried,
        // Some take it, or it comes in another form.
        Field::DeveloperRole
        | Field::Temperature
        | Field::TopP
        | Field::FrequencyPenalty
        | Field::PresencePenalty
        | Field::PartOrder
        | Field::Documents
        | Field::DocumentName
        | Field::DocumentContext
        | Field::Audio
        | Field::Video
        | Field::ToolResultMedia
        | Field::ToolResultError
        | Field::Thinking
        | Field::ProviderState
        | Field::ForeignState
        | Field::Citations
        | Field::CacheMarkers
        | Field::CacheKey
        | Field::FreeFormTools
        | Field::AllowedTools
        | Field::StopSequence
        | Field::ReasoningEffort
        | Field::ReasoningBudget
        | Field::ReasoningDisplay
        | Field::AnswerMedia
        | Field::User
        | Field::ServiceTier => Fidelity::Approximated,
        // Some of those who speak chat take them; what is noted was not written.
        Field::TopK | Field::MinP | Field::Verbosity | Field::Metadata | Field::Store => Fidelity::Dropped,
        // Answers in other formats have no probabilities that chat's could be made of.
        Field::Logprobs => Fidelity::Approximated,
        // Of a translated answer only the first is read.
        Field::Candidates => Fidelity::Dropped,
        Field::DocumentUrls | Field::FileIds | Field::BuiltinTools | Field::Native | Field::Unknown => {
            Fidelity::Dropped
        }
        Field::PreviousAnswer => Fidelity::Refused,
    }
}
