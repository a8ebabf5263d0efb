use super::*;
use crate::fault::Fault;

mod several;
mod whole;

const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const TEXT: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn chat() -> Watch {
    Watch::new(Endpoint::Chat, "text/event-stream; charset=utf-8", false)
}

/// What is seen of all of it at once, and byte by byte; both must agree.
fn watched(make: fn() -> Watch, text: &[u8]) -> (Watch, Seen) {
    let (mut whole, mut bytes) = (make(), make());
    let mut at_once = whole.push(text);
    let mut failed = None;
    let mut last = Seen::default();
    for byte in text.chunks(1) {
        last = bytes.push(byte);
        failed = last.failed.take().or(failed);
    }
    last.failed = failed;
    (last.upto, last.strip) = (at_once.upto, at_once.strip.clone());
    assert_eq!(at_once, last, "{}", String::from_utf8_lossy(text));
    assert_eq!(whole.usage(), bytes.usage());
    assert_eq!(whole.estimate(7), bytes.estimate(7));
    at_once.upto = at_once.upto.min(text.len());
    (whole, at_once)
}

fn ended(text: &str) -> (Result<(), Cut>, Result<(), Cut>) {
    (watched(chat, text.as_bytes()).0.end(true), watched(chat, text.as_bytes()).0.end(false))
}

#[test]
fn a_chat_from_its_role_to_its_end() {
    let mut watch = chat();
    for (text, content, terminal) in [
        (": hello\n\n", false, false),
        (ROLE, false, false),
        (TEXT, true, false),
        (STOP, true, false),
        (USAGE, true, false),
        (DONE, true, true),
    ] {
        let seen = watch.push(text.as_bytes());
        assert_eq!(seen, Seen { upto: text.len(), content, terminal, ..Seen::default() }, "{text}");
    }
    assert_eq!(watch.usage().map(|u| (u.input, u.output, u.estimated)), Some((5, 2, false)));
    assert_eq!(watch.end(false), Ok(()));
}

#[test]
fn whole_events_are_let_through_and_half_ones_held() {
    let mut watch = chat();
    let (a, b) = TEXT.as_bytes().split_at(30);
    assert_eq!(watch.push(a).upto, 0);
    let next = [b, STOP.as_bytes(), b"data: {"].concat();
    assert_eq!(watch.push(&next).upto, next.len() - 7);
    assert!(!watch.mid_event());
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));
}

#[test]
fn an_end_is_believed_only_with_a_reason() {
    assert_eq!(ended(&[ROLE, TEXT].concat()), (Err(Cut::NoTerminal), Err(Cut::Broken)));
    assert_eq!(ended(&[ROLE, TEXT, STOP].concat()), (Ok(()), Err(Cut::Broken)));
    assert_eq!(ended(&[ROLE, TEXT, STOP, "data: {\"choi"].concat()), (Err(Cut::NoTerminal), Err(Cut::Broken)));
    assert_eq!(ended(&[TEXT, STOP, DONE].concat()), (Ok(()), Ok(())));
    // A client drops an event without its blank line: the broken connection took it.
    assert_eq!(ended(&[TEXT, STOP, "data: [DONE]"].concat()), (Ok(()), Err(Cut::Broken)));
    assert_eq!(ended(&[TEXT, STOP, ": bye\n"].concat()), (Ok(()), Err(Cut::Broken)));
    assert_eq!(ended(&[TEXT, STOP, "data: {\"choices\":[]}"].concat()), (Ok(()), Err(Cut::Broken)));
    assert_eq!(ended(&[TEXT, STOP, "event: x"].concat()), (Err(Cut::NoTerminal), Err(Cut::Broken)));
    assert_eq!(ended(""), (Err(Cut::Foreign("an empty body")), Err(Cut::Broken)));
    assert_eq!(ended("data: {\"value\":\"a foreign format\"}\n\n"), (Ok(()), Err(Cut::Broken)));
    for nothing in [DONE.to_owned(), format!("data: {{\"status\":\"ok\"}}\n\n{DONE}")] {
        assert_eq!(ended(&nothing), (Err(Cut::Foreign(OTHER)), Err(Cut::Foreign(OTHER))), "{nothing}");
    }
    // Content filters first, and a usage behind: an answer has a choice.
    let filters = "data: {\"choices\":[],\"prompt_filter_results\":[{}]}\n\n";
    assert_eq!(ended(&[filters, ROLE, STOP, USAGE, DONE].concat()), (Ok(()), Ok(())));
    assert_eq!(ended(&[ROLE, DONE].concat()).0, Ok(()));
    for nothing in [filters, USAGE, "data: {\"choices\":null}\n\n"] {
        let (mut watch, seen) = watched(chat, [nothing, DONE].concat().as_bytes());
        assert_eq!((seen.content, seen.terminal, watch.end(true).is_ok()), (false, false, false), "{nothing}");
    }
}

#[test]
fn every_way_of_writing_lines_means_the_same() {
    let plain = [ROLE, TEXT, STOP, USAGE, DONE].concat();
    let (_, want) = watched(chat, plain.as_bytes());
    let usage = watched(chat, plain.as_bytes()).0.usage();
    for variant in [
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        plain.replace("data: ", "data:"),
        format!("\u{feff}{plain}"),
        plain.replace("data: {", "id: 1\nretry: 5\n: x\nevent: message\ndata: {"),
        plain.replace(":[{\"index\"", ":[\ndata: {\"index\""),
        plain.replace("\n\n", "\n\n\n\n"),
    ] {
        let (mut watch, seen) = watched(chat, variant.as_bytes());
        assert_eq!((seen.content, seen.terminal, &seen.failed), (want.content, want.terminal, &None), "{variant:?}");
        assert_eq!((watch.usage(), watch.end(false)), (usage, Ok(())), "{variant:?}");
    }
}

