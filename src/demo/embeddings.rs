//! `/embeddings`: unit vectors that are the same for the same text, and nearer for texts that share words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::{Answer, Refusal, Request};
use super::text;

const DIMENSIONS: u64 = 256;
const MOST_DIMENSIONS: u64 = 4096;
/// OpenAI's own limit.
const MOST_INPUTS: usize = 2048;
/// Numbers in one answer: 64 MB of JSON would be no demo.
const MOST_NUMBERS: u64 = 1 << 20;
/// Words of a text that shape its vector.
const WORDS: usize = 16;

pub(super) fn answer(request: &Request) -> Result<Answer, Refusal> {
    let inputs: Vec<String> = match request.get("input") {
        Value::String(text) => vec![text.clone()],
        // Token numbers of one text, or a list of texts or of token lists.
        Value::Array(tokens) if tokens.first().is_some_and(Value::is_number) => {
            vec![request.get("input").to_string()]
        }
        Value::Array(texts) => texts.iter().map(|text| text.as_str().map_or(text.to_string(), str::to_owned)).collect(),
        _ => Vec::new(),
    };
    if inputs.is_empty() || inputs.len() > MOST_INPUTS {
        return Err(Refusal::param("input", "'input' must be a text or a list of 1 to 2048 texts."));
    }
    let dimensions = request.number("dimensions").unwrap_or(DIMENSIONS);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) || dimensions * inputs.len() as u64 > MOST_NUMBERS {
        return Err(Refusal::param("dimensions", "'dimensions' must be 1 to 4096, and 2^20 numbers in all."));
    }
    let base64 = request.text("encoding_format") == "base64";
    let data: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(input, dimensions);
            let embedding = if base64 {
                // Little-endian 32-bit floats, as OpenAI packs them.
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|input| text::tokens(input)).sum();
    Ok(Answer::Json(json!({
        "object": "list", "data": data, "model": request.model(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

fn vector(input: &str, dimensions: u64) -> Vec<f32> {
    // The whole text weighs a little, so that texts of the same words in another order differ.
    let whole = (text::hash(input), 0.25);
    let words = input.split_whitespace().take(WORDS).map(|word| (text::hash(&word.to_lowercase()), 1.0));
    let seeds: Vec<_> = words.chain([whole]).collect();
    let mut vector: Vec<f32> = (0..dimensions)
        .map(|at| seeds.iter().map(|(seed, weight)| weight * unit(seed.wrapping_add(at))).sum())
        .collect();
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    for number in &mut vector {
        *number /= length;
    }
    vector
}

/// A number from -1 to 1 for a seed (the finisher of SplitMix64).
fn unit(seed: u64) -> f32 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x >> 40) as f32 / 8_388_608.0) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: &str, b: &str) -> f32 {
        vector(a, 256).iter().zip(vector(b, 256)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn shared_words_are_near_and_lengths_are_one() {
        assert!((near("a cat sat", "a cat sat") - 1.0).abs() < 1e-5);
        assert!(near("a cat sat", "a cat ran") > near("a cat sat", "two dogs bark"));
        assert!(near("a cat sat", "sat cat a") < 0.9999);
        assert!((near("", "") - 1.0).abs() < 1e-5);
        assert_eq!(vector("x", 3).len(), 3);
    }
}
