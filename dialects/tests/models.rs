//! What models of one vendor take differs by generation: a request asks each only for what it takes, and says what it has
//! left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use dialects::Wire;
use dialects::translate::{self, Hints, Quirks, Target};
use serde_json::{Value, json};

/// What a client's request becomes for this model, and what is left out.
fn written(from: Wire, body: &Value, to: Wire, model: &str) -> (Value, Vec<&'static str>) {
    let body = body.to_string();
    let request = translate::read(from, body.as_bytes(), &Hints { model: Some("m"), stream: Some(false) }).unwrap();
    let written = translate::write(to, &request, &Target { model, ..Target::default() }).unwrap();
    (serde_json::from_slice(&written.body).unwrap(), written.losses.names().collect())
}

fn chat(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn claude_thinks_as_its_generation_does() {
    let asked = chat(&json!({"reasoning_effort": "medium"}));
    for (model, adaptive) in [
        ("claude-sonnet-4-5-20250929", false),
        ("claude-opus-4-6", true),
        ("claude-opus-4-8", true),
        ("claude-sonnet-5", true),
        ("some-tuned-model", false),
    ] {
        let (body, lost) = written(Wire::Chat, &asked, Wire::Messages, model);
        let (converse, _) = written(Wire::Chat, &asked, Wire::Converse, &format!("us.anthropic.{model}-v1:0"));
        let fields = &converse["additionalModelRequestFields"];
        for place in [&body, fields] {
            if adaptive {
                assert_eq!(place["thinking"], json!({"type": "adaptive"}), "{model}");
                assert_eq!(place["output_config"], json!({"effort": "medium"}), "{model}");
            } else {
                assert_eq!(place["thinking"]["type"], "enabled", "{model}");
                assert!(place["thinking"]["budget_tokens"].as_u64().unwrap() < body["max_tokens"].as_u64().unwrap());
                assert!(place["output_config"].is_null(), "{model}");
            }
        }
        // Room for the thoughts, where nobody said how much.
        assert!(body["max_tokens"].as_u64().unwrap() > Target::SAFE, "{model}: {body}");
        assert!(lost.is_empty(), "{model}: {lost:?}");
    }
}

#[test]
fn a_budget_is_a_word_for_who_takes_none() {
    let asked = |show: bool| {
        json!({
            "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
            "generationConfig": {"thinkingConfig": {"thinkingBudget": 20_000, "includeThoughts": show}},
        })
    };
    let (body, lost) = written(Wire::Gemini, &asked(true), Wire::Messages, "claude-opus-4-7");
    assert_eq!(body["thinking"], json!({"type": "adaptive", "display": "summarized"}));
    assert_eq!((&body["output_config"]["effort"], lost), (&json!("high"), vec!["reasoning_budget"]));
    let (body, _) = written(Wire::Gemini, &asked(false), Wire::Messages, "claude-opus-4-7");
    assert_eq!(body["thinking"]["display"], "omitted");
    let xhigh = chat(&json!({"reasoning_effort": "xhigh"}));
    for (model, effort) in [("claude-opus-4-6", "high"), ("claude-opus-4-7", "xhigh")] {
        assert_eq!(written(Wire::Chat, &xhigh, Wire::Messages, model).0["output_config"]["effort"], effort);
    }
}

/// Neither more than it takes, nor a question that it refuses.
#[test]
fn an_older_claude_is_asked_for_what_it_has() {
    let asked = chat(&json!({"reasoning_effort": "high"}));
    let (body, lost) = written(Wire::Chat, &asked, Wire::Messages, "claude-3-5-haiku-latest");
    assert_eq!((&body["thinking"], &body["max_tokens"]), (&Value::Null, &json!(Target::SAFE)), "{body}");
    assert_eq!(lost, ["reasoning_effort"]);
    let asked = chat(&json!({"reasoning_effort": "xhigh"}));
    let (body, _) = written(Wire::Chat, &asked, Wire::Messages, "claude-opus-4-1");
    assert_eq!(body["max_tokens"], 32_000, "{body}");
    assert_eq!(body["thinking"]["budget_tokens"], 32_000 - Target::SAFE, "{body}");
}

#[test]
fn the_newest_claudes_get_no_sampling() {
    let asked = chat(&json!({"temperature": 0.2, "top_p": 0.9}));
    for (to, place) in [(Wire::Messages, "/temperature"), (Wire::Converse, "/inferenceConfig/temperature")] {
        let (body, lost) = written(Wire::Chat, &asked, to, "anthropic.claude-opus-4-6");
        assert_eq!((body.pointer(place), lost), (Some(&json!(0.2)), vec!["top_p"]));
        let (body, lost) = written(Wire::Chat, &asked, to, "anthropic.claude-opus-4-7");
        assert_eq!((body.pointer(place), lost), (None, vec!["temperature", "top_p"]), "{body}");
        // What is the default anyway is no loss.
        let (body, lost) = written(Wire::Chat, &chat(&json!({"temperature": 1})), to, "anthropic.claude-opus-4-7");
        assert_eq!((body.pointer(place), lost.len()), (None, 0), "{body}");
    }
    let asked = json!({
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"topK": 5},
    });
    for (to, place) in [(Wire::Messages, "/top_k"), (Wire::Converse, "/additionalModelRequestFields/top_k")] {
        for (model, expected) in [("anthropic.claude-opus-4-6", 1), ("anthropic.claude-haiku-5-5", 0)] {
            let (body, lost) = written(Wire::Gemini, &asked, to, model);
            assert_eq!((body.pointer(place).iter().count(), lost.len()), (expected, 1 - expected), "{body}");
        }
    }
}

