use super::*;

fn read(object: &str) -> Option<Usage> {
    match after_key(format!(": {object} , \"more\": 1}}").as_bytes()) {
        Found::Usage(usage, end) => {
            assert_eq!(end, ": ".len() + object.len(), "{object}");
            Some(usage)
        }
        Found::Nothing => None,
        Found::More => panic!("not whole: {object}"),
    }
}

fn plain(input: u64, output: u64) -> Usage {
    Usage { input, output, ..Usage::default() }
}

#[test]
fn openai_chat_and_responses_say_the_same_with_other_names() {
    let want = Usage { cached_input: 4, reasoning: 3, ..plain(10, 7) };
    assert_eq!(
        read(
            r#"{"prompt_tokens":10,"completion_tokens":7,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}}"#
        ),
        Some(want)
    );
    assert_eq!(
        read(
            r#"{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":17}"#
        ),
        Some(want)
    );
}

#[test]
fn vendors_have_their_own_places_for_the_cache() {
    let hit = Usage { cached_input: 6, ..plain(10, 7) };
    for object in [
        r#"{"prompt_tokens":10,"completion_tokens":7,"prompt_cache_hit_tokens":6,"prompt_cache_miss_tokens":4}"#,
        r#"{"prompt_tokens":10,"completion_tokens":7,"cached_tokens":6}"#,
        r#"{"prompt_tokens":10,"completion_tokens":7,"cache_read_input_tokens":6,"prompt_tokens_details":{"cached_tokens":0}}"#,
    ] {
        assert_eq!(read(object), Some(hit), "{object}");
    }
}

#[test]
fn anthropic_counts_cached_tokens_beside_the_input() {
    let usage =
        read(r#"{"input_tokens":3,"cache_creation_input_tokens":5,"cache_read_input_tokens":20,"output_tokens":9}"#);
    assert_eq!(usage, Some(Usage { cached_input: 20, cache_write: 5, ..plain(28, 9) }));
}

#[test]
fn what_only_the_total_counts_was_written_too() {
    assert_eq!(
        read(
            r#"{"prompt_tokens":12,"completion_tokens":9,"total_tokens":121,"completion_tokens_details":{"reasoning_tokens":100}}"#
        ),
        Some(Usage { reasoning: 100, ..plain(12, 109) })
    );
    assert_eq!(read(r#"{"total_tokens":5}"#), Some(plain(5, 0)));
    assert_eq!(read(r#"{"prompt_tokens":8,"total_tokens":8}"#), Some(plain(8, 0)));
}

#[test]
fn floats_nulls_and_foreign_types_do_not_hurt() {
    assert_eq!(
        read(
            r#"{"prompt_tokens":5.0,"completion_tokens":2,"completion_tokens_details":null,"cost":[1,{"a":{}}],"prompt_tokens_details":7}"#
        ),
        Some(plain(5, 2))
    );
    for object in [
        "null",
        "{}",
        r#"{"type":"duration","seconds":12}"#,
        r#"{"prompt_tokens":"many"}"#,
        r#"{"prompt_tokens":-1}"#,
        "[1]",
        "7",
    ] {
        assert_eq!(read(object), None, "{object}");
    }
}

#[test]
fn counts_at_the_edge_of_u64_do_not_wrap() {
    let max = u64::MAX;
    let usage = read(&format!(
        r#"{{"input_tokens":{max},"cache_read_input_tokens":{max},"output_tokens":{max},"total_tokens":{max}}}"#
    ));
    assert_eq!(usage.map(|u| (u.input, u.output)), Some((max, max)));
}

#[test]
fn a_cut_object_asks_for_more() {
    let whole = br#" : {"prompt_tokens":10,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4}}"#;
    for end in 0..whole.len() {
        assert_eq!(after_key(&whole[..end]), Found::More, "{end}");
    }
    assert!(matches!(after_key(whole), Found::Usage(_, end) if end == whole.len()));
    // So does a number that ends in its middle; what was broken before it is broken, whatever comes last.
    let number = b": {\"x\":\n [1.5e+3,-2.0E-1],\n\"input_tokens\":1}";
    for end in 0..number.len() {
        assert_eq!(after_key(&number[..end]), Found::More, "{end}");
    }
    for broken in [": {\"x\":[{},\"y\":1],\"name", ": {\"x\":[{},\"y\":1],\n-", ": {]\"a\":1."] {
        assert_eq!(after_key(broken.as_bytes()), Found::Nothing, "{broken}");
    }
}
