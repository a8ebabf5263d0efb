//! What may be wrong with a body, told without showing any of it.

/// Why a body is refused. Every one of them is a 400 of the client's making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// No bytes but white space.
    Empty,
    /// Not JSON, or more than one value; counted from 1, the column in bytes.
    NotJson {
        line: usize,
        column: usize,
    },
    NotAnObject,
    NoModel,
    ModelNotAString,
    EmptyModel,
    /// More than one `model` key.
    DuplicateModel,
    /// More than one `stream` key.
    DuplicateStream,
    StreamNotABoolean,
}

impl EnvelopeError {
    /// For the client; holds nothing of the body.
    pub fn message(self) -> String {
        let text = match self {
            Self::Empty => "The request body is empty; send a JSON object.",
            Self::NotJson { line, column } => {
                return format!("The request body is not valid JSON (line {line}, column {column}).");
            }
            Self::NotAnObject => "The request body must be a JSON object.",
            Self::NoModel => "You must provide a model parameter.",
            Self::ModelNotAString => "Invalid type for 'model': expected a string.",
            Self::EmptyModel => "Invalid 'model': empty string.",
            Self::DuplicateModel => "The request body has more than one 'model' key, whatever their case.",
            Self::DuplicateStream => "The request body has more than one 'stream' key, whatever their case.",
            Self::StreamNotABoolean => "Invalid type for 'stream': expected a boolean.",
        };
        text.to_owned()
    }

    /// A word for the log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::NotJson { .. } => "bad_json",
            Self::NotAnObject => "not_an_object",
            Self::NoModel => "no_model",
            Self::ModelNotAString | Self::EmptyModel => "bad_model",
            Self::DuplicateModel | Self::DuplicateStream => "duplicate_key",
            Self::StreamNotABoolean => "bad_stream",
        }
    }

    /// The parameter to blame, for the `param` of an OpenAI error.
    pub const fn param(self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::NotJson { .. } | Self::NotAnObject => None,
            Self::NoModel | Self::ModelNotAString | Self::EmptyModel | Self::DuplicateModel => Some("model"),
            Self::DuplicateStream | Self::StreamNotABoolean => Some("stream"),
        }
    }
}

impl std::fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for EnvelopeError {}
