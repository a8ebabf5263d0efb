//! Ids for calls of formats that have none, so that each result finds its call in a format that demands them.
//!
//! A result without an id answers the first call of its name that none has answered yet, as the formats without ids
//! have it: results come in the order of the calls.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Call, ToolResult};

/// Walks through a conversation in its order.
#[derive(Debug, Default)]
pub struct Pairing {
    made: u32,
    /// Calls with a made id and no result yet: number and name, and the numbers of each name.
    open: BTreeMap<u32, String>,
    named: HashMap<String, VecDeque<u32>>,
}

impl Pairing {
    /// The call's id, or one that is made for it.
    pub fn call<'c>(&mut self, call: &'c Call<'_>) -> Cow<'c, str> {
        if !call.id.is_empty() {
            return Cow::Borrowed(&call.id);
        }
        self.made += 1;
        self.open.insert(self.made, call.name.to_string());
        self.named.entry(call.name.to_string()).or_default().push_back(self.made);
        Cow::Owned(id(self.made))
    }

    /// The id of the call that the result answers.
    pub fn result<'r>(&mut self, result: &'r ToolResult<'_>) -> Cow<'r, str> {
        if !result.id.is_empty() {
            return Cow::Borrowed(&result.id);
        }
        let first = || self.open.first_key_value().map(|(number, _)| *number);
        let number = self.named.get(&*result.name).and_then(VecDeque::front).copied().or_else(first);
        match number {
            Some(number) => {
                let name = self.open.remove(&number).unwrap_or_default();
                // Of its name it is the first, too.
                self.named.get_mut(&name).and_then(VecDeque::pop_front);
                Cow::Owned(id(number))
            }
            // A result of no call: some id, which the upstream may refuse.
            None => {
                self.made += 1;
                Cow::Owned(id(self.made))
            }
        }
    }
}

fn id(number: u32) -> String {
    format!("call_{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_find_the_calls_of_their_name_in_order() {
        let call = |id: &'static str, name: &'static str| Call {
            id: id.into(),
            name: name.into(),
            arguments: "".into(),
            free_form: false,
        };
        let result = |id: &'static str, name: &'static str| ToolResult {
            id: id.into(),
            name: name.into(),
            parts: Vec::new(),
            is_error: false,
            free_form: false,
        };
        let mut pairing = Pairing::default();
        assert_eq!(pairing.call(&call("own", "a")), "own");
        assert_eq!(pairing.call(&call("", "a")), "call_1");
        assert_eq!(pairing.call(&call("", "b")), "call_2");
        assert_eq!(pairing.call(&call("", "a")), "call_3");
        assert_eq!(pairing.result(&result("", "b")), "call_2");
        assert_eq!(pairing.result(&result("own", "a")), "own");
        assert_eq!(pairing.result(&result("", "a")), "call_1");
        assert_eq!(pairing.result(&result("", "other")), "call_3");
        assert_eq!(pairing.result(&result("", "a")), "call_4");
    }
}
