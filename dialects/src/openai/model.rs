//! What a model's name tells about it.

/// False for the models of OpenAI's that do not think: they refuse to be asked. Of all others nothing is known.
/// Source: <https://platform.openai.com/docs/guides/reasoning>.
pub fn may_think(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    !["gpt-3.5", "gpt-35", "gpt-4", "chatgpt-4o"].iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::may_think;

    #[test]
    fn names_tell_who_does_not_think() {
        for model in ["gpt-4o-mini", "openai/gpt-4.1", "ft:gpt-3.5-turbo:org::1", "gpt-35-turbo", "chatgpt-4o-latest"] {
            assert!(!may_think(model), "{model}");
        }
        for model in ["gpt-5-mini", "o3", "gpt-oss-120b", "qwen3", "deepseek-reasoner"] {
            assert!(may_think(model), "{model}");
        }
    }
}
