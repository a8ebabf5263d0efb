//! What a client of responses has heard of an answer, read by plain means; and a judge of streams that says of each
//! event whether the official SDKs could follow it.

use dialects::Usage;
use serde_json::{Value, json};

use super::heard::Heard;
use super::{events_of, reported};

fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn arguments(text: &str) -> Value {
    if text.trim().is_empty() { json!({}) } else { serde_json::from_str(text).unwrap_or_else(|_| json!(text)) }
}

/// The name as flat formats know it.
fn name(item: &Value) -> String {
    match item["namespace"].as_str() {
        Some(space) => format!("{space}__ns__{}", str_of(&item["name"])),
        None => str_of(&item["name"]).into(),
    }
}

fn thought(item: &Value) -> String {
    let parts = list(&item["summary"]).iter().chain(list(&item["content"]));
    parts.map(|part| str_of(&part["text"])).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

pub fn whole(response: &Value) -> Heard {
    let mut heard = Heard { ended: true, ..Heard::default() };
    for item in list(&response["output"]) {
        match str_of(&item["type"]) {
            "message" => {
                for part in list(&item["content"]) {
                    heard.text += str_of(&part["text"]);
                    heard.refusal += str_of(&part["refusal"]);
                }
            }
            "reasoning" => heard.thinking += &thought(item),
            "function_call" => {
                heard.calls.push((str_of(&item["call_id"]).into(), name(item), arguments(str_of(&item["arguments"]))));
            }
            "custom_tool_call" => {
                heard.calls.push((str_of(&item["call_id"]).into(), name(item), json!(str_of(&item["input"]))));
            }
            _ => {}
        }
    }
    heard.finish = match (str_of(&response["status"]), str_of(&response["incomplete_details"]["reason"])) {
        ("incomplete", "max_output_tokens") => "length",
        ("incomplete", "content_filter") => "content_filter",
        ("completed", _) if !heard.calls.is_empty() => "tool_calls",
        ("completed", _) if !heard.refusal.is_empty() => "content_filter",
        _ => "stop",
    }
    .into();
    heard.usage = usage(&response["usage"]);
    heard
}

fn usage(usage: &Value) -> Option<Usage> {
    reported(usage)
}

/// A recorded stream: what its items said when they were done, for the last event of some repeats nothing.
pub fn recorded(body: &str) -> Heard {
    let (mut output, mut last) = (Vec::new(), Value::Null);
    for event in events_of(body) {
        let Some(data) = event.data() else { continue };
        match str_of(&data["type"]) {
            "response.output_item.done" => output.push(data["item"].clone()),
            "response.completed" | "response.incomplete" => last = data["response"].clone(),
            _ => {}
        }
    }
    let ended = !last.is_null();
    if !output.is_empty() {
        last["output"] = json!(output);
    }
    Heard { ended, ..whole(&last) }
}

/// One of our own streams, followed as the SDKs do it, event by event.
#[derive(Default)]
struct Judge {
    sequence: u64,
    output: Vec<Slot>,
    last: Option<Value>,
    head: Vec<String>,
}

#[derive(Default)]
struct Slot {
    added: Value,
    done: Option<Value>,
    /// Of a message: text, refusal and whether it is done, and what was annotated.
    contents: Vec<(String, bool, bool, Vec<Value>)>,
    /// Of a thought, and whether its summary is open, or done.
    summary: String,
    summary_open: Option<bool>,
    arguments: String,
    arguments_done: bool,
}

impl Judge {
    fn slot(&mut self, data: &Value) -> &mut Slot {
        let at = data["output_index"].as_u64().expect("an index") as usize;
        let slot = self.output.get_mut(at).expect("an item that was added");
        assert!(slot.done.is_none(), "an item that is done");
        assert_eq!(slot.added["id"], data["item_id"], "the item's id");
        slot
    }

    fn follow(&mut self, data: &Value) {
        assert_eq!(data["sequence_number"].as_u64(), Some(self.sequence), "{data}");
        self.sequence += 1;
        assert!(self.last.is_none(), "after the last: {data}");
        let kind = str_of(&data["type"]).to_owned();
        if self.head.len() < 2 {
            assert_eq!(kind, ["response.created", "response.in_progress"][self.head.len()]);
            assert_eq!(data["response"]["status"], "in_progress");
            assert_eq!(data["response"]["output"], json!([]));
            self.head.push(str_of(&data["response"]["id"]).into());
            return;
        }
        let content = data["content_index"].as_u64().map(|at| at as usize);
        match &*kind {
            "response.output_item.added" => {
                assert_eq!(data["output_index"].as_u64(), Some(self.output.len() as u64));
                assert!(!str_of(&data["item"]["id"]).is_empty());
                self.output.push(Slot { added: data["item"].clone(), ..Slot::default() });
            }
            "response.content_part.added" => {
                let slot = self.slot(data);
                assert_eq!(content, Some(slot.contents.len()));
                slot.contents.push((String::new(), data["part"]["type"] == "refusal", false, Vec::new()));
            }
            "response.output_text.delta" | "response.refusal.delta" => {
                let part = &mut self.slot(data).contents[content.unwrap()];
                assert!(!part.2 && part.1 == kind.contains("refusal"));
                assert!(part.1 || data["logprobs"].is_array());
                part.0 += data["delta"].as_str().unwrap();
            }
            "response.output_text.annotation.added" => {
                let part = &mut self.slot(data).contents[content.unwrap()];
                assert_eq!(data["annotation_index"].as_u64(), Some(part.3.len() as u64));
                part.3.push(data["annotation"].clone());
            }
            "response.output_text.done" | "response.refusal.done" => {
                let part = &self.slot(data).contents[content.unwrap()];
                assert_eq!(data[if part.1 { "refusal" } else { "text" }], part.0);
            }
            "response.content_part.done" => {
                let part = &mut self.slot(data).contents[content.unwrap()];
                assert!(!std::mem::replace(&mut part.2, true));
                judge_part(&data["part"], part);
            }
            "response.reasoning_summary_part.added" => {
                assert_eq!(self.slot(data).summary_open.replace(true), None);
            }
            "response.reasoning_summary_text.delta" => {
                let slot = self.slot(data);
                assert_eq!((slot.summary_open, data["summary_index"].as_u64()), (Some(true), Some(0)));
                slot.summary += data["delta"].as_str().unwrap();
            }
            "response.reasoning_summary_text.done" => assert_eq!(data["text"], self.slot(data).summary),
            "response.reasoning_summary_part.done" => {
                let slot = self.slot(data);
                assert_eq!(data["part"], json!({"type": "summary_text", "text": slot.summary}));
                assert_eq!(slot.summary_open.replace(false), Some(true));
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                let slot = self.slot(data);
                assert!(!slot.arguments_done);
                assert_eq!(slot.added["type"] == "custom_tool_call", kind.contains("custom"));
                slot.arguments += data["delta"].as_str().unwrap();
            }
            "response.function_call_arguments.done" | "response.custom_tool_call_input.done" => {
                let slot = self.slot(data);
                let key = if kind.contains("custom") { "input" } else { "arguments" };
                assert_eq!(data[key], slot.arguments);
                slot.arguments_done = true;
            }
            "response.output_item.done" => {
                let at = data["output_index"].as_u64().unwrap() as usize;
                let slot = &mut self.output[at];
                judge_item(&data["item"], slot);
                assert!(slot.done.replace(data["item"].clone()).is_none(), "done twice");
            }
            "response.completed" | "response.incomplete" => {
                let response = &data["response"];
                assert_eq!(format!("response.{}", str_of(&response["status"])), kind);
                assert!(self.head.iter().all(|id| response["id"] == **id), "one id");
                let items: Vec<_> =
                    self.output.iter().map(|slot| slot.done.clone().expect("every item is done")).collect();
                assert_eq!(response["output"], json!(items), "the last event repeats what was done");
                for key in ["created_at", "model", "parallel_tool_calls", "tool_choice", "tools", "metadata"] {
                    assert!(!response[key].is_null(), "{key}");
                }
                self.last = Some(response.clone());
            }
            other => panic!("an event that no SDK knows: {other}"),
        }
    }
}

fn judge_part(part: &Value, held: &(String, bool, bool, Vec<Value>)) {
    if held.1 {
        assert_eq!(*part, json!({"type": "refusal", "refusal": held.0}));
    } else {
        assert_eq!(part["type"], "output_text");
        assert_eq!(part["text"], held.0, "the sum of the deltas");
        assert_eq!(part["annotations"], json!(held.3));
    }
}

fn judge_item(item: &Value, slot: &Slot) {
    for key in ["id", "type", "name", "namespace", "role"] {
        assert_eq!(item[key], slot.added[key], "{key}");
    }
    match str_of(&item["type"]) {
        "message" => {
            assert_eq!(item["role"], "assistant");
            assert_eq!(list(&item["content"]).len(), slot.contents.len());
            for (part, held) in list(&item["content"]).iter().zip(&slot.contents) {
                assert!(held.2, "a part is done before its item");
                judge_part(part, held);
            }
        }
        "reasoning" => {
            assert!(slot.summary_open != Some(true));
            let texts: Vec<_> = list(&item["summary"]).iter().map(|part| str_of(&part["text"])).collect();
            assert_eq!(texts.concat(), slot.summary);
        }
        "function_call" | "custom_tool_call" => {
            assert!(slot.arguments_done);
            let key = if item["type"] == "function_call" { "arguments" } else { "input" };
            assert_eq!(item[key], slot.arguments);
            assert!(!str_of(&item["call_id"]).is_empty());
            assert!(str_of(&item["call_id"]).starts_with(str_of(&slot.added["call_id"])));
        }
        // Others come whole.
        _ => assert_eq!(*item, slot.added),
    }
}

/// One of our own streams, which must hold all that is promised of it, of an answer whose calls have names.
pub fn written(body: &str) -> Heard {
    let heard = followed(body);
    assert!(heard.calls.iter().all(|call| !call.1.is_empty()), "a call without a name");
    heard
}

/// One of our own streams, whatever it was made of.
pub fn followed(body: &str) -> Heard {
    let mut judge = Judge::default();
    for event in events_of(body) {
        let data = event.data().unwrap_or_else(|| panic!("an event without data"));
        assert_eq!(event.name(), data["type"].as_str());
        judge.follow(&data);
    }
    match &judge.last {
        Some(response) => whole(response),
        None => Heard::default(),
    }
}