#[test]
fn an_error_in_place_of_content_may_be_retried() {
    for (text, fault, told) in [
        ("data: {\"error\":{\"message\":\"m\",\"code\":429}}\n\n", Fault::RateLimited, true),
        ("event: error\ndata: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n", Fault::Upstream, true),
        ("event: error\ndata: it broke\n\n", Fault::Upstream, false),
        ("error: {\"message\":\"m\",\"code\":503}\n\n", Fault::Upstream, false),
        ("{\"error\":{\"message\":\"m\",\"code\":\"invalid_api_key\"}}\n\n", Fault::Key, false),
        (
            "data: {\"id\":\"g\",\"error\":{\"code\":502,\"message\":\"m\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
            Fault::Upstream,
            true,
        ),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n", Fault::Upstream, true),
    ] {
        let (mut watch, seen) = watched(chat, [ROLE, text].concat().as_bytes());
        assert!(!seen.content && !seen.terminal, "{text}");
        assert_eq!(seen.failed.map(|f| f.fault), Some(fault), "{text}");
        assert_eq!(watch.end(true), Err(if told { Cut::Told } else { Cut::NoTerminal }), "{text}");

        let (watch, seen) = watched(chat, [ROLE, TEXT, text].concat().as_bytes());
        assert!(seen.content && seen.failed.is_some() && watch.failure().is_some(), "{text}");
    }
}

#[test]
fn a_failure_shows_no_key_and_is_short() {
    let text = format!(
        "data: {{\"error\":{{\"message\":\"Incorrect API key provided: sk-abcdef. {}\"}}}}\n\n",
        "é".repeat(2_000)
    );
    let failure = watched(chat, text.as_bytes()).1.failed.unwrap();
    assert_eq!(failure.fault, Fault::Key);
    let shown = failure.veiled(&[]).message;
    assert!(shown.starts_with("Incorrect API key provided: ***. é") && shown.len() <= 500);
    assert!(failure.message.len() <= 4096);
    for secret in ["AbCd/EfGh+tail0123==", "ab-sk-cdefgh/ijkl+mnop="] {
        for said in [format!("Bearer {secret} is wrong"), format!("key {secret}"), format!("sk-{secret}")] {
            let text = format!("data: {{\"error\":{{\"message\":\"{said}\"}}}}\n\n");
            let shown = watched(chat, text.as_bytes()).1.failed.unwrap().veiled(&[secret]).message;
            assert!(!["tail", "EfGh", "ijkl", "mnop"].iter().any(|part| shown.contains(part)), "{shown}");
        }
    }
}

#[test]
fn usage_that_nobody_asked_for_is_named_for_removal() {
    let want = [ROLE, TEXT, STOP, DONE].concat();
    let streams = [
        [ROLE, TEXT, STOP, USAGE, DONE].concat(),
        [ROLE, TEXT, USAGE, USAGE, STOP, USAGE, DONE].concat(),
        [ROLE, TEXT, STOP, DONE, USAGE.trim_end()].concat(),
    ];
    for (stream, size) in streams.iter().flat_map(|stream| (1..=stream.len()).map(move |size| (stream, size))) {
        let mut watch = chat();
        watch.strip_usage();
        let (mut held, mut sent) = (Vec::new(), Vec::new());
        for piece in stream.as_bytes().chunks(size) {
            let seen = watch.push(piece);
            held.extend_from_slice(&piece[..seen.upto]);
            if seen.upto > 0 {
                for range in seen.strip.into_iter().rev() {
                    held.drain(range);
                }
                sent.append(&mut held);
            }
            held.extend_from_slice(&piece[seen.upto..]);
        }
        assert_eq!(watch.end(true), Ok(()));
        if !watch.strips_rest() {
            sent.append(&mut held);
        }
        assert_eq!(String::from_utf8(sent).unwrap(), want, "{size}");
        assert_eq!(watch.usage().map(|u| u.input), Some(5));
    }
}

fn responses() -> Watch {
    Watch::new(Endpoint::Responses, "text/event-stream", false)
}

fn typed(kind: &str, rest: &str) -> String {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n")
}

#[test]
fn responses_begin_with_what_is_no_content() {
    let idle = [
        typed("response.created", ",\"response\":{\"error\":null,\"usage\":null}"),
        typed("response.in_progress", ""),
        typed("keepalive", ""),
    ]
    .concat();
    assert!(!watched(responses, idle.as_bytes()).1.content);
    let delta = typed("response.output_text.delta", ",\"delta\":\"Hi\"");
    let done = typed("response.completed", ",\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}");
    let all = [&idle, &delta, &done].map(String::as_str).concat();
    let without_names =
        all.lines().filter(|line| !line.starts_with("event:")).map(|line| format!("{line}\n")).collect::<String>();
    for text in [&all, &without_names] {
        let (mut watch, seen) = watched(responses, text.as_bytes());
        assert!(seen.content && seen.terminal && seen.failed.is_none());
        assert_eq!((watch.usage().map(|u| u.output), watch.end(false)), (Some(4), Ok(())));
    }
    // Neither a finish reason nor [DONE] ends this family.
    let (mut watch, seen) = watched(responses, [&idle, &delta, DONE].concat().as_bytes());
    assert!(!seen.terminal);
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));
}

#[test]
fn a_response_that_fails_before_content_may_be_retried() {
    let failed =
        typed("response.failed", ",\"response\":{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}}");
    let (watch, seen) = watched(responses, failed.as_bytes());
    assert!(!seen.content && !seen.terminal);
    assert_eq!(watch.failure().map(|f| (f.fault, f.message.as_str())), Some((Fault::RateLimited, "slow")));
    // Afterwards it is the answer's own end.
    let late = [typed("response.output_text.delta", ""), failed].concat();
    let (mut watch, seen) = watched(responses, late.as_bytes());
    assert!(seen.terminal && seen.failed.is_some());
    assert_eq!(watch.end(true), Ok(()));
    // OpenAI's flat error event makes no SDK raise: another event has to.
    let flat = typed("error", ",\"code\":\"server_error\",\"message\":\"x\",\"param\":null");
    assert_eq!(watched(responses, flat.as_bytes()).0.end(true), Err(Cut::NoTerminal));
}

