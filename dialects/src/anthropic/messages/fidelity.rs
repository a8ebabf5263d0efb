//! What messages promises about each field.

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
        | Field::PartOrder
        | Field::ImageUrls
        | Field::DocumentUrls
        | Field::DocumentName
        | Field::DocumentContext
        | Field::ToolResultMedia
        | Field::ToolResultError
        | Field::Thinking
        | Field::ProviderState
        | Field::CacheMarkers
        | Field::ToolStrict
        | Field::ToolChoice
        | Field::ParallelCalls
        | Field::JsonSchema
        | Field::StopSequence
        | Field::MaxTokens
        | Field::ReasoningDisplay
        | Field::User => Fidelity::Carried,
        // Hoisted to the top: in between only the newest models take it, and only behind what a user says.
        Field::SystemPosition
        | Field::DeveloperRole
        // PDF and plain text.
        | Field::Documents
        | Field::ForeignState
        | Field::Refusals
        | Field::Citations
        | Field::CacheKey
        | Field::FreeFormTools
        | Field::AllowedTools
        | Field::JsonSchemaName
        // From 0 to 1, and none with thinking or from Claude 4.7 on.
        | Field::Temperature
        | Field::TopP
        | Field::TopK
        // None of white space alone.
        | Field::Stop
        // None where a tool must be called, or a turn with calls has lost its thoughts.
        | Field::ReasoningEffort
        | Field::ReasoningBudget
        | Field::Verbosity
        | Field::Store
        | Field::ImageDetail
        | Field::ServiceTier => Fidelity::Approximated,
        Field::SpeakerName
        | Field::Audio
        | Field::Video
        | Field::FileIds
        | Field::BuiltinTools
        | Field::JsonMode
        | Field::MinP
        | Field::Seed
        | Field::FrequencyPenalty
        | Field::PresencePenalty
        | Field::LogitBias
        | Field::Logprobs
        | Field::Candidates
        | Field::AnswerMedia
        | Field::Metadata
        | Field::Native
        | Field::Unknown => Fidelity::Dropped,
        Field::PreviousAnswer => Fidelity::Refused,
    }
}
