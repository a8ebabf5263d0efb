//! Where several choices were asked for, one that has finished ends none of the others.

use super::*;

/// An event of one choice.
fn of(index: usize, delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"choices\":[{{\"index\":{index},\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

fn says(index: usize, text: &str) -> String {
    of(index, &format!("{{\"content\":\"{text}\"}}"), "null")
}

fn stops(index: usize) -> String {
    of(index, "{}", "\"stop\"")
}

fn candidate(index: usize, text: &str, finish: &str) -> String {
    let finish = if finish.is_empty() { String::new() } else { format!(",\"finishReason\":\"{finish}\"") };
    format!("{{\"index\": {index},\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}}{finish}}}")
}

fn candidates(all: &[String]) -> String {
    format!("data: {{\"candidates\": [{}]}}\r\n\r\n", all.join(","))
}

/// How it ends in good order, however it was cut into pieces.
fn ends(make: fn() -> Watch, events: &[String]) -> Result<(), Cut> {
    let all = events.concat();
    let end = |size: usize| {
        let mut watch = make();
        all.as_bytes().chunks(size).for_each(|piece| drop(watch.push(piece)));
        watch.end(true)
    };
    let ended = end(all.len());
    assert_eq!([end(1), end(50_000)], [ended; 2], "{all:.1000}");
    ended
}

#[test]
fn a_chat_is_whole_when_each_choice_that_has_begun_has_finished() {
    let role = |index| of(index, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
    let azure = |index: usize, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"A\",\"tool_calls\":[{{\"index\":0}}]}},\"finish_reason\":{finish},\"index\":{index}}}]}}\n\n"
        )
    };
    let both = |finish: &str| {
        let choice = |index: usize, finish: &str| {
            format!("{{\"index\":{index},\"delta\":{{\"content\":\"A\"}},\"finish_reason\":{finish}}}")
        };
        format!("data: {{\"choices\":[{},{}]}}\n\n", choice(0, "\"stop\""), choice(1, finish))
    };
    for events in [
        vec![role(0), role(1), says(0, "A"), says(1, "B"), stops(0)],
        vec![role(0), role(1), says(0, "A"), says(1, "B"), stops(0), says(1, "B")],
        vec![role(0), says(0, "A"), stops(0), role(1), says(1, "B")],
        vec![says(0, "A"), says(1, "B"), stops(0)],
        vec![says(0, "A"), says(1, "B"), stops(1), says(0, "A")],
        vec![says(1, "B"), says(0, "A"), stops(1)],
        vec![says(1, "B"), stops(1), says(0, "A"), says(0, "A")],
        vec![says(0, "A"), says(0, "B"), stops(0), says(1, "A"), says(1, "B"), says(1, "C"), says(1, "D")],
        vec![azure(0, "null"), azure(1, "null"), azure(0, "\"stop\"")],
        vec![both("null")],
        vec![says(0, "A"), both("null"), USAGE.to_owned()],
    ] {
        assert_eq!(ends(chat, &events), Err(Cut::NoTerminal), "{events:?}");
        let whole = [events.clone(), vec![stops(0), stops(1)]].concat();
        assert_eq!(ends(chat, &whole), Ok(()), "{whole:?}");
        let done = [events, vec![DONE.to_owned()]].concat();
        assert_eq!(ends(chat, &done), Ok(()), "{done:?}");
    }
}

#[test]
fn what_comes_behind_the_finish_of_the_only_choice_opens_nothing() {
    let metadata = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_details\":[{\"index\":1,\"data\":\"x\"}]},\"finish_reason\":null}]}\n\n";
    let filters =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"content_filter_offsets\":{\"check_offset\":1}}]}\n\n";
    let calls = |index: usize| of(0, &format!("{{\"tool_calls\":[{{\"index\":{index}}}]}}"), "null");
    for behind in [
        vec![USAGE.to_owned()],
        vec![metadata.to_owned(), USAGE.to_owned()],
        vec![filters.to_owned(), "data: {\"choices\":[]}\n\n".to_owned()],
        vec![of(1, "{}", "null"), of(1, "{\"role\":\"assistant\"}", "null")],
        vec![says(0, "late"), says(0, "and later"), "data: {\"id\":\"x\"}\n\n".to_owned()],
    ] {
        for begun in [vec![says(0, "A"), says(0, "B")], vec![calls(0), calls(1), calls(2), calls(1)]] {
            let events = [begun, vec![stops(0)], behind.clone()].concat();
            assert_eq!(ends(chat, &events), Ok(()), "{events:?}");
        }
    }
    // No server has to count from 0, or to count at all.
    assert_eq!(ends(chat, &[says(3, "A"), says(3, "B"), stops(3)]), Ok(()));
    let bare = "data: {\"choices\":[{\"text\":\"A\",\"finish_reason\":null}]}\n\n".to_owned();
    assert_eq!(ends(chat, &[bare.clone(), bare.clone(), bare.replace("null", "\"stop\"")]), Ok(()));
    // Some count their tokens there.
    for tokens in [2, 126, 127, 128, 300] {
        let mut events: Vec<String> = (1..tokens).map(|index| says(index, "A")).collect();
        assert_eq!(ends(chat, &events), Err(Cut::NoTerminal));
        events.push(stops(tokens));
        assert_eq!(ends(chat, &events), Ok(()), "{tokens}");
    }
}

