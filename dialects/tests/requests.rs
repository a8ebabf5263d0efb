//! Any conversation of the neutral model that a format can say comes back out of it as it went in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
mod support;

use std::borrow::Cow;

use dialects::Wire;
use dialects::conversation::{
    Cache, Call, Effort, Json, Kind, Media, Message, Opaque, Output, Part, Reasoning, Request, Role, Sampling, Source,
    Thinking, Tool, ToolChoice, ToolKind, ToolResult,
};
use dialects::loss::{Fidelity, carries};
use dialects::translate::{self, Hints, Quirks, ReasoningStyle, Target};
use serde_json::value::RawValue;
use support::Random;

const TEXTS: [&str; 6] = ["Hello", "two\nlines", "\"quoted\\\"", "日本語 🚀", "\u{2028}\0", "{\"a\":1}"];
const SCHEMAS: [&str; 3] = [
    r#"{"type":"object"}"#,
    r#"{"type": "object", "properties": {"b": {"type": "string"}, "a": {}}}"#,
    r#"{"type":"object","x":1.0e2}"#,
];

struct Make<'r> {
    random: &'r mut Random,
    wire: Wire,
}

impl Make<'_> {
    fn maybe<T>(&mut self, one_in: usize, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.random.below(one_in) == 0).then(|| make(self))
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.random.below(most + 1)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> &'static str {
        TEXTS[self.random.below(TEXTS.len())]
    }

    fn schema(&mut self) -> Json<'static> {
        let schema = SCHEMAS[self.random.below(SCHEMAS.len())];
        Cow::Owned(RawValue::from_string(schema.to_owned()).unwrap())
    }

    fn cache(&mut self) -> Option<Cache<'static>> {
        self.maybe(6, |make| Cache { ttl: make.maybe(2, |_| "1h".into()) })
    }

    fn text_part(&mut self) -> Part<'static> {
        let text = self.text();
        Part { cache: self.cache(), ..Part::text(text) }
    }

    fn source(&mut self, media_type: &'static str) -> Source<'static> {
        match self.random.below(2) {
            0 => Source::Base64 { media_type: media_type.into(), data: "QUJD".into() },
            _ => Source::Url { url: "https://example.com/a".into(), media_type: None },
        }
    }

    /// A part that a user may send.
    fn given(&mut self) -> Part<'static> {
        let chat = self.wire == Wire::Chat;
        let kind = match self.random.below(6) {
            0 => {
                let source = self.source("image/png");
                let detail = self.maybe(2, |_| "high".into()).filter(|_| chat);
                Kind::Image(Box::new(Media { detail, ..source.into() }))
            }
            1 if chat => {
                let source = Source::Base64 { media_type: "application/pdf".into(), data: "QUJD".into() };
                Kind::Document(Box::new(Media { name: self.maybe(2, |_| "a.pdf".into()), ..source.into() }))
            }
            1 => {
                let source = self.source("application/pdf");
                let (name, context) = (self.maybe(2, |_| "a.pdf".into()), self.maybe(2, |_| "old".into()));
                Kind::Document(Box::new(Media { name, context, cite: self.maybe(2, |_| true), ..source.into() }))
            }
            2 if chat => {
                let source = Source::Base64 { media_type: "audio/mpeg".into(), data: "QUJD".into() };
                Kind::Audio(source.into())
            }
            _ => return self.text_part(),
        };
        Part { cache: self.cache(), ..kind.into() }
    }

    fn thought(&mut self) -> Part<'static> {
        let opaque = match self.wire {
            Wire::Chat => self.maybe(2, |_| {
                let entry = r#"{"type":"reasoning.text","signature":"c2ln","format":"x"}"#;
                Opaque::signature(Wire::Chat, entry.into())
            }),
            _ if self.random.below(3) == 0 => {
                let opaque = Some(Opaque::redacted(self.wire, "cmVk".into()));
                return Part { opaque: opaque.map(Box::new), ..Kind::Thinking { text: "".into() }.into() };
            }
            _ => Some(Opaque::signature(self.wire, "c2ln".into())),
        };
        Part { opaque: opaque.map(Box::new), ..Kind::Thinking { text: self.text().into() }.into() }
    }

    fn call(&mut self, n: usize) -> Part<'static> {
        let arguments = ["{}", r#"{"city": "Paris"}"#, r#"{"n":[1,{"x":"\"}"}]}"#][self.random.below(3)].into();
        let id = format!("call_{n}").into();
        Kind::Call(Box::new(Call { id, name: "weather".into(), arguments, free_form: false })).into()
    }

    fn result(&mut self, n: usize) -> Part<'static> {
        let chat = self.wire == Wire::Chat;
        let is_error = !chat && self.random.below(3) == 0;
        let mut parts = vec![Part::text(self.text())];
        if !chat && self.random.below(3) == 0 {
            parts.push(Kind::Image(self.source("image/png").into()).into());
        }
        Kind::Result(Box::new(ToolResult {
            id: format!("call_{n}").into(),
            name: "".into(),
            parts,
            is_error,
            free_form: false,
        }))
        .into()
    }

    fn turns(&mut self) -> Vec<Message<'static>> {
        let chat = self.wire == Wire::Chat;
        let mut messages = Vec::new();
        let mut calls = 0;
        for _ in 0..1 + self.random.below(4) {
            if self.random.below(5) == 0 {
                let role = if chat && self.random.below(2) == 0 { Role::Developer } else { Role::System };
                messages.push(Message::new(role, vec![Part::text(self.text())]));
            }
            let mut given = vec![self.given()];
            given.extend(self.many(2, Self::given));
            messages.push(Message {
                name: self.maybe(4, |_| "bob".into()).filter(|_| chat),
                ..Message::new(Role::User, given)
            });
            let mut said = self.many(2, Self::thought);
            if chat {
                // Bare thoughts have nothing that would tell them apart.
                said.truncate(1);
            }
            said.extend(self.maybe(2, |make| Part::text(make.text())));
            if chat && self.random.below(6) == 0 {
                said.push(Kind::Refusal("No.".into()).into());
            }
            let made: Vec<_> = (calls..calls + self.random.below(3)).collect();
            calls += made.len();
            made.iter().for_each(|n| said.push(self.call(*n)));
            if said.is_empty() {
                said.push(Part::text("ok"));
            }
            messages.push(Message::new(Role::Assistant, said));
            let results: Vec<_> = made.iter().map(|n| self.result(*n)).collect();
            if chat {
                messages.extend(results.into_iter().map(|result| Message::new(Role::Tool, vec![result])));
            } else if !results.is_empty() {
                messages.push(Message::new(Role::User, results));
            }
        }
        messages
    }

    fn request(&mut self) -> Request<'static> {
        let chat = self.wire == Wire::Chat;
        let tools = self.many(2, |make| {
            let function = ToolKind::Function { schema: Some(make.schema()), strict: make.maybe(2, |_| true) };
            let free_form = ToolKind::FreeForm { format: None };
            let free = make.wire == Wire::Chat && make.random.below(4) == 0;
            Tool {
                name: "weather".into(),
                description: make.maybe(2, |make| make.text().into()),
                kind: if free { free_form } else { function },
                cache: if free { None } else { make.cache() },
                extra: Vec::new(),
            }
        });
        let choices = [ToolChoice::Auto, ToolChoice::None, ToolChoice::Required, ToolChoice::Named("weather".into())];
        let tool_choice = Some(choices[self.random.below(4)].clone()).filter(|_| !tools.is_empty());
        let parallel_calls = self.maybe(2, |make| make.random.below(2) == 0).filter(|_| match tool_choice {
            None => false,
            Some(ToolChoice::None) => chat,
            Some(_) => true,
        });
        let output = self.maybe(3, |make| match make.random.below(3) {
            0 if chat => Output::Json,
            1 if chat => Output::Text,
            _ => {
                let name = chat.then(|| "answer".into());
                Output::Schema { name, description: None, schema: make.schema(), strict: chat.then_some(true) }
            }
        });
        let effort = self.maybe(2, |make| Effort::ALL[make.random.below(7)]);
        let reasoning = match (chat, self.random.below(3)) {
            (true, _) => Reasoning { effort, ..Reasoning::default() },
            (false, 0) => Reasoning { effort, thinking: Some(Thinking::Adaptive), ..Reasoning::default() },
            (false, 1) => Reasoning {
                thinking: Some(Thinking::On),
                budget: Some(2_000),
                show: Some(false),
                effort,
                summary: None,
            },
            (false, _) => Reasoning::default(),
        };
        let stream = self.random.below(2) == 0;
        let number = |make: &mut Self| make.random.below(100) as f64 / 64.0;
        Request {
            system: if chat { Vec::new() } else { self.many(2, Self::text_part) },
            messages: self.turns(),
            tools,
            tool_choice,
            parallel_calls,
            output,
            sampling: Sampling {
                temperature: self.maybe(2, number),
                top_p: self.maybe(2, number),
                top_k: self.maybe(4, |make| make.random.below(50) as u64),
                min_p: self.maybe(4, number).filter(|_| chat),
                seed: self.maybe(4, |_| -3).filter(|_| chat),
                frequency_penalty: self.maybe(4, number).filter(|_| chat),
                presence_penalty: self.maybe(4, number).filter(|_| chat),
                logprobs: self.maybe(4, |_| true).filter(|_| chat),
                top_logprobs: self.maybe(4, |_| 2).filter(|_| chat),
                candidates: self.maybe(8, |_| 2).filter(|_| chat),
                logit_bias: None,
            },
            stop: self.many(2, |make| make.text().into()),
            max_tokens: if chat { self.maybe(2, |_| 100) } else { Some(9_000) },
            reasoning,
            stream,
            include_usage: stream || !chat,
            user: self.maybe(3, |make| make.text().into()),
            service_tier: self.maybe(4, |_| "auto".into()),
            store: self.maybe(4, |_| true).filter(|_| chat),
            cache_key: self.maybe(4, |_| "k".into()).filter(|_| chat),
            cache: self.cache(),
            ..Request::new(self.wire, "m".into())
        }
    }
}