#[test]
fn images_and_audio_end_with_their_own_events() {
    for (endpoint, idle, last) in [
        (Endpoint::ImagesGenerations, "image_generation.partial_image", "image_generation.completed"),
        (Endpoint::ImagesEdits, "image_edit.partial_image", "image_edit.completed"),
        (Endpoint::AudioTranscriptions, "transcript.text.delta", "transcript.text.done"),
        (Endpoint::AudioTranscriptions, "transcription.text.delta", "transcription.done"),
        (Endpoint::AudioSpeech, "speech.audio.delta", "speech.audio.done"),
    ] {
        let mut watch = Watch::new(endpoint, "text/event-stream", false);
        assert!(!watch.push(typed(idle, "").as_bytes()).terminal);
        assert_eq!(watch.end(true), Err(Cut::NoTerminal));
        let seen = watch.push(typed(last, ",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}").as_bytes());
        assert!(seen.terminal);
        assert_eq!((watch.end(false), watch.usage().map(|u| u.output)), (Ok(()), Some(2)));
    }
}

#[test]
fn a_line_of_ten_mebibytes_passes_through_unheld() {
    for (make, head, tail, end) in [
        (
            chat as fn() -> Watch,
            "data: {\"choices\":[{\"delta\":{\"content\":\"",
            "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":9}}\n\n",
            Ok(()),
        ),
        (
            responses,
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"x\":\"",
            "\",\"usage\":{\"input_tokens\":1,\"output_tokens\":9}}\n\n",
            Ok(()),
        ),
        (
            responses,
            "data: {\"x\":\"",
            "\",\"usage\":{\"input_tokens\":1,\"output_tokens\":9}}\nevent: response.completed\n\n",
            Ok(()),
        ),
        (
            responses,
            "data: {\"type\":\"response.output_text.done\",\"x\":\"",
            "\",\"usage\":{\"input_tokens\":1,\"output_tokens\":9}}\n\n",
            Err(Cut::NoTerminal),
        ),
    ] {
        let mut watch = make();
        watch.push(head.as_bytes());
        let (filler, mut passed) = (vec![b'x'; 16 * 1024], 0);
        for _ in 0..640 {
            let seen = watch.push(&filler);
            passed += seen.upto;
            let Mode::Sse(sse) = &watch.mode else { panic!() };
            assert!(sse.held_bytes() <= 256 * 1024 + filler.len());
        }
        assert!(watch.mid_event() && passed > 9 * 1024 * 1024);
        assert!(watch.push(tail.as_bytes()).content && !watch.mid_event());
        assert_eq!(watch.usage().map(|u| u.output), Some(9), "{head}");
        assert_eq!(watch.end(true), end, "{head}");
    }
}

#[test]
fn a_long_event_that_is_cut_is_no_whole_answer() {
    let mut watch = chat();
    watch.push([TEXT, STOP].concat().as_bytes());
    watch.push(format!("data: {}", "x".repeat(100_000)).as_bytes());
    assert!(watch.mid_event());
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));
}

#[test]
fn an_endless_prelude_commits() {
    for (make, filler) in [
        (chat as fn() -> Watch, ": wait\n\n"),
        (|| Watch::new(Endpoint::Chat, "application/json", false), "        "),
        (|| Watch::new(Endpoint::Chat, "", false), "\n\n\n\n\n\n\n\n"),
    ] {
        let mut watch = make();
        let chunk = filler.repeat(1_024);
        let chunks = (0..1_000).take_while(|_| !watch.push(chunk.as_bytes()).content).count();
        assert!(chunks <= 128, "{filler:?}");
    }
}

/// Nobody waits for an answer without an end; but one that never came is not whole.
#[test]
fn a_stream_of_nothing_is_no_answer_however_long_it_is() {
    let long = format!(": {}\n\n", "x".repeat(100_000));
    let waits = ": keep-alive\n\n".repeat(80_000);
    for make in [chat as fn() -> Watch, responses, messages, generated] {
        for text in [waits.clone(), format!("{long}{long}"), "\n".repeat(1_100_000), "id: 1\n\n".repeat(150_000)] {
            for size in [1_000, 2_000_000] {
                let mut watch = make();
                text.as_bytes().chunks(size).for_each(|piece| drop(watch.push(piece)));
                assert_eq!(watch.end(true), Err(Cut::NoTerminal), "{size}: {text:.20}");
                assert_eq!(watch.end(false), Err(Cut::Broken));
            }
        }
    }
    // What comes at last is one, and so is what is of another format.
    let foreign = "data: {\"value\":\"Sure\"}\n\n";
    for (answer, want) in [
        (&*[TEXT, STOP].concat(), Ok(())),
        (&*[ROLE, TEXT, USAGE, DONE].concat(), Ok(())),
        (foreign, Ok(())),
        (TEXT, Err(Cut::NoTerminal)),
        (DONE, Err(Cut::Foreign(OTHER))),
    ] {
        let mut watch = chat();
        assert!(watch.push(waits.as_bytes()).content);
        watch.push(answer.as_bytes());
        assert_eq!(watch.end(true), want, "{answer}");
    }
    let mut watch = chat();
    watch.push(format!("data: {{\"value\":\"{}\"}}\n\n", "x".repeat(100_000)).as_bytes());
    assert_eq!(watch.end(true), Ok(()));
    // A failure so late is told as one.
    let mut watch = chat();
    watch.push(waits.as_bytes());
    let seen = watch.push(b"data: {\"error\":{\"message\":\"m\",\"code\":503}}\n\n");
    assert_eq!((seen.content, seen.failed.is_some(), watch.end(true)), (true, true, Err(Cut::Told)));
}

fn json() -> Watch {
    Watch::new(Endpoint::Chat, "application/json", false)
}

#[test]
fn a_short_document_commits_when_it_looks_whole() {
    let body =
        br#" {"choices":[{"message":{"content":"a } \"error\""}}],"usage":{"prompt_tokens":1,"completion_tokens":2}} "#;
    let mut watch = json();
    let (a, b) = body.split_at(30);
    assert!(!watch.push(a).content);
    assert!(watch.push(b).content);
    assert_eq!((watch.usage().map(|u| u.output), watch.end(true)), (Some(2), Ok(())));
    assert_eq!(watch.end(false), Err(Cut::Broken));
    // Only the brackets tell.
    for cut in 2..body.len() - 1 {
        let mut watch = json();
        assert!(!watch.push(&body[..cut]).content, "{cut}");
        assert_eq!(watch.end(true), Err(Cut::NoTerminal), "{cut}");
        assert!(watch.push(&body[cut..]).content);
        assert_eq!(watch.end(true), Ok(()));
    }
    assert_eq!(json().end(true), Err(Cut::Foreign("an empty body")));
}

