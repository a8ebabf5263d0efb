use super::*;

const NOW: u64 = 1_700_000_000_000;

fn reset(text: &str) -> Option<u64> {
    scan([("x-ratelimit-reset-requests", text)], NOW).requests.reset_ms
}

fn retry(text: &str) -> Option<u64> {
    scan([("retry-after", text)], NOW).retry_after_ms
}

#[test]
fn resets_in_every_spelling() {
    for (text, ms) in [
        ("6m0s", 360_000),
        ("1s", 1_000),
        ("12ms", 12),
        ("1m11.339s", 71_339),
        ("2m59.56s", 179_560),
        ("1h2m3s", 3_723_000),
        ("7.66s", 7_660),
        ("1d", 86_400_000),
        ("0s", 0),
        ("0", 0),
        ("20", 20_000),
        ("33011.3826", 33_011_383),
        ("0.5ms", 1),
        ("123µs", 1),
        ("1700000060", 60_000),
        ("1700000060000", 60_000),
        ("1600000000", 0),
        ("2023-11-14T22:14:20Z", 60_000),
        ("2000-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(reset(text), Some(ms), "{text}");
    }
}

#[test]
fn nonsense_is_none() {
    for text in ["", "soon", "-1", "1x", "s", "1.2.3", "1e9", "99999999999999999999", "1.s", "6m0", "١"] {
        assert_eq!(reset(text), None, "{text}");
        assert_eq!(retry(text), None, "{text}");
    }
    let long = "9".repeat(100);
    assert_eq!(reset(&long), None);
    assert_eq!(
        scan([("x-ratelimit-limit-tokens", "-5"), ("x-ratelimit-remaining-tokens", "1e5")], NOW),
        QuotaHints::default()
    );
}

#[test]
fn waits_are_bounded() {
    assert_eq!(reset("9999999d"), Some(MAX_WAIT_MS));
    assert_eq!(retry("18446744073709551"), Some(MAX_WAIT_MS));
    assert_eq!(retry("1555200"), Some(1_555_200_000));
}

#[test]
fn retry_after_in_every_spelling() {
    assert_eq!(retry("2"), Some(2_000));
    assert_eq!(retry("0"), Some(0));
    assert_eq!(retry("1.5"), Some(1_500));
    assert_eq!(retry("Tue, 14 Nov 2023 22:13:50 GMT"), Some(30_000));
    assert_eq!(retry("Tue, 14 Nov 2000 22:13:50 GMT"), Some(0));
    assert_eq!(scan([("x-ms-retry-after-ms", "40000")], NOW).retry_after_ms, Some(40_000));
    let both = [("retry-after", "1"), ("retry-after-ms", "250")];
    assert_eq!(scan(both, NOW).retry_after_ms, Some(250));
    assert_eq!(scan(both.into_iter().rev(), NOW).retry_after_ms, Some(250));
    assert_eq!(scan([("retry-after-ms", "0"), ("retry-after", "30")], NOW).retry_after_ms, Some(30_000));
}

#[test]
fn each_vendor_fills_its_windows() {
    let hints = scan(
        [
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-limit-tokens", "200000"),
            ("x-ratelimit-remaining-tokens", "199996"),
            ("content-type", "7"),
        ],
        NOW,
    );
    assert_eq!(hints.requests, Window { limit: Some(500), remaining: Some(499), reset_ms: Some(120) });
    assert_eq!(hints.tokens, Window { limit: Some(200_000), remaining: Some(199_996), reset_ms: None });

    let cerebras =
        scan([("x-ratelimit-remaining-requests-day", "14399"), ("x-ratelimit-reset-tokens-minute", "11.3")], NOW);
    assert_eq!(cerebras.requests_day.remaining, Some(14_399));
    assert_eq!(cerebras.tokens.reset_ms, Some(11_300));

    let openrouter = scan(
        [("x-ratelimit-limit", "20"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000005000")],
        NOW,
    );
    assert_eq!(openrouter.requests, Window { limit: Some(20), remaining: Some(0), reset_ms: Some(5_000) });

    let anthropic = scan(
        [
            ("anthropic-ratelimit-tokens-remaining", "40000"),
            ("anthropic-ratelimit-requests-reset", "2023-11-14T22:13:21Z"),
        ],
        NOW,
    );
    assert_eq!((anthropic.tokens.remaining, anthropic.requests.reset_ms), (Some(40_000), Some(1_000)));
}

#[test]
fn the_end_of_a_window_under_names_of_its_own() {
    for (name, text) in [
        ("ratelimit-reset", "40"),
        ("x-ratelimit-reset-after", "40.0"),
        ("x-ratelimit-timeremaining", "40"),
        ("anthropic-ratelimit-unified-reset", "1700000040"),
        ("anthropic-ratelimit-input-tokens-reset", "2023-11-14T22:14:00Z"),
        ("anthropic-ratelimit-output-tokens-reset", "2023-11-14T22:14:00Z"),
        ("ratelimitbysize-reset", "40"),
        ("ratelimit", "\"api\";r=0;t=40"),
        ("ratelimit", "\"api\";r=0;t=40, \"day\";r=7;t=3600"),
        ("ratelimit", "\"day\"; r=7; t=3600, \"api\"; t=40; r=0"),
        ("ratelimit", "limit=9, remaining=0, reset=40"),
    ] {
        let hints = scan([(name, text)], NOW);
        assert_eq!(hints, QuotaHints { reset_ms: Some(40_000), ..QuotaHints::default() }, "{name}");
    }
}

#[test]
fn a_window_of_which_something_is_left_is_no_reason_to_wait() {
    for text in
        ["\"api\";r=3;t=40", "\"api\"", "\"api\";t=40", "limit=9, remaining=2, reset=40", "r=0;t=-1", "r=0;;;=", ","]
    {
        assert_eq!(scan([("ratelimit", text)], NOW), QuotaHints::default(), "{text}");
    }
    let both = [("anthropic-ratelimit-input-tokens-reset", "9"), ("anthropic-ratelimit-output-tokens-reset", "40")];
    assert_eq!(scan(both, NOW).reset_ms, Some(40_000));
    assert_eq!(scan(both.into_iter().rev(), NOW).reset_ms, Some(40_000));
}

#[test]
fn asking_by_name_finds_what_walking_finds() {
    for name in header::NAMES {
        assert!(slot(name).is_some(), "{name}");
        let text = if name == "ratelimit" { "\"api\";r=0;t=7" } else { "7" };
        let asked = read(|n| (n == name).then_some(text), NOW);
        assert_eq!(asked, scan([(name, text)], NOW));
        assert!(!asked.is_empty(), "{name}");
    }
}
