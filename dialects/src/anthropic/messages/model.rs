//! What a model's name tells about it: generations differ in what they take.
//!
//! Sources: Anthropic's documentation of thinking, of effort and of each new generation, and AWS's of the same models:
//! before 3.7 none thinks, from 4.6 on a model thinks as it sees fit, from 4.7 on it refuses a budget and any sampling,
//! and knows the effort `xhigh`. An unknown name is taken for one in between: what those take is what others who speak
//! this format take.

use crate::conversation::Effort;

/// Major and minor version of a Claude model, whatever stands around them: `claude-3-7-sonnet-20250219`,
/// `us.anthropic.claude-opus-4-6-v1`, `anthropic/claude-4.7-opus`. None for all others.
fn generation(model: &str) -> Option<(u32, u32)> {
    const BETWEEN: [char; 6] = ['-', '.', '@', ':', '_', '/'];
    let model = model.to_ascii_lowercase();
    let mut words = model.split(BETWEEN).skip_while(|word| *word != "claude").skip(1);
    // Dates are no versions, and neither is the size of a model that was only named after one.
    let number = |word: &str, digits| word.parse::<u32>().ok().filter(|_| word.len() <= digits);
    let (first, second) = (words.next()?, words.next());
    let (major, minor) = match (number(first, 1), second.and_then(|word| number(word, 1))) {
        (Some(major), _) => (major, second),
        (None, Some(major)) => (major, words.next()),
        // The preview of one that has no number yet.
        (None, None) => return (first == "mythos").then_some((5, 0)),
    };
    Some((major, minor.and_then(|word| number(word, 2)).unwrap_or(0)))
}

/// False for those that refuse to be asked to think.
pub fn may_think(model: &str) -> bool {
    generation(model).is_none_or(|generation| generation >= (3, 7))
}

/// It thinks as it sees fit: `thinking.type` is `adaptive`, and how hard is in `output_config.effort`.
pub fn is_adaptive(model: &str) -> bool {
    generation(model).is_some_and(|generation| generation >= (4, 6))
}

/// It takes a temperature and the like.
pub fn takes_sampling(model: &str) -> bool {
    generation(model).is_none_or(|generation| generation < (4, 7))
}

/// The nearest effort that an adaptive model knows.
pub fn known(effort: Effort, model: &str) -> Effort {
    match effort {
        Effort::XHigh if takes_sampling(model) => Effort::High,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        for (model, expected) in [
            ("claude-3-opus-20240229", Some((3, 0))),
            ("claude-3-7-sonnet-20250219", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("us.anthropic.claude-opus-4-6-v1", Some((4, 6))),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5))),
            ("anthropic/claude-4.7-opus", Some((4, 7))),
            ("claude-haiku-5-5", Some((5, 5))),
            ("claude-fable-5", Some((5, 0))),
            ("claude-mythos-preview", Some((5, 0))),
            ("anthropic.claude-v2:1", Some((1, 0))),
            ("Claude-Opus-4-7", Some((4, 7))),
            ("claude-instant", None),
            ("claude-instant-1.2", Some((1, 2))),
            ("claude-opus-47", None),
            ("llama-claude-70-b", None),
            ("claude-code-router-7", None),
            ("claudette-8", None),
            ("deepseek-chat", None),
        ] {
            assert_eq!(generation(model), expected, "{model}");
        }
        let (old, last, new) = ("claude-sonnet-4-5", "claude-sonnet-4-6", "claude-opus-4-7");
        assert!(!may_think("claude-3-5-haiku-latest") && may_think("claude-3-7-sonnet") && may_think("glm-5"));
        assert!(!is_adaptive(old) && is_adaptive(last) && is_adaptive(new) && !is_adaptive("glm-5"));
        assert!(takes_sampling(old) && takes_sampling(last) && !takes_sampling(new) && takes_sampling("glm-5"));
        assert_eq!([last, new].map(|model| known(Effort::XHigh, model)), [Effort::High, Effort::XHigh]);
    }
}
