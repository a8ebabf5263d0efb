//! Everything of a conversation that a translation may lose.

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $field:ident = $name:literal $(, must $must:ident)?;)+) => {
        /// A part of a request or an answer, by a name of ours.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $($(#[doc = $doc])* $field,)+ }

        impl Field {
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$field),+];

            /// For headers, messages and the table.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)+ }
            }

            /// No format may declare it lost.
            pub const fn must_carry(self) -> bool {
                match self { $(Self::$field => false $(|| fields!(@ $must))?,)+ }
            }

            /// What it is, for the table.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$field => concat!($($doc,)* ""),)+ }
            }
        }
    };
    (@ carry) => { true };
}

fields! {
    // What must carry.
    /// Text of messages and answers.
    Text = "text", must carry;
    /// Images whose bytes are in the body.
    Images = "images", must carry;
    /// Names, descriptions and schemas of functions.
    ToolDefinitions = "tools", must carry;
    /// Ids of calls and of their results.
    CallIds = "call_ids", must carry;
    /// Names of called functions.
    CallNames = "call_names", must carry;
    /// Arguments of calls.
    CallArguments = "call_arguments", must carry;
    /// What a tool said, as text.
    ToolResults = "tool_results", must carry;
    /// Tokens read and written.
    Usage = "usage", must carry;
    /// Why an answer ended.
    FinishReason = "finish_reason", must carry;
    /// Errors, before and within a stream.
    Errors = "errors", must carry;

    // Messages.
    /// Instructions that stand between other messages stay there.
    SystemPosition = "system_position";
    /// Messages of the role developer are told from those of the role system.
    DeveloperRole = "developer_role";
    /// The name of a speaker.
    SpeakerName = "speaker_name";
    /// Text and calls of one turn keep their order.
    PartOrder = "part_order";
    /// Images by URL. Where they do not come, `fetch_urls` has the gateway fetch them.
    ImageUrls = "image_urls";
    /// How closely an image is looked at.
    ImageDetail = "image_detail";
    /// PDF and text documents whose bytes are in the body.
    Documents = "documents";
    /// Documents by URL. Where they do not come, `fetch_urls` has the gateway fetch them.
    DocumentUrls = "document_urls";
    /// Names of documents.
    DocumentName = "document_name";
    /// Words about a document for the model.
    DocumentContext = "document_context";
    /// Audio in messages.
    Audio = "audio";
    /// Video in messages.
    Video = "video";
    /// Files that a provider keeps, by their id.
    FileIds = "file_ids";
    /// Images and documents in tool results.
    ToolResultMedia = "tool_result_media";
    /// That a tool failed.
    ToolResultError = "tool_result_error";
    /// The text of thoughts.
    Thinking = "thinking";
    /// Signatures of thoughts and calls, redacted thoughts, encrypted reasoning: back to the provider that made them.
    ProviderState = "provider_state";
    /// Thoughts and signatures of another provider than the one that is asked.
    ForeignState = "foreign_state";
    /// Refusals are told from text.
    Refusals = "refusals";
    /// Where a text comes from.
    Citations = "citations";
    /// Cache markers.
    CacheMarkers = "cache_markers";
    /// A key for the cache.
    CacheKey = "cache_key";

    // Tools.
    /// Arguments must fit the schema.
    ToolStrict = "tool_strict";
    /// Tools that take text, with or without a grammar.
    FreeFormTools = "free_form_tools";
    /// Tools that are built into a provider.
    BuiltinTools = "builtin_tools";
    /// Whether to call a tool, or which one.
    ToolChoice = "tool_choice";
    /// A choice among some of the tools.
    AllowedTools = "allowed_tools";
    /// Whether several calls at once are welcome.
    ParallelCalls = "parallel_calls";

    // What the answer is to be.
    /// JSON of any form.
    JsonMode = "json_mode";
    /// JSON that fits a schema.
    JsonSchema = "json_schema";
    /// Name, description and strictness of that schema.
    JsonSchemaName = "json_schema_name";
    /// How freely tokens are drawn.
    Temperature = "temperature";
    /// The most probable tokens by their sum.
    TopP = "top_p";
    /// The most probable tokens by their number.
    TopK = "top_k";
    /// Tokens of at least this share of the best.
    MinP = "min_p";
    /// Repeatable draws.
    Seed = "seed";
    /// Against repetition, by how often.
    FrequencyPenalty = "frequency_penalty";
    /// Against repetition, by whether at all.
    PresencePenalty = "presence_penalty";
    /// Tokens made more or less probable.
    LogitBias = "logit_bias";
    /// Probabilities of tokens, asked for and answered.
    Logprobs = "logprobs";
    /// More than one answer.
    Candidates = "candidates";
    /// Texts that end the answer.
    Stop = "stop";
    /// Which stop sequence was hit.
    StopSequence = "stop_sequence";
    /// The longest answer.
    MaxTokens = "max_tokens";
    /// Whether and how hard to think, as a word.
    ReasoningEffort = "reasoning_effort";
    /// How many tokens to think.
    ReasoningBudget = "reasoning_budget";
    /// Whether and how to show thoughts.
    ReasoningDisplay = "reasoning_display";
    /// How much to say.
    Verbosity = "verbosity";
    /// Answers in speech or images.
    AnswerMedia = "answer_media";

    // Around it.
    /// An id of the end user.
    User = "user";
    /// Labels of the client.
    Metadata = "metadata";
    /// Faster or cheaper service.
    ServiceTier = "service_tier";
    /// Whether the provider keeps the answer.
    Store = "store";
    /// An earlier answer that the provider keeps.
    PreviousAnswer = "previous_answer";
    /// Parts that only the format they came in knows: results of built-in tools, references.
    Native = "native_parts";
    /// Members that are none of the format's own: extras of vendors, and what is newer than this table.
    Unknown = "unknown_fields";
}
