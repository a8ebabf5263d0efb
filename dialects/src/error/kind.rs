//! The kinds of error that the gateway answers with, and each one's words in each dialect.

/// What is wrong, as a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself: 400.
    InvalidRequest,
    /// No client token: 401.
    MissingToken,
    /// A client token that is none of ours: 401.
    InvalidToken,
    /// A token that may not do this: 403.
    Forbidden,
    /// 404.
    ModelNotFound,
    /// A path that is not served: 404.
    UnknownPath,
    /// 405.
    MethodNotAllowed,
    /// The client was too slow: 408.
    RequestTimeout,
    /// The body: 413.
    TooLarge,
    /// 415.
    UnsupportedMediaType,
    /// A websocket was asked for: 426.
    UpgradeRequired,
    /// The head: 431.
    HeadersTooLarge,
    /// 429.
    RateLimited,
    /// Every key is out of credit: 429.
    InsufficientQuota,
    /// Our own fault: 500.
    Internal,
    /// The upstream broke, or refused our key: 502.
    BadGateway,
    /// Nothing can serve now, or there is no room: 503.
    Unavailable,
    /// The upstream was too slow: 504.
    UpstreamTimeout,
}

impl ErrorKind {
    pub const ALL: [Self; 18] = [
        Self::InvalidRequest,
        Self::MissingToken,
        Self::InvalidToken,
        Self::Forbidden,
        Self::ModelNotFound,
        Self::UnknownPath,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::UpgradeRequired,
        Self::HeadersTooLarge,
        Self::RateLimited,
        Self::InsufficientQuota,
        Self::Internal,
        Self::BadGateway,
        Self::Unavailable,
        Self::UpstreamTimeout,
    ];

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::MissingToken | Self::InvalidToken => 401,
            Self::Forbidden => 403,
            Self::ModelNotFound | Self::UnknownPath => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::UpgradeRequired => 426,
            Self::HeadersTooLarge => 431,
            Self::RateLimited | Self::InsufficientQuota => 429,
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::UpstreamTimeout => 504,
        }
    }

    /// OpenAI's `code`; None is a null.
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest => None,
            Self::MissingToken | Self::InvalidToken => Some("invalid_api_key"),
            Self::Forbidden => Some("forbidden"),
            Self::ModelNotFound => Some("model_not_found"),
            Self::UnknownPath => Some("unknown_url"),
            Self::MethodNotAllowed => Some("method_not_supported"),
            Self::RequestTimeout => Some("request_timeout"),
            Self::TooLarge => Some("request_too_large"),
            Self::UnsupportedMediaType => Some("unsupported_media_type"),
            Self::UpgradeRequired => Some("websocket_not_supported"),
            Self::HeadersTooLarge => Some("request_header_fields_too_large"),
            Self::RateLimited => Some("rate_limit_exceeded"),
            Self::InsufficientQuota => Some("insufficient_quota"),
            Self::Internal => Some("internal_error"),
            Self::BadGateway => Some("bad_gateway"),
            Self::Unavailable => Some("service_unavailable"),
            Self::UpstreamTimeout => Some("upstream_timeout"),
        }
    }

    /// OpenAI's `type`.
    pub const fn openai_type(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::MissingToken
            | Self::InvalidToken
            | Self::Forbidden
            | Self::ModelNotFound
            | Self::UnknownPath
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::UpgradeRequired
            | Self::HeadersTooLarge => "invalid_request_error",
            Self::RateLimited => "rate_limit_error",
            Self::InsufficientQuota => "insufficient_quota",
            Self::Internal | Self::BadGateway | Self::Unavailable | Self::UpstreamTimeout => "server_error",
        }
    }

    /// Anthropic's `error.type`.
    pub const fn anthropic_type(self) -> &'static str {
        match self {
            Self::InvalidRequest
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::UnsupportedMediaType
            | Self::UpgradeRequired
            | Self::HeadersTooLarge => "invalid_request_error",
            Self::MissingToken | Self::InvalidToken => "authentication_error",
            Self::Forbidden => "permission_error",
            Self::ModelNotFound | Self::UnknownPath => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimited => "rate_limit_error",
            Self::InsufficientQuota => "billing_error",
            Self::Internal | Self::BadGateway => "api_error",
            Self::Unavailable => "overloaded_error",
            Self::UpstreamTimeout => "timeout_error",
        }
    }

    /// Gemini's `error.status`, a name of `google.rpc.Code`.
    pub const fn gemini_status(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::TooLarge | Self::UnsupportedMediaType | Self::HeadersTooLarge => {
                "INVALID_ARGUMENT"
            }
            Self::MissingToken | Self::InvalidToken => "UNAUTHENTICATED",
            Self::Forbidden => "PERMISSION_DENIED",
            Self::ModelNotFound | Self::UnknownPath => "NOT_FOUND",
            Self::MethodNotAllowed | Self::UpgradeRequired => "UNIMPLEMENTED",
            Self::RequestTimeout | Self::UpstreamTimeout => "DEADLINE_EXCEEDED",
            Self::RateLimited | Self::InsufficientQuota => "RESOURCE_EXHAUSTED",
            Self::Internal => "INTERNAL",
            Self::BadGateway | Self::Unavailable => "UNAVAILABLE",
        }
    }
}