#[test]
fn what_a_format_can_say_comes_back_out_of_it() {
    let mut random = Random(41);
    let mut count = 0;
    for wire in [Wire::Chat, Wire::Messages] {
        for _ in 0..4_000 {
            let request = Make { random: &mut random, wire }.request();
            let quirks = Quirks { reasoning_details: true, reasoning: ReasoningStyle::Effort, ..Quirks::default() };
            let target = Target { model: "m", quirks, ..Target::default() };
            let written = translate::write(wire, &request, &target).unwrap();
            let text = String::from_utf8(written.body).unwrap();
            assert!(written.losses.is_empty(), "{:?} {text}", written.losses.names().collect::<Vec<_>>());
            let mut back = translate::read(wire, text.as_bytes(), &Hints::default()).unwrap();
            back.length = request.length;
            assert_eq!(format!("{back:?}"), format!("{request:?}"), "{text}");
            count += 1;
        }
    }
    println!("{count} requests came back");
}

/// Through another format and back: what both can say is what comes back.
#[test]
fn turns_go_through_another_format_and_back() {
    let mut random = Random(43);
    for round in 0..4_000 {
        let (wire, other) = [(Wire::Chat, Wire::Messages), (Wire::Messages, Wire::Chat)][round % 2];
        let request = Make { random: &mut random, wire }.request();
        let target = Target { model: "m", ..Target::default() };
        let Ok(there) = translate::write(other, &request, &target) else { continue };
        let middle = translate::read(other, &there.body, &Hints::default()).unwrap();
        let back = translate::write(wire, &middle, &target).unwrap();
        let back = translate::read(wire, &back.body, &Hints::default()).unwrap();
        assert_eq!(said(&back), said(&request), "{}", String::from_utf8_lossy(&there.body));
        assert_eq!(back.tools.len(), request.tools.len());
        assert_eq!((back.stream, &back.tool_choice), (request.stream, &request.tool_choice));
    }
}

