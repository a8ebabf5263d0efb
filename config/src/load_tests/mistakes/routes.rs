//! Models: targets and fallbacks that lead nowhere, or in a circle.

use super::*;

#[test]
fn dangling_targets_and_fallbacks() {
    one_in("models: {a: {targets: [gorq/x]}}", "1:24", &["the provider gorq is not enabled", "did you mean groq?"]);
    one_in("models: {a: {targets: [groq/x]}}", "1:24", &["set GROQ_API_KEY in .env"]);
    one_in("models: {a: {targets: [vllm/x]}}", "1:24", &["add vllm: {} under providers"]);
    one_in("models: {a: {targets: [x]}}", "1:24", &["`x` is not a deployment", "write provider/model"]);
    one_in("models: {a: {targets: [demo/../x]}}", "1:24", &["empty, `.` or `..` part"]);
    one_in("models: {a: {targets: ['demo/a?b']}}", "1:24", &["a character that it cannot have"]);
    one_in("models: {a: {targets: [{}]}}", "1:24", &["without its deployment"]);
    one_in("models: {a: {targets: []}}", "1:13", &["without targets"]);
    one_in("models: {a: {}}", "1:13", &["without targets"]);
    one_in("models: {fast: {targets: [demo/x], fallback: [fats]}}", "1:47", &["there is no model fats"]);
    one_in("models: {a: {targets: [demo/x], fallback: [demo/y]}}", "1:44", &["a deployment goes under targets"]);
    one_in("models: {demo/x: {targets: [demo/x]}}", "1:18", &["hides a deployment of demo"]);
    let off = "providers: {demo: {}, vllm: {enabled: false}}\nmodels: {a: {targets: [vllm/x]}}";
    one_in(off, "2:24", &["the provider vllm is switched off"]);
    let listed = "providers: {demo: {models: [alpha, beta]}}\nmodels: {a: {targets: [demo/alhpa]}}";
    one_in(listed, "2:24", &["demo does not list alhpa", "did you mean demo/alpha?"]);
    assert!(told(&listed.replace("{models", "{allow_unlisted: true, models")).is_empty());
}

#[test]
fn fallback_cycles_are_told_once_each() {
    one_in("models: {a: {targets: [demo/x], fallback: [a]}}", "1:44", &["in a circle: a -> a"]);
    let two = told(
        "models:\n  a: {targets: [demo/x], fallback: [b]}\n  b: {targets: [demo/x], fallback: [c, d]}\n  c: {targets: [demo/x], fallback: [a]}\n  d: {targets: [demo/x], fallback: [b]}\n  e: {targets: [demo/x], fallback: [a]}",
    );
    assert_eq!(two.len(), 2, "{two:#?}");
    assert!(two[0].contains("4:") && two[0].contains("a -> b -> c -> a"), "{two:#?}");
    assert!(two[1].contains("b -> d -> b"), "{two:#?}");
    let diamond = "models:\n  a: {targets: [demo/x], fallback: [b, c]}\n  b: {targets: [demo/x], fallback: [d]}\n  c: {targets: [demo/x], fallback: [d]}\n  d: {targets: [demo/x]}";
    assert!(told(diamond).is_empty(), "two ways to one model are no circle");
}

#[test]
fn fallbacks_that_nobody_would_follow_are_told() {
    let chain = |hops: usize| {
        let link = |nth: usize| match nth < hops {
            true => format!("  m{nth}: {{targets: [demo/x], fallback: [m{}]}}\n", nth + 1),
            false => format!("  m{nth}: {{targets: [demo/x]}}\n"),
        };
        "models:\n".to_owned() + &(0..=hops).map(link).collect::<String>()
    };
    assert!(told(&chain(crate::MAX_FALLBACK_DEPTH)).is_empty());
    one_in(&chain(9), "2:38", &["m9 lies more than 8 fallbacks from here", "name m9 here"]);
    assert!(told(&chain(9).replace("[m1]", "[m1, m9]")).is_empty(), "the fix helps, wherever it is put");
    assert!(told(&chain(9).replace("[m4]", "[m4, m9]")).is_empty());
    let all = told(&chain(30));
    assert_eq!(all.len(), 22, "each that does not reach all, at once: {all:#?}");
    let another = chain(9) + "  n: {targets: [demo/x], fallback: [m3, m1]}\n  o: {targets: [demo/x], fallback: [m0]}\n";
    assert_eq!(told(&another).len(), 2, "{:#?}", told(&another));
}
