//! What a model's name tells about it.

use crate::conversation::{Effort, Reasoning, Thinking};

/// False for the models of OpenAI's that refuse to be asked how hard to think: those that do not, and the chat models of
/// GPT-5. Of all others nothing is known. Source: <https://platform.openai.com/docs/guides/reasoning>.
pub fn may_think(model: &str) -> bool {
    let name = bare(model);
    let refuses = ["gpt-3.5", "gpt-35", "gpt-4", "gpt-realtime", "gpt-audio", "chatgpt-4o", "o1-mini", "o1-preview"];
    let chats = name.starts_with("gpt-5") && name.split('-').any(|word| word == "chat");
    !chats && !refuses.iter().any(|known| name.starts_with(known))
}

/// False for the models of OpenAI's that refuse a temperature, `top_p` and penalties other than the default: those that
/// think always, and from GPT-5.1 on those that are asked to. Of all others nothing is known.
/// Source: OpenAI's guide to GPT-5, on the compatibility of parameters.
pub fn takes_sampling(model: &str, reasoning: &Reasoning<'_>) -> bool {
    let name = bare(model);
    let is = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if ["o1", "o3", "o4"].into_iter().any(is) {
        return false;
    }
    let Some(rest) = name.strip_prefix("gpt-5") else { return true };
    let has = |word: &str| rest.split('-').any(|known| known == word);
    if has("chat") {
        return true;
    }
    let asked = match (reasoning.effort, reasoning.thinking) {
        (Some(effort), _) => effort != Effort::None,
        (None, Some(thinking)) => thinking != Thinking::Off,
        (None, None) => reasoning.budget.is_some(),
    };
    rest.starts_with('.') && !asked && !has("codex") && !has("pro")
}

/// Without its vendor, and what it was tuned for.
fn bare(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.strip_prefix("ft:").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_who_does_not_think() {
        for model in [
            "gpt-4o-mini",
            "openai/gpt-4.1",
            "ft:gpt-3.5-turbo:org::1",
            "gpt-35-turbo",
            "chatgpt-4o-latest",
            "gpt-5.1-chat-latest",
            "o1-mini",
        ] {
            assert!(!may_think(model), "{model}");
        }
        for model in ["gpt-5-mini", "o3", "gpt-oss-120b", "qwen3", "deepseek-reasoner"] {
            assert!(may_think(model), "{model}");
        }
    }

    #[test]
    fn names_tell_who_takes_no_sampling() {
        let (unasked, asked) = (Reasoning::default(), Reasoning { effort: Some(Effort::Low), ..Reasoning::default() });
        for model in
            ["o1", "o3-mini", "openai/o4-mini", "gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.2-pro", "gpt-5.1-codex"]
        {
            assert!(!takes_sampling(model, &unasked), "{model}");
        }
        for model in ["gpt-4o", "gpt-5-chat-latest", "gpt-5.1", "gpt-5.2-2025-12-11", "gpt-oss-120b", "o1js", "qwen3"] {
            assert!(takes_sampling(model, &unasked), "{model}");
        }
        assert!(!takes_sampling("gpt-5.1", &asked) && takes_sampling("gpt-4o", &asked));
    }
}