#[test]
fn a_long_error_under_a_200_is_no_answer_either() {
    for (begin, filled) in
        [("{\"error\":{\"message\":\"", 17_000), ("{\"error\": \"", 30_000), ("{\"error\":{\"message\":\"", 70_000)]
    {
        let body = format!("{begin}{}\"{}}}", "x".repeat(filled), if begin.contains("message") { "}" } else { "" });
        for size in [1_000, 16_000, 200_000] {
            let mut watch = Watch::new(Endpoint::Chat, "application/json", false);
            let seen: Vec<Seen> = body.as_bytes().chunks(size).map(|piece| watch.push(piece)).collect();
            assert!(seen.iter().all(|seen| !seen.content), "{filled} {size}");
            assert_eq!(seen.iter().filter(|seen| seen.failed.is_some()).count(), 1, "{filled} {size}");
            assert_eq!(watch.end(true), Err(Cut::Told));
        }
    }
    let honest = format!("{{\"choices\":[{{\"message\":{{\"content\":\"{}\"}}}}],\"error\":null}}", "x".repeat(17_000));
    let mut watch = Watch::new(Endpoint::Chat, "application/json", false);
    assert!(watch.push(honest.as_bytes()).content);
}

#[test]
fn an_error_under_a_200_may_be_retried() {
    for (body, fault) in [
        (r#"{"error":{"code":502,"message":"Provider returned error"},"user_id":"u"}"#, Some(Fault::Upstream)),
        (r#"{"id":"x","choices":[],"error":{"code":429,"message":"m"}}"#, Some(Fault::RateLimited)),
        (r#"{"object":"error","message":"m","type":"server_error"}"#, Some(Fault::Upstream)),
        (
            r#"{"id":"r","error":{"code":"server_error","message":"m"},"output":[],"status":"failed"}"#,
            Some(Fault::Upstream),
        ),
        (r#"{"id":"r","error":null,"choices":[{"a":1}]}"#, None),
        (r#"{"choices":[{"message":{"content":"\"error\""}}],"x":"error"}"#, None),
        (r#"{"choices":[{"message":{"content":"a"}}],"error":{"message":"late"}}"#, Some(Fault::Upstream)),
        (
            r#"{"choices":[{"error":{"message":"m"},"finish_reason":"error"}],"usage":{"prompt_tokens":1}}"#,
            Some(Fault::Upstream),
        ),
    ] {
        let (mut watch, seen) = watched(json, body.as_bytes());
        assert_eq!(seen.content, fault.is_none(), "{body}");
        assert_eq!(seen.failed.map(|f| f.fault), fault, "{body}");
        assert_eq!(watch.end(true), if fault.is_some() { Err(Cut::Told) } else { Ok(()) });
    }
}

#[test]
fn a_long_document_is_not_kept() {
    let mut watch = json();
    assert!(!watch.push(b"{\"choices\":[").content);
    let chunk = vec![b'1'; 8_000];
    assert!(!watch.push(&chunk).content);
    assert!(!watch.push(&chunk).content);
    assert!(watch.push(&chunk).content);
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));
    watch.push(b"]}\n");
    assert_eq!(watch.end(true), Ok(()));
}

#[test]
fn what_cannot_be_understood_passes() {
    for (endpoint, kind, encoded) in [
        (Endpoint::AudioSpeech, "audio/mpeg", false),
        (Endpoint::Chat, "text/event-stream", true),
        (Endpoint::Chat, "application/json", true),
        (Endpoint::AudioSpeech, "", false),
        (Endpoint::AudioTranscriptions, "text/vtt", false),
    ] {
        let mut watch = Watch::new(endpoint, kind, encoded);
        assert_eq!(watch.push(b"\x1f\x8b\xff{"), Seen { upto: 4, content: true, ..Seen::default() });
        assert!(!watch.is_sse() && watch.usage().is_none());
        assert_eq!((watch.end(true), watch.end(false)), (Ok(()), Err(Cut::Broken)));
    }
}

#[test]
fn without_a_content_type_the_first_byte_decides() {
    for (text, sse) in [
        (TEXT, true),
        (": c\n\n", true),
        ("event: x\n\n", true),
        ("\u{feff}data: x\n\n", true),
        ("\n {\"choices\":[]}", false),
        ("plain", false),
    ] {
        for kind in ["", "text/plain; charset=utf-8", "application/octet-stream"] {
            let mut watch = Watch::new(Endpoint::Chat, kind, false);
            watch.push(text.as_bytes());
            assert_eq!(watch.is_sse(), sse, "{text:?}");
        }
    }
}

#[test]
fn what_is_no_answer_of_its_endpoint_is_told_by_its_first_byte_whatever_its_label() {
    const LABELS: [&str; 7] = [
        "",
        "application/json",
        "text/html",
        "text/plain",
        "text/event-stream",
        "application/octet-stream",
        "image/png",
    ];
    let foreign = |endpoint, label, text: &[u8]| {
        let mut watch = Watch::new(endpoint, label, false);
        let seen = watch.push(text);
        let ended = watch.end(true);
        assert_eq!(seen.foreign.is_some(), matches!(ended, Err(Cut::Foreign(_))), "{label} {text:?}");
        assert!(seen.foreign.is_none() || !seen.content);
        // Half of a page is one too: nothing waits for its end.
        assert!(seen.foreign.is_none() || watch.push(b"more").foreign.is_some());
        seen.foreign
    };
    for endpoint in
        [Endpoint::Chat, Endpoint::Responses, Endpoint::Messages, Endpoint::Embeddings, Endpoint::CountTokens]
    {
        for label in LABELS {
            for page in ["<!doctype html><html>", "\r\n <html><body>x", "<x/>"] {
                assert_eq!(
                    foreign(endpoint, label, page.as_bytes()),
                    Some("a web page"),
                    "{endpoint:?} {label} {page}"
                );
            }
        }
        for label in ["application/json", "text/html"] {
            for text in ["null", "[]", "[1]", "7", "-1", "\"hello\"", "true", "Ollama is running", "Sorry", " \n", ""] {
                let mut watch = Watch::new(endpoint, label, false);
                let seen = watch.push(text.as_bytes());
                assert!(
                    !seen.content && matches!(watch.end(true), Err(Cut::Foreign(_))),
                    "{endpoint:?} {label} {text}"
                );
            }
            // It is not told from events by its first letter; without an event it is no answer either.
            let mut watch = Watch::new(endpoint, label, false);
            assert!(!watch.push(b"down for maintenance").content);
            assert!(watch.end(true).is_err());
        }
        assert!(foreign(endpoint, "application/json", br#"{"status":"ok"}"#).is_some());
    }
    for (endpoint, label, text, what) in [
        (Endpoint::AudioSpeech, "audio/mpeg", &b"\xff\xf3\x00<html>"[..], None),
        (Endpoint::AudioSpeech, "application/octet-stream", b"RIFF....WAVE", None),
        (Endpoint::AudioSpeech, "", b"ID3", None),
        (Endpoint::AudioSpeech, "audio/mpeg", b"<!DOCTYPE html>", Some("a web page")),
        (Endpoint::AudioSpeech, "text/plain", b"Ollama is running", Some("bare text")),
        (Endpoint::AudioSpeech, "application/json", b"null", Some("bare text")),
        (Endpoint::AudioSpeech, "application/octet-stream", b"Internal error", Some("bare text")),
        (Endpoint::AudioSpeech, "application/octet-stream", b"\x00\x01\x00", None),
        (Endpoint::AudioSpeech, "audio/mpeg", b"{\"detail\":\"Not Found\"}", Some("a document of another kind")),
        (Endpoint::AudioSpeech, "application/json", b"{\"detail\":\"Not Found\"}", Some("a document of another kind")),
        (Endpoint::AudioTranscriptions, "text/plain; charset=utf-8", b"every day <html>", None),
        (Endpoint::AudioTranscriptions, "text/vtt", b"WEBVTT\n", None),
        (Endpoint::AudioTranscriptions, "application/json", b"\"hello\"", None),
        (Endpoint::AudioTranscriptions, "application/json", b"null", Some("bare text")),
        // whisper.cpp's server.
        (Endpoint::AudioTranscriptions, "text/html; charset=utf-8", b" hello\n", None),
        (Endpoint::AudioTranscriptions, "text/html", b"<div>", Some("a web page")),
        (Endpoint::AudioTranscriptions, "text/plain", b"[Music] hello\n", None),
        (Endpoint::AudioTranscriptions, "text/vtt", b"[00:00.000 --> 00:01.000] hi", None),
        (Endpoint::AudioTranscriptions, "", b"[Music]", None),
        (Endpoint::AudioTranscriptions, "text/plain", b"<html>", Some("a web page")),
        (Endpoint::ImagesGenerations, "image/png", b"\x89PNG", None),
        (Endpoint::ImagesGenerations, "application/json", br#"{"data":[]}"#, None),
        (Endpoint::ImagesGenerations, "application/octet-stream", b"\x89PNG", None),
        (Endpoint::ImagesGenerations, "application/octet-stream", b"busy", Some("bare text")),
        (Endpoint::ImagesGenerations, "image/png", b"quota exceeded", Some("bare text")),
        (Endpoint::ImagesGenerations, "image/png", b"<html>", Some("a web page")),
        (Endpoint::Embeddings, "application/octet-stream", b"Unauthorized", Some("bare text")),
        (Endpoint::Chat, "application/json", b"\xEF\xBB\xBF<html>", Some("a web page")),
        (Endpoint::Chat, "application/json", b"\xEF\xBB\xBF{\"choices\":[{\"x\":1}]}", None),
        (Endpoint::Chat, "application/json", b"\xEF\xBB\xBFbusy", Some("bare text")),
        (Endpoint::Embeddings, "application/octet-stream", b"\x00\x01", None),
        (Endpoint::Rerank, "application/json", br#"{"rankings":[]}"#, None),
        (Endpoint::Rerank, "application/json", b"[{\"index\":0}]", None),
        (Endpoint::Chat, "text/html", br#"{"choices":[{"x":1}]}"#, None),
        (
            Endpoint::Chat,
            "application/json",
            br#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}}"#,
            Some("a document of another kind"),
        ),
    ] {
        assert_eq!(foreign(endpoint, label, text), what, "{endpoint:?} {label}");
    }
    for (label, empty) in
        [("text/plain", Ok(())), ("text/html", Ok(())), ("application/json", Err(Cut::Foreign("an empty body")))]
    {
        assert_eq!(Watch::new(Endpoint::AudioTranscriptions, label, false).end(true), empty);
        assert_eq!(Watch::new(Endpoint::AudioSpeech, label, false).end(true), Err(Cut::Foreign("an empty body")));
        assert_eq!(Watch::new(Endpoint::Chat, label, false).end(false), Err(Cut::Broken));
    }
}

#[test]
fn a_wrong_label_is_told() {
    for (label, text, right) in [
        ("text/event-stream; charset=utf-8", TEXT, None),
        ("application/json", TEXT, Some("text/event-stream")),
        ("text/plain", TEXT, Some("text/event-stream")),
        ("application/problem+json", "{\"choices\":[{}]}", None),
        ("text/event-stream", "{\"choices\":[{}]}", Some("application/json")),
        ("", "{\"choices\":[{}]}", Some("application/json")),
    ] {
        let mut watch = Watch::new(Endpoint::Chat, label, false);
        watch.push(text.as_bytes());
        assert_eq!(watch.relabel(), right, "{label}");
    }
    // A transcript is no array.
    for text in ["[Music]", "[00:00.000 --> 00:01.000] hi"] {
        let mut watch = Watch::new(Endpoint::AudioTranscriptions, "text/plain", false);
        assert!(watch.push(text.as_bytes()).content);
        assert_eq!((watch.relabel(), watch.end(true)), (None, Ok(())));
    }
}

fn messages() -> Watch {
    Watch::new(Endpoint::Messages, "text/event-stream", false)
}

#[test]
fn anthropic_counts_the_prompt_at_the_beginning_and_the_answer_at_its_end() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{\"input_tokens\":3,\"cache_read_input_tokens\":20,\"cache_creation_input_tokens\":5,\"output_tokens\":1}}}\n\n";
    let open = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    let text = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n";
    let delta = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

    let (mut watch, seen) = watched(messages, [start, open, ping].concat().as_bytes());
    assert!(!seen.content && !seen.terminal, "another deployment may still take its place");
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));

    let all = [start, open, ping, text, delta].concat();
    let (mut watch, seen) = watched(messages, all.as_bytes());
    assert!(seen.content && !seen.terminal);
    assert_eq!(
        watch.usage(),
        Some(Usage { input: 28, output: 9, cached_input: 20, cache_write: 5, ..Usage::default() })
    );
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));

    let (mut watch, seen) = watched(messages, [&*all, stop].concat().as_bytes());
    assert!(seen.terminal);
    assert_eq!(watch.end(false), Ok(()));

    let (mut watch, seen) = watched(messages, [start, open, error].concat().as_bytes());
    assert!(!seen.content);
    assert_eq!(
        seen.failed.map(|failure| (failure.fault, failure.message)),
        Some((Fault::Upstream, "Overloaded".into()))
    );
    assert_eq!(watch.end(true), Err(Cut::Told));
}

fn generated() -> Watch {
    Watch::new(Endpoint::GenerateContent, "text/event-stream", false)
}

#[test]
fn gemini_ends_with_a_finish_reason_and_no_event() {
    let text = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hi\"}],\"role\": \"model\"}}]}\r\n\r\n";
    let last = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"!\"}]},\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 4,\"candidatesTokenCount\": 2,\"totalTokenCount\": 6}}\r\n\r\n";
    let error = "data: {\"error\": {\"code\": 503,\"message\": \"busy\",\"status\": \"UNAVAILABLE\"}}\r\n\r\n";
    let (mut watch, seen) = watched(generated, text.as_bytes());
    assert!(seen.content);
    assert_eq!(watch.end(true), Err(Cut::NoTerminal));
    let (mut watch, _) = watched(generated, [text, last].concat().as_bytes());
    assert_eq!(watch.usage().map(|usage| (usage.input, usage.output)), Some((4, 2)));
    assert_eq!(watch.end(true), Ok(()));
    let (mut watch, _) = watched(generated, [text, last].concat().as_bytes());
    assert_eq!(watch.end(false), Err(Cut::Broken));
    for (before, content) in [("", false), (text, true)] {
        let (mut watch, seen) = watched(generated, [before, error].concat().as_bytes());
        assert_eq!((seen.content, seen.failed.and_then(|failure| failure.status)), (content, Some(503)));
        assert_eq!(watch.end(true), Err(Cut::Told));
    }
}

const ELEMENTS: [&str; 3] = [
    "[{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"a ]}\\\" [\"}]}}]\n}\n",
    ",\r\n{\"candidates\": [{\"finishReason\": \"STOP\"}], \"usageMetadata\": {\"promptTokenCount\": 4,\"candidatesTokenCount\": 2,\"totalTokenCount\": 6}}\n",
    "]\n",
];

fn array() -> Watch {
    Watch::new(Endpoint::GenerateContent, "application/json; charset=UTF-8", false)
}

#[test]
fn what_gemini_streams_as_an_array_is_handed_on_element_by_element() {
    let body = ELEMENTS.concat();
    let ends = [ELEMENTS[0].len() - 1, ELEMENTS[..2].concat().len() - 1, body.len() - 1, body.len()];
    for size in 1..=body.len() {
        let (mut watch, mut passed, mut came) = (array(), 0, 0);
        for piece in body.as_bytes().chunks(size) {
            let seen = watch.push(piece);
            came += piece.len();
            if seen.upto > 0 {
                passed = came - piece.len() + seen.upto;
            }
            assert!(ends.contains(&passed) || passed == 0, "{size}: {passed}");
            assert_eq!((seen.content, seen.terminal), (came >= ends[0], came >= ends[2]), "{size} at {came}");
            assert_eq!(watch.closed(), came >= ends[2]);
        }
        assert!(watch.is_array() && !watch.mid_event());
        assert_eq!(watch.usage().map(|usage| (usage.input, usage.output)), Some((4, 2)));
        assert_eq!((passed, watch.end(true)), (body.len(), Ok(())), "{size}");
    }
    // Only the last bracket makes it whole.
    for (clean, cut) in [(true, Cut::NoTerminal), (false, Cut::Broken)] {
        let mut watch = array();
        watch.push(ELEMENTS[..2].concat().as_bytes());
        assert_eq!(watch.end(clean), Err(cut));
    }
}

#[test]
fn an_error_among_the_elements_of_an_array_is_one() {
    let error = "{\"error\": {\"code\": 503,\"message\": \"busy\",\"status\": \"UNAVAILABLE\"}}]";
    for (before, content) in [("[".to_owned(), false), (format!("{},", ELEMENTS[0]), true)] {
        let mut watch = array();
        let seen = watch.push(format!("{before}{error}").as_bytes());
        assert_eq!((seen.content, seen.failed.and_then(|failure| failure.status)), (content, Some(503)));
        assert_eq!(watch.end(true), Err(Cut::Told));
    }
}

#[test]
fn an_element_beyond_the_bound_passes_as_it_comes() {
    let (mut watch, long) = (array(), "x".repeat(70_000));
    let begun = format!("[{{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{long}");
    assert_eq!(watch.push(begun.as_bytes()).upto, begun.len());
    assert!(watch.mid_event());
    let rest = b"\"}]}, \"finishReason\": \"STOP\"}]}";
    assert_eq!(watch.push(rest).upto, rest.len());
    assert!(!watch.mid_event() && watch.push(b"]").terminal);
    assert_eq!(watch.end(true), Ok(()));
}

#[test]
fn what_an_answer_is_does_not_hang_on_where_its_mark_is_cut() {
    for (text, content) in [("\u{feff}{\"choices\":[{\"x\":1}]}", true), ("\u{feff}<html>", false)] {
        let (mut watch, seen) = watched(json, text.as_bytes());
        assert_eq!((seen.content, watch.end(true).is_ok()), (content, content));
    }
}

#[test]
fn a_long_document_waits_until_it_begins_as_an_answer() {
    let id = "x".repeat(17_000);
    for (rest, content, failed) in [
        ("\"choices\":[{\"message\":{}}]}", true, false),
        ("\"error\":{\"message\":\"m\"}}", false, true),
        ("\"detail\":\"Not Found\"}", false, false),
    ] {
        let body = format!("{{\"id\":\"{id}\",{rest}");
        for size in [1_000, 16_500, 200_000] {
            let mut watch = json();
            let seen: Vec<Seen> = body.as_bytes().chunks(size).map(|piece| watch.push(piece)).collect();
            assert_eq!(seen.iter().any(|seen| seen.content), content, "{rest} {size}");
            assert_eq!(seen.iter().any(|seen| seen.failed.is_some()), failed, "{rest} {size}");
            assert_eq!(watch.end(true).is_ok(), content, "{rest} {size}");
        }
    }
    // Without an end in sight nobody can hold it.
    let mut watch = json();
    assert!(!watch.push(format!("{{\"id\":\"{id}").as_bytes()).content);
    assert!(watch.push(&[b'x'; 40_000]).content);
}

#[test]
fn an_error_in_any_shape_is_one_before_content_and_after_it() {
    let start = typed("message_start", ",\"message\":{\"content\":[]}");
    let delta = typed("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}");
    let created = typed("response.created", ",\"response\":{}");
    let said = typed("response.output_text.delta", ",\"delta\":\"Hi\"");
    let part = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n";
    for event in [
        "data: {\"code\":401,\"msg\":\"invalid token\",\"data\":null}\n\n",
        "data: {\"object\":\"error\",\"message\":\"m\"}\n\n",
        "data: {\"error\":{\"message\":\"m\"}}\n\n",
        "data: {\"error_message\":\"m\"}\n\n",
        "event: exception\ndata: {\"message\":\"m\"}\n\n",
    ] {
        for (make, begin, content) in [
            (chat as fn() -> Watch, ROLE, TEXT),
            (messages, &*start, &*delta),
            (responses, &*created, &*said),
            (generated, "", part),
        ] {
            for (before, content) in [(begin.to_owned(), false), ([begin, content].concat(), true)] {
                let (_, seen) = watched(make, [&*before, event].concat().as_bytes());
                assert_eq!((seen.content, seen.failed.is_some()), (content, true), "{before}{event}");
            }
        }
    }
}

/// Clients pass over what they do not know: a word of progress costs no answer, and words alone are none.
#[test]
fn words_beside_an_answer_cost_nothing_and_are_none_by_themselves() {
    let start = typed("message_start", ",\"message\":{\"content\":[]}");
    let delta = typed("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}");
    let said = typed("response.output_text.delta", ",\"delta\":\"Hi\"");
    let part = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]}}]}\n\n";
    for event in [
        "data: {\"message\":\"Unauthorized\"}\n\n",
        "data: {\"detail\":\"Not Found\"}\n\n",
        "data: {\"code\":\"Success\",\"message\":\"searching the web\"}\n\n",
        "data: Unauthorized\n\n",
        "data: <html>\n\n",
        "data: null\n\n",
    ] {
        for (make, content) in [
            (chat as fn() -> Watch, TEXT),
            (messages, &*[&*start, &delta].concat()),
            (responses, &said),
            (generated, part),
        ] {
            let (_, seen) = watched(make, [event, content, event].concat().as_bytes());
            assert_eq!((seen.content, seen.failed.is_some()), (true, false), "{event}{content}");
            for end in ["", DONE] {
                let (mut watch, seen) = watched(make, [event, end].concat().as_bytes());
                assert!(!seen.content && watch.end(true).is_err(), "{event}{end}");
            }
        }
    }
}