#[test]
fn candidates_finish_each_for_itself() {
    let [a, b] = [0, 1].map(|index| candidate(index, "a", ""));
    let [a_last, b_last] = [0, 1].map(|index| candidate(index, "z", "STOP"));
    let bare = a.replace("\"index\": 0,", "");
    for events in [
        vec![vec![&a, &b], vec![&a_last]],
        vec![vec![&a_last, &b]],
        vec![vec![&a, &b], vec![&a_last, &b]],
        vec![vec![&bare], vec![&b], vec![&b], vec![&a_last], vec![&b]],
        vec![vec![&a], vec![&a], vec![&a_last], vec![&b], vec![&b]],
    ] {
        let mut events: Vec<String> =
            events.into_iter().map(|all| candidates(&all.into_iter().cloned().collect::<Vec<_>>())).collect();
        assert_eq!(ends(generated, &events), Err(Cut::NoTerminal), "{events:?}");
        events.push(candidates(&[a_last.clone(), b_last.clone()]));
        assert_eq!(ends(generated, &events), Ok(()), "{events:?}");
    }
    let blocked = "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n".to_owned();
    assert_eq!(ends(generated, &[blocked]), Ok(()));
    // Older models say it with each part.
    let part = candidates(&[a_last]);
    let parts = [part.clone(), part];
    assert_eq!(ends(generated, &parts), Ok(()));
}

/// A call's arguments are JSON of the model's own.
#[test]
fn a_finish_within_the_answer_is_none() {
    let text = candidates(&[candidate(0, "a", "")]);
    let call = |args: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"functionCall\":{{\"name\":\"f\",\"args\":{args}}}}}]}}}}]}}\n\n"
        )
    };
    let long = "x".repeat(100_000);
    for args in [
        "{\"finishReason\":\"STOP\",\"x\":1}".to_owned(),
        "{\"a\":[{\"finishReason\":\"STOP\",\"index\":1}]}".to_owned(),
        format!("{{\"finishReason\":\"STOP\",\"x\":\"{long}\"}}"),
        format!("{{\"x\":\"{long}\",\"finishReason\":\"STOP\"}}"),
        format!("{{\"x\":\"{long}\",\"y\":[{{\"finishReason\":\"STOP\",\"z\":\"}}]}}}}}}\"}}]}}"),
    ] {
        let call = call(&args);
        for events in [vec![text.clone(), call.clone()], vec![call.clone()], vec![call.clone(), text.clone()]] {
            assert_eq!(ends(generated, &events), Err(Cut::NoTerminal), "{:.300}", events.concat());
            let whole = [events, vec![candidates(&[candidate(0, "", "STOP")])]].concat();
            assert_eq!(ends(generated, &whole), Ok(()), "{:.300}", whole.concat());
        }
    }
    let arguments = |value: &str| {
        of(0, &format!("{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":{value}}}}}]}}"), "null")
    };
    for value in ["{\"finish_reason\":\"stop\"}".to_owned(), format!("{{\"x\":\"{long}\",\"finish_reason\":\"stop\"}}")]
    {
        let events = [says(0, "A"), arguments(&value)];
        assert_eq!(ends(chat, &events), Err(Cut::NoTerminal), "{value:.100}");
    }
}

#[test]
fn an_event_beyond_the_bound_is_of_the_choice_that_it_names() {
    let long = "x".repeat(100_000);
    for (events, whole) in [
        (vec![says(0, "A"), says(1, &long), stops(0)], false),
        (vec![says(0, "A"), says(1, &long), stops(0), stops(1)], true),
        (vec![says(0, "A"), says(0, &long), stops(0)], true),
        (vec![says(1, "A"), of(0, &format!("{{\"content\":\"{long}\"}}"), "\"stop\"")], false),
        (vec![says(0, "A"), of(0, &format!("{{\"content\":\"{long}\"}}"), "\"stop\"")], true),
        (
            vec![format!("data: {{\"choices\":[{{\"finish_reason\":\"stop\",\"index\":1,\"text\":\"{long}\"}}]}}\n\n")],
            true,
        ),
    ] {
        let want = if whole { Ok(()) } else { Err(Cut::NoTerminal) };
        assert_eq!(ends(chat, &events), want, "{:.200}", events.concat());
    }
}

/// `NaN` is the client's to judge, also beside a finish.
#[test]
fn a_finish_beside_what_is_no_json_is_one() {
    let odd = |event: String| event.replace("\"index\"", "\"logprobs\":NaN,\"index\"");
    for events in [[odd(says(0, "A")), odd(stops(0))], [says(0, "A"), odd(stops(0))], [odd(stops(0)), USAGE.to_owned()]]
    {
        assert_eq!(ends(chat, &events), Ok(()), "{events:?}");
    }
    let [part, last] = ["", "STOP"].map(|finish| odd(candidates(&[candidate(0, "a", finish)])));
    assert_eq!(ends(generated, &[part.clone(), last]), Ok(()));
    assert_eq!(ends(generated, &[part]), Err(Cut::NoTerminal));
}
