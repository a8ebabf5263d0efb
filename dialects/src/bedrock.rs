//! Amazon Bedrock.

pub(crate) mod converse;