#[test]
fn an_end_without_a_beginning_is_no_answer() {
    let stop = typed("message_stop", "");
    let (mut watch, seen) = watched(messages, stop.as_bytes());
    assert!(!seen.content && !seen.terminal);
    assert_eq!((seen.foreign, watch.end(true)), (Some(OTHER), Err(Cut::Foreign(OTHER))));
    // A response may come with its last event alone.
    for kind in ["response.completed", "response.done"] {
        let done = typed(kind, ",\"response\":{\"status\":\"completed\",\"output\":[]}");
        assert_eq!(watched(responses, done.as_bytes()).0.end(true), Ok(()), "{kind}");
        // By its type, whatever its name.
        let named = done.replace(&format!("event: {kind}"), "event: chunk");
        assert_eq!(watched(responses, named.as_bytes()).0.end(true), Ok(()), "{named}");
    }
    for kind in ["response.completed", "response.incomplete", "response.error"] {
        let failed = typed(kind, ",\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"m\"}}");
        let (_, seen) = watched(responses, failed.as_bytes());
        assert!(!seen.content && !seen.terminal && seen.failed.is_some(), "{kind}");
    }
    // What no client of theirs reads is no content.
    let (mut watch, seen) = watched(responses, [TEXT, DONE].concat().as_bytes());
    assert!(!seen.content && watch.end(true).is_err());
}

