//! OpenAI chat completions, and everyone who followed.

pub(crate) mod answer;
pub(crate) mod fidelity;
pub(crate) mod request;
pub(crate) mod stream;
