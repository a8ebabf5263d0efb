//! The names nearest to one that nobody serves here.
//!
//! A client may ask for a name of any length, and thousands may be known. Always: what is compared letter by letter is a
//! bounded number of bounded names; which ones is decided by a bound that costs one look at each known name.

/// Of a name so many characters count.
const CHARS: usize = 64;
/// So many names at the most are compared letter by letter.
const COMPARED: usize = 128;
/// What scores less is another name.
const LEAST: f64 = 0.75;

/// How often characters occur, those of a kind together.
type Letters = [u8; 32];

/// Those of `known` that are near to `asked`, best first, and how near.
pub fn nearest<'k, T>(asked: &str, known: impl Iterator<Item = (&'k str, T)>) -> Vec<(f64, &'k str, T)> {
    let asked = cut(asked);
    let (of_asked, length) = letters(&asked);
    let mut possible: Vec<(f64, &str, T)> = known
        .map(|(name, of)| (bound(&asked, &of_asked, length, name), name, of))
        .filter(|(bound, ..)| *bound > LEAST)
        .collect();
    if possible.len() > COMPARED {
        possible.select_nth_unstable_by(COMPARED, |a, b| b.0.total_cmp(&a.0));
        possible.truncate(COMPARED);
    }
    let mut near: Vec<(f64, &str, T)> = possible
        .into_iter()
        .map(|(_, name, of)| (strsim::jaro_winkler(&asked, &cut(name)), name, of))
        .filter(|(score, ..)| *score > LEAST)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near
}

fn cut(name: &str) -> String {
    lower(name).collect()
}

fn lower(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase).take(CHARS)
}

fn letters(name: &str) -> (Letters, usize) {
    let (mut letters, mut length) = (Letters::default(), 0);
    for letter in lower(name) {
        if let Some(count) = letters.get_mut(letter as usize % 32) {
            *count += 1; // at most CHARS
        }
        length += 1;
    }
    (letters, length)
}

/// No less than the score: Jaro's of as many matches as there are letters in common, in order; and Winkler's for the
/// beginning.
fn bound(asked: &str, of_asked: &Letters, length: usize, name: &str) -> f64 {
    let (of_name, other) = letters(name);
    let common: u32 = of_asked.iter().zip(of_name).map(|(a, b)| u32::from(*a.min(&b))).sum();
    if common == 0 {
        return 0.0;
    }
    let common = f64::from(common);
    let jaro = (common / length as f64 + common / other as f64 + 1.0) / 3.0;
    let begins = asked.chars().zip(lower(name)).take(4).take_while(|(a, b)| a == b).count();
    jaro + 0.1 * begins as f64 * (1.0 - jaro)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn names() -> Vec<String> {
        let makers = ["gpt", "claude", "gemini", "llama", "mistral-large", "qwen", "deepseek-r", "o"];
        let names = (0..300).flat_map(|nth| makers.map(|maker| format!("{maker}-{}.{}", nth / 10, nth % 10)));
        names.chain(["GPT-4o-mini".to_owned(), "text-embedding-3-small".to_owned()]).collect()
    }

    #[test]
    fn the_same_are_found_as_by_comparing_all() {
        let known = names();
        for asked in
            ["gpt-4o-mni", "text-embeding-3-small", "claude-29.3", "nothing-like-it", "", "ü", "GEMINI-1.5-pro"]
        {
            let mut all: Vec<(f64, &str)> =
                known.iter().map(|name| (strsim::jaro_winkler(&cut(asked), &cut(name)), &**name)).collect();
            all.retain(|(score, _)| *score > LEAST);
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            let found = nearest(asked, known.iter().map(|name| (&**name, ())));
            let best = |score: Option<f64>| score.map(|score| (score * 1000.0) as u32);
            assert_eq!(best(found.first().map(|n| n.0)), best(all.first().map(|n| n.0)), "{asked}: {found:?}");
            for (name, bound) in all.iter().map(|(_, name)| (name, letters(&cut(asked)))) {
                let score = strsim::jaro_winkler(&cut(asked), &cut(name));
                assert!(super::bound(&cut(asked), &bound.0, bound.1, name) >= score - 1e-9, "{asked} {name}");
            }
        }
    }

    #[test]
    fn a_long_name_among_many_costs_little() {
        let known: Vec<String> = (0..20_000).map(|nth| format!("{}{nth}", "abcdefghij".repeat(20))).collect();
        let began = Instant::now();
        let found = nearest(&"jihgfedcba".repeat(10_000), known.iter().map(|name| (&**name, ())));
        assert!(found.len() <= COMPARED);
        // Letter by letter it would be minutes.
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}