/// Its clients pass over them, so that they cost no answer; alone they are none, and another may take their place.
#[test]
fn events_of_another_family_are_no_answer_and_pass_beside_one() {
    let start = typed("message_start", ",\"message\":{\"content\":[]}");
    let delta = typed("content_block_delta", ",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}");
    let stop = typed("message_stop", "");
    let created = typed("response.created", ",\"response\":{}");
    let said = typed("response.output_text.delta", ",\"delta\":\"Hi\"");
    let done = typed("response.completed", ",\"response\":{\"status\":\"completed\",\"output\":[]}");
    let anthropic = [&*start, &*delta, &*stop].concat();
    let openai = [&*created, &*said, &*done].concat();
    for (make, own, others) in
        [(messages as fn() -> Watch, &anthropic, &openai), (responses as fn() -> Watch, &openai, &anthropic)]
    {
        let kinds = ["greeting", "status", "end", "x.delta", "transcript.text.delta", "message"];
        let mut foreign: Vec<String> = kinds.map(|kind| typed(kind, ",\"text\":\"wait\"")).into();
        foreign.push(others.clone());
        for foreign in foreign {
            let (mut watch, seen) = watched(make, foreign.as_bytes());
            assert!(!seen.content && !seen.terminal && watch.end(true).is_err(), "{foreign}");
            let (first, rest) = own.split_at(own.find("\n\n").unwrap() + 2);
            let all = [first, &foreign, rest].concat();
            let (mut watch, seen) = watched(make, all.as_bytes());
            assert_eq!((seen.content, seen.upto, watch.end(true)), (true, all.len(), Ok(())), "{all}");
        }
    }
    // Kinds of its own that nobody has heard of are its answer.
    for (make, kind) in [(messages as fn() -> Watch, "content_block_note"), (responses, "response.new_tool.done")] {
        assert!(watched(make, typed(kind, "").as_bytes()).1.content, "{kind}");
    }
}

