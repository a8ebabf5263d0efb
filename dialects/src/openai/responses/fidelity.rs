//! What responses promises about each field.
//!
//! Source: the responses section of OpenAI's API reference.

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
        | Field::DeveloperRole
        | Field::PartOrder
        | Field::ImageUrls
        | Field::ImageDetail
        | Field::DocumentUrls
        | Field::DocumentName
        | Field::Refusals
        | Field::CacheKey
        | Field::ToolStrict
        | Field::FreeFormTools
        | Field::ToolChoice
        | Field::AllowedTools
        | Field::ParallelCalls
        | Field::JsonMode
        | Field::JsonSchema
        | Field::JsonSchemaName
        | Field::MaxTokens
        | Field::Verbosity
        | Field::Metadata
        | Field::Store
        | Field::PreviousAnswer => Fidelity::Carried,
        // Not by models that think.
        Field::Temperature
        | Field::TopP
        // A text in place of a file is a text.
        | Field::Documents | Field::DocumentContext
        // Only what stands in the body.
        | Field::Audio
        | Field::ToolResultMedia
        // Thoughts are shown to clients; back to an upstream go only those that it has encrypted itself.
        | Field::Thinking
        | Field::ProviderState
        | Field::ForeignState
        // Quotes of pages in answers, and not what a client sends back.
        | Field::Citations
        | Field::CacheMarkers
        // Effort is a word here, and a budget becomes one.
        | Field::ReasoningEffort
        | Field::ReasoningBudget
        | Field::ReasoningDisplay
        // A picture comes as the result of a call of the image tool.
        | Field::AnswerMedia
        // OpenAI takes no longer id than 64 characters.
        | Field::User
        // Tiers have the same names in chat alone.
        | Field::ServiceTier
        // Answers in other formats have no probabilities that these could be made of.
        | Field::Logprobs => Fidelity::Approximated,
        Field::SpeakerName
        | Field::Video
        | Field::FileIds
        | Field::ToolResultError
        | Field::BuiltinTools
        | Field::TopK
        | Field::MinP
        | Field::Seed
        | Field::FrequencyPenalty
        | Field::PresencePenalty
        | Field::LogitBias
        | Field::Candidates
        | Field::Stop
        | Field::StopSequence
        | Field::Native
        | Field::Unknown => Fidelity::Dropped,
    }
}
