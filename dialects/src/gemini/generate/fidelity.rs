//! What generateContent promises about each field.
//!
//! Source: <https://ai.google.dev/api/generate-content>. "Approximated" also where only some models take it.

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
        | Field::Documents
        | Field::DocumentUrls
        | Field::Audio
        | Field::Video
        | Field::ToolResultMedia
        | Field::ToolResultError
        | Field::ToolChoice
        | Field::AllowedTools
        | Field::JsonMode
        | Field::JsonSchema
        | Field::Temperature
        | Field::TopP
        | Field::TopK
        | Field::Seed
        | Field::FrequencyPenalty
        | Field::PresencePenalty
        | Field::MaxTokens
        | Field::ReasoningDisplay => Fidelity::Carried,
        // Moved into the system instruction.
        Field::SystemPosition | Field::DeveloperRole => Fidelity::Approximated,
        // Refusals become texts, free-form tools take one text, a strict tool is one like others.
        Field::Refusals | Field::FreeFormTools | Field::ToolStrict | Field::JsonSchemaName => Fidelity::Approximated,
        // Each model has its own measure of it, and some do not think.
        Field::ReasoningEffort | Field::ReasoningBudget => Fidelity::Approximated,
        // Five of them.
        Field::Stop => Fidelity::Approximated,
        // Pictures and speech, where the client has a place for them.
        Field::AnswerMedia => Fidelity::Approximated,
        // In answers by the sources that were found.
        Field::Citations => Fidelity::Approximated,
        // To their own provider only.
        Field::Thinking | Field::ProviderState | Field::ForeignState => Fidelity::Approximated,
        // By the request, for all images; a part's own only for some models.
        Field::ImageDetail => Fidelity::Approximated,
        // The answer means the same without them.
        Field::CacheMarkers
        | Field::CacheKey
        | Field::User
        | Field::Metadata
        | Field::ServiceTier
        | Field::Store
        | Field::DocumentName
        | Field::StopSequence => Fidelity::Approximated,
        Field::SpeakerName
        | Field::DocumentContext
        | Field::FileIds
        | Field::BuiltinTools
        | Field::ParallelCalls
        | Field::MinP
        | Field::LogitBias
        | Field::Logprobs
        | Field::Candidates
        | Field::Verbosity
        | Field::Native
        | Field::Unknown => Fidelity::Dropped,
        Field::PreviousAnswer => Fidelity::Refused,
    }
}