/// A letter tells nothing: only the field of an event does.
#[test]
fn a_transcript_is_told_from_events_by_more_than_a_letter() {
    const MAKE: [fn() -> Watch; 2] = [
        || Watch::new(Endpoint::AudioTranscriptions, "", false),
        || Watch::new(Endpoint::AudioTranslations, "application/octet-stream", false),
    ];
    for make in MAKE {
        for text in ["database", "data", "  event by event", "i", "retry it", "evening", "\u{feff}data is all"] {
            let mut bytes = make();
            let passed: usize = text.bytes().map(|byte| bytes.push(&[byte]).upto).sum();
            assert!(!bytes.is_sse() && passed <= text.len(), "{text}");
            assert_eq!((bytes.relabel(), bytes.end(true)), (None, Ok(())), "{text}");
            let mut whole = make();
            whole.push(text.as_bytes());
            assert_eq!(
                (whole.is_sse(), whole.end(true), whole.end(false)),
                (false, Ok(()), Err(Cut::Broken)),
                "{text}"
            );
        }
        let done = typed("transcript.text.done", ",\"usage\":{\"input_tokens\":1,\"output_tokens\":2}");
        let data = done.split_once('\n').unwrap().1;
        for text in [done.clone(), data.to_owned(), format!(": hi\n\n{done}"), format!("\n\u{feff}retry: 1\n{done}")] {
            let (mut watch, seen) = watched(make, text.as_bytes());
            assert!(watch.is_sse() && seen.terminal && watch.end(false).is_ok(), "{text}");
        }
    }
}

