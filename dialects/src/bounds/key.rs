//! What stands under a key, in any of the formats.

/// What the elements of a list come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Messages,
    Parts,
    Calls,
    Tools,
    Citations,
    Texts,
    Answers,
    Vectors,
    /// Members that no format knows are kept each by its name.
    Members,
}

impl What {
    pub const ALL: [Self; 9] = [
        Self::Messages,
        Self::Parts,
        Self::Calls,
        Self::Tools,
        Self::Citations,
        Self::Texts,
        Self::Answers,
        Self::Vectors,
        Self::Members,
    ];

    pub const fn label(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Parts => "parts",
            Self::Calls => "calls",
            Self::Tools => "tools",
            Self::Citations => "citations",
            Self::Texts => "texts",
            Self::Answers => "answers",
            Self::Vectors => "embeddings",
            Self::Members => "members",
        }
    }
}

impl What {
    /// What the members come to that one of these has and nobody knows: one of Gemini's holds tools by their names.
    pub const fn others(self) -> Self {
        match self {
            Self::Tools => Self::Tools,
            Self::Messages
            | Self::Parts
            | Self::Calls
            | Self::Citations
            | Self::Texts
            | Self::Answers
            | Self::Vectors
            | Self::Members => Self::Members,
        }
    }
}

/// What is done with the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// It is handed on as it came.
    Raw,
    /// The same; but while it is looked through, a short one is built.
    Schema,
    /// It is nothing that a format knows.
    Unknown,
    /// An object whose members are read.
    Inside,
    /// The same, or a list of such; or a text in place of it.
    Read(What),
    /// A list of such, but an object is handed on as it came.
    List(What),
}

/// A key that nobody knows is a member that is kept: so is `Unknown` too little for none that is read.
pub fn under(key: &[u8]) -> Under {
    use Under::{Inside, List, Raw, Read, Schema, Unknown};
    match key {
        b"messages" | b"contents" => Read(What::Messages),
        b"input" => List(What::Messages),
        b"content"
        | b"parts"
        | b"system"
        | b"systemInstruction"
        | b"system_instruction"
        | b"reasoning_details"
        | b"summary"
        | b"images"
        | b"thinking"
        | b"sourceContent" => Read(What::Parts),
        b"output" => Read(What::Parts),
        b"tool_calls" => Read(What::Calls),
        b"tools" | b"functions" | b"functionDeclarations" | b"function_declarations" => Read(What::Tools),
        b"annotations" | b"citations" | b"citationSources" | b"groundingChunks" | b"groundingSupports" => {
            Read(What::Citations)
        }
        b"stop"
        | b"stop_sequences"
        | b"stopSequences"
        | b"include"
        | b"groundingChunkIndices"
        | b"allowedFunctionNames"
        | b"allowed_function_names"
        | b"modalities"
        | b"responseModalities"
        | b"enum" => Read(What::Texts),
        b"choices" | b"candidates" => Read(What::Answers),
        b"requests" | b"data" | b"embeddings" => Read(What::Vectors),
        // Objects of one kind, whose members are read.
        b"tool_choice"
        | b"toolChoice"
        | b"toolConfig"
        | b"tool_config"
        | b"functionCallingConfig"
        | b"function_calling_config"
        | b"allowed_tools"
        | b"function_call"
        | b"function"
        | b"custom"
        | b"image_url"
        | b"video_url"
        | b"input_audio"
        | b"file"
        | b"url_citation"
        | b"cache_control"
        | b"cachePoint"
        | b"stream_options"
        | b"response_format"
        | b"text"
        | b"format"
        | b"json_schema"
        | b"output_config"
        | b"output_format"
        | b"reasoning"
        | b"metadata"
        | b"source"
        | b"message"
        | b"delta"
        | b"audio"
        | b"error"
        | b"usage"
        | b"usageMetadata"
        | b"inlineData"
        | b"inline_data"
        | b"fileData"
        | b"file_data"
        | b"functionCall"
        | b"functionResponse"
        | b"function_response"
        | b"mediaResolution"
        | b"generationConfig"
        | b"generation_config"
        | b"thinkingConfig"
        | b"thinking_config"
        | b"promptFeedback"
        | b"groundingMetadata"
        | b"citationMetadata"
        | b"web"
        | b"retrievedContext"
        | b"maps"
        | b"segment"
        | b"toolUse"
        | b"toolResult"
        | b"toolSpec"
        | b"image"
        | b"document"
        | b"video"
        | b"reasoningContent"
        | b"reasoningText"
        | b"citationsContent"
        | b"location"
        | b"inferenceConfig"
        | b"outputConfig"
        | b"item"
        | b"part"
        | b"incomplete_details"
        | b"content_block"
        | b"citation"
        | b"embedContentConfig"
        | b"embed_content_config" => Inside,
        b"parameters"
        | b"input_schema"
        | b"inputSchema"
        | b"schema"
        | b"parametersJsonSchema"
        | b"parameters_json_schema"
        | b"responseSchema"
        | b"response_schema"
        | b"responseJsonSchema"
        | b"response_json_schema" => Schema,
        b"arguments" | b"args" | b"json" | b"response" | b"embedding" | b"values" | b"index" | b"type" | b"role"
        | b"name" | b"id" | b"model" | b"url" | b"logprobs" | b"object" | b"tool_call_id" | b"tool_use_id"
        | b"toolUseId" | b"call_id" | b"is_error" | b"signature" | b"status" | b"detail" | b"media_type"
        | b"mimeType" | b"title" | b"description" | b"ttl" | b"strict" | b"finish_reason" | b"thought"
        | b"thoughtSignature" | b"refusal" | b"reasoning_content" => Raw,
        _ => Unknown,
    }
}