#[test]
fn an_image_that_is_a_text_is_noted_as_what_has_no_place() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"},
        {"type":"image","source":{"type":"text","media_type":"text/plain","data":"a"}}]}]}"#;
    let request = translate::read(Wire::Messages, body, &Hints { model: None, stream: None }).unwrap();
    for wire in Wire::ALL {
        let target = Target { model: "m", ..Target::default() };
        // Or it is refused.
        let Ok(written) = translate::write(wire, &request, &target) else { continue };
        assert!(written.losses.fields().all(|field| carries(wire, field) != Fidelity::Carried), "{wire:?}");
    }
}

/// Calls and results one by one, and the text of each side joined: what no format may lose.
fn said(request: &Request<'_>) -> Vec<String> {
    let (mut calls, mut text) = (Vec::new(), String::new());
    for part in request.system.iter().chain(request.messages.iter().flat_map(|message| &message.parts)) {
        match &part.kind {
            Kind::Call(call) => calls.push(format!("{} {} {}", &*call.id, &*call.name, &*call.arguments)),
            Kind::Result(result) => {
                let said = result.parts.iter().find_map(|part| match &part.kind {
                    Kind::Text { text, .. } => Some(text.to_string()),
                    _ => None,
                });
                calls.push(format!("{} says {}", &*result.id, said.unwrap_or_default()));
                // A tool's picture may come in the user's next message.
                for part in &result.parts {
                    if let Kind::Image(media) = &part.kind {
                        calls.push(format!("{:?}", media.source));
                    }
                }
            }
            Kind::Image(media) => calls.push(format!("{:?}", media.source)),
            Kind::Text { text: one, .. } | Kind::Refusal(one) => text += &one.replace('\n', ""),
            _ => {}
        }
    }
    calls.sort();
    // Instructions move to the top.
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters.retain(|letter| *letter != '\n');
    calls.push(letters.into_iter().collect());
    calls
}
