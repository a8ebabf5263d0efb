//! What Converse promises about each field.
//!
//! Source: the Converse page of the Amazon Bedrock API reference. "Approximated" also where only some models take it.

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
        | Field::Documents
        | Field::DocumentContext
        | Field::ToolResultMedia
        | Field::ToolResultError
        | Field::JsonSchema
        | Field::JsonSchemaName
        | Field::MaxTokens => Fidelity::Carried,
        // Moved to the top.
        Field::SystemPosition | Field::DeveloperRole => Fidelity::Approximated,
        // Refusals become texts, free-form tools take one text, a choice among tools is that there are no others.
        Field::Refusals | Field::FreeFormTools | Field::AllowedTools => Fidelity::Approximated,
        // There is no word for none: without tools, or with those that were called before.
        Field::ToolChoice => Fidelity::Approximated,
        // Some models take it.
        Field::Audio
        | Field::Video
        | Field::ToolStrict
        | Field::TopP
        | Field::TopK
        | Field::CacheMarkers
        | Field::ReasoningEffort
        | Field::ReasoningBudget
        | Field::ReasoningDisplay
        | Field::ServiceTier => Fidelity::Approximated,
        // At most 1.
        Field::Temperature => Fidelity::Approximated,
        // Of letters, digits, blanks and few other signs.
        Field::DocumentName => Fidelity::Approximated,
        // To their own provider only.
        Field::Thinking | Field::ProviderState | Field::ForeignState => Fidelity::Approximated,
        // In answers.
        Field::Citations => Fidelity::Approximated,
        // The answer means the same without them.
        Field::CacheKey
        | Field::User
        | Field::Metadata
        | Field::Store
        | Field::ImageDetail
        | Field::StopSequence
        | Field::Stop => Fidelity::Approximated,
        Field::AnswerMedia => Fidelity::Approximated,
        Field::SpeakerName
        | Field::FileIds
        | Field::BuiltinTools
        | Field::ParallelCalls
        | Field::JsonMode
        | Field::MinP
        | Field::Seed
        | Field::FrequencyPenalty
        | Field::PresencePenalty
        | Field::LogitBias
        | Field::Candidates
        | Field::Logprobs
        | Field::Verbosity
        | Field::Native
        | Field::Unknown => Fidelity::Dropped,
        // What the model was to look at is not there.
        Field::ImageUrls | Field::DocumentUrls | Field::PreviousAnswer => Fidelity::Refused,
    }
}
