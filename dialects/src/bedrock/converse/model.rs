//! What a model's name tells about it: vendors have their own words beside those that all take.

/// Whose model it is. An inference profile bears a region before the name (`us.anthropic.claude-...`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Claude,
    Nova,
    /// OpenAI's open models.
    GptOss,
    Other,
}

pub fn family(model: &str) -> Family {
    if model.contains("anthropic.") || model.contains("claude") {
        Family::Claude
    } else if model.contains("amazon.nova") {
        Family::Nova
    } else if model.contains("openai.") {
        Family::GptOss
    } else {
        Family::Other
    }
}

impl Family {
    /// Takes `cachePoint`; others refuse it.
    pub const fn caches(self) -> bool {
        match self {
            Self::Claude | Self::Nova => true,
            Self::GptOss | Self::Other => false,
        }
    }
}

/// Whether it can be told how hard to think: of Amazon's models only from the second generation on.
pub fn nova_thinks(model: &str) -> bool {
    model.contains("nova-2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_family() {
        assert_eq!(family("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), Family::Claude);
        assert_eq!(family("amazon.nova-lite-v1:0"), Family::Nova);
        assert_eq!(family("openai.gpt-oss-120b-1:0"), Family::GptOss);
        assert_eq!(family("meta.llama3-70b-instruct-v1:0"), Family::Other);
        assert!(nova_thinks("us.amazon.nova-2-lite-v1:0") && !nova_thinks("amazon.nova-lite-v1:0"));
    }
}