#[test]
fn who_thinks_at_openai_gets_no_sampling() {
    let asked = json!({
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"temperature": 0.2, "topP": 0.95},
    });
    for to in [Wire::Chat, Wire::Responses] {
        for (model, takes) in
            [("gpt-5-mini", false), ("o3", false), ("gpt-4o", true), ("gpt-5.2", true), ("llama", true)]
        {
            let (body, lost) = written(Wire::Gemini, &asked, to, model);
            assert_eq!((body["temperature"].is_number(), body["top_p"].is_number()), (takes, takes), "{model}: {body}");
            assert_eq!(lost == ["temperature", "top_p"], !takes, "{model}: {lost:?}");
        }
        // What is the default anyway is no loss.
        let default =
            json!({"model": "m", "max_tokens": 99, "temperature": 1, "messages": [{"role": "user", "content": "hi"}]});
        let (body, lost) = written(Wire::Messages, &default, to, "gpt-5");
        assert_eq!((body["temperature"].is_number(), lost.len()), (false, 0), "{body}");
    }
}

#[test]
fn who_cannot_think_is_not_asked_to() {
    let asked = json!({
        "model": "m", "max_tokens": 9_000, "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 4_000},
    });
    for (model, thinks) in [("gpt-4o", false), ("gpt-4.1-mini", false), ("gpt-5", true), ("local-model", true)] {
        let (body, lost) = written(Wire::Messages, &asked, Wire::Chat, model);
        assert_eq!(body["reasoning_effort"].is_string(), thinks, "{model}: {body}");
        assert_eq!(lost.contains(&"reasoning_budget"), !thinks, "{model}: {lost:?}");
        let (body, lost) = written(Wire::Messages, &asked, Wire::Responses, model);
        assert_eq!((body["reasoning"].is_object(), body["include"].is_array()), (thinks, thinks), "{model}: {body}");
        assert_eq!(lost.contains(&"reasoning_budget"), !thinks, "{model}: {lost:?}");
    }
}

/// An account that gets no summaries is not asked for any, and who wanted to see thoughts is told.
#[test]
fn summaries_are_asked_for_where_they_may_be() {
    let asked = json!({
        "model": "m", "max_tokens": 9_000, "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 4_000},
    });
    let body = asked.to_string();
    let request = translate::read(Wire::Messages, body.as_bytes(), &Hints::default()).unwrap();
    for no_summaries in [false, true] {
        let quirks = Quirks { no_summaries, ..Quirks::default() };
        let target = Target { model: "gpt-5", quirks, ..Target::default() };
        let written = translate::write(Wire::Responses, &request, &target).unwrap();
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        assert_eq!(
            (&body["reasoning"]["effort"], body["reasoning"]["summary"].is_string()),
            (&json!("medium"), !no_summaries)
        );
        let lost: Vec<_> = written.losses.names().collect();
        assert_eq!(lost.contains(&"reasoning_display"), no_summaries, "{lost:?}");
    }
}

/// Hoisted, for nobody refuses them at the top.
#[test]
fn instructions_between_messages_reach_every_model() {
    let asked = json!({"model": "m", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "be brief"},
    ]});
    for model in ["claude-3-7-sonnet-20250219", "claude-opus-4-8"] {
        let (body, lost) = written(Wire::Chat, &asked, Wire::Messages, model);
        assert_eq!((body["messages"].as_array().unwrap().len(), lost), (1, vec!["system_position"]), "{body}");
        assert!(body["system"].to_string().contains("be brief"), "{body}");
    }
}
