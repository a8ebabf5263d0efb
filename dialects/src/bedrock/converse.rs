//! Bedrock Converse and ConverseStream. Only ever an upstream's format.
//!
//! Source: the Converse, ConverseStream and ContentBlock pages of the Amazon Bedrock API reference, and recorded traffic.
//! The model stands in the path. Bytes are base64 in JSON. What only some models take goes into
//! `additionalModelRequestFields`, in the words of each model's own vendor.

pub(crate) mod answer;
mod block;
pub(crate) mod fidelity;
mod formats;
mod model;
pub(crate) mod request;
pub(crate) mod stream;
mod words;
