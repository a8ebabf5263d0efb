//! What a translation must be told, because the body does not say it.

use std::collections::BTreeSet;
use std::sync::Arc;

/// What stands beside a request's body: Gemini names the model in the path and the stream in the method.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    pub model: Option<&'a str>,
    pub stream: Option<bool>,
}

/// What an answer needs beside what the upstream said.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The model's name as the client knows it: what every answer says.
    pub model: String,
    /// Ours, of letters, digits and `-_`: ids that an upstream left out are made from it.
    pub request_id: String,
    /// A chat client asked for the usage of a stream.
    pub include_usage: bool,
    /// Seconds since 1970, for formats that say when.
    pub created: u64,
    /// A Gemini client wants the stream as a JSON array (no `alt=sse`).
    pub array: bool,
    /// Tools that the client takes for free-form ones ([`crate::conversation::Request::free_form`]). An upstream that
    /// knows only JSON calls them with an object whose one member is [`FREE_FORM`].
    pub free_form: Arc<BTreeSet<String>>,
}

/// The member that holds the text of a free-form call where arguments must be JSON.
pub const FREE_FORM: &str = "input";

impl Context {
    /// An id for what has none: the `n`th such thing of this answer.
    pub fn id(&self, prefix: &str, n: u32) -> String {
        format!("{prefix}{}_{n}", self.request_id)
    }
}
