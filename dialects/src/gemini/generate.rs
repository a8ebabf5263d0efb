//! Gemini generateContent, by API key and on Vertex.
//!
//! Sources: <https://ai.google.dev/api/generate-content>, <https://ai.google.dev/api/caching#Content>, the discovery
//! document of `generativelanguage` v1beta and of `aiplatform` v1, and recorded traffic. JSON of protocol buffers: names
//! come in camel case or snake case, whole numbers also as strings or floats, enums also as numbers.
//!
//! What a reader does not know goes into [`crate::conversation::Extra`] by the path at which its own writer puts it
//! back (`generationConfig.mediaResolution`).

pub(crate) mod answer;
mod content;
pub(crate) mod fidelity;
mod grounding;
mod model;
pub(crate) mod number;
mod path;
mod put;
pub(crate) mod request;
mod schema;
pub(crate) mod stream;
mod words;