/// Some servers send an empty error beside a good answer, and an empty one is none for any reader.
#[test]
fn an_error_that_says_nothing_is_none() {
    for (error, is_one) in [
        (r#"{"message":"","type":"","param":"","code":null}"#, false),
        (r#"{"message":null,"details":[],"inner":{"code":0}}"#, false),
        ("0", false),
        ("false", false),
        ("[]", false),
        (r#"{"message":"","code":7}"#, true),
        (r#"{"inner":{"message":"m"}}"#, true),
        ("500", true),
        ("true", true),
    ] {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}},"error":{error}}}],"error":{error}}}"#);
        assert_eq!(watched(json, body.as_bytes()).1.failed.is_some(), is_one, "{body}");
        let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}],\"error\":{error}}}\n\n");
        assert_eq!(watched(chat, event.as_bytes()).1.failed.is_some(), is_one, "{event}");
        let read = crate::openai::chat::answer::read(body.as_bytes());
        assert_eq!(read.is_err(), is_one, "{body}");
    }
}

#[test]
fn an_array_of_nothing_is_no_answer() {
    for (text, failed) in [
        ("[]", false),
        ("[{\"status\":\"ok\"}]", false),
        ("[null]", false),
        ("[\"Unauthorized\"]", false),
        ("[{\"detail\":\"m\"}]", false),
        ("[{\"code\":401,\"detail\":\"m\"}]", true),
    ] {
        let (mut watch, seen) = watched(array, text.as_bytes());
        assert!(!seen.content && watch.end(true).is_err(), "{text}");
        assert_eq!((seen.failed.is_some(), seen.foreign.is_some()), (failed, !failed), "{text}");
    }
    let (mut watch, seen) = watched(array, b"[{\"usageMetadata\":{\"promptTokenCount\":3}}]");
    assert!(seen.content && watch.end(true).is_ok());
}

#[test]
fn what_comes_in_another_way_than_it_was_asked_for_is_no_answer() {
    let part = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}";
    let (element, event) = (format!("[{part}]"), format!("data: {part}\n\n"));
    for (endpoint, asked, text, foreign) in [
        (Endpoint::Chat, Asked::Whole, TEXT, true),
        (Endpoint::Chat, Asked::Events, TEXT, false),
        (Endpoint::Chat, Asked::Any, TEXT, false),
        (Endpoint::AudioTranscriptions, Asked::Whole, "data: {\"type\":\"transcript.text.done\"}\n\n", false),
        (Endpoint::GenerateContent, Asked::Whole, &*element, true),
        (Endpoint::GenerateContent, Asked::Events, &*element, true),
        (Endpoint::GenerateContent, Asked::Any, &*element, false),
        (Endpoint::GenerateContent, Asked::Whole, &*event, true),
        (Endpoint::GenerateContent, Asked::Events, &*event, false),
        (Endpoint::GenerateContent, Asked::Whole, part, false),
    ] {
        let mut watch = Watch::new(endpoint, "", false);
        watch.asked(asked);
        let seen = watch.push(text.as_bytes());
        assert_eq!((seen.foreign.is_some(), seen.content), (foreign, !foreign), "{asked:?} {text}");
    }
    let mut page = Watch::new(Endpoint::Chat, "text/html", true);
    assert!(page.push(b"\x1f\x8b").foreign.is_some());
    let mut transcript = Watch::new(Endpoint::AudioTranscriptions, "text/html", true);
    assert!(transcript.push(b"\x1f\x8b").content);
}

#[test]
fn a_document_whose_brackets_do_not_fit_is_read_at_its_end() {
    for (text, want) in [
        (r#"{"a":{{}"#, Err(Cut::Foreign(OTHER))),
        (r#"{"error":{"message":"x"},"a":{{}}"#, Err(Cut::Foreign(OTHER))),
        (r#"{"choices":[{"message":{"content":"x"}}],"a":[}"#, Err(Cut::NoTerminal)),
        (r#"{"choices":[{"message":{"content":"x"}}],"a":{]}"#, Ok(())),
    ] {
        for size in 1..=text.len() {
            let mut watch = Watch::new(Endpoint::Chat, "application/json", false);
            let seen = text.as_bytes().chunks(size).map(|piece| watch.push(piece)).last().unwrap();
            let ended = seen.foreign.map_or_else(|| watch.end(true), |what| Err(Cut::Foreign(what)));
            assert_eq!(ended, want, "{size}: {text}");
        }
    }
}
