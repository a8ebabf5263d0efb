//! Whether an error says that the upstream does not have the model.

use super::Told;

impl Told {
    pub(in crate::fault) fn is_missing_model(&self) -> bool {
        if self.has(CODES) || self.begins(SAYS_IT) {
            return true;
        }
        // Anthropic says no more than the name.
        if self.has(&["not_found_error"]) && self.begins(&["model: "]) {
            return true;
        }
        // Bedrock has it by a profile alone; the apostrophe is one or the other.
        if self.begins(&["Invocation of model ID "]) && self.message.contains(" with on-demand throughput isn") {
            return true;
        }
        // OpenRouter puts the name in front.
        if self.message.strip_suffix(" is not a valid model ID").is_some_and(|name| !name.contains(' ')) {
            return true;
        }
        if !self.begins(NAMED) {
            return false;
        }
        let message = self.message.to_ascii_lowercase();
        MISSING.iter().any(|text| message.contains(text))
    }
}

const CODES: &[&str] = &[
    "model_not_found",
    "model_not_active",
    "model_decommissioned",
    "invalid_model",
    "deploymentnotfound",
    "model_not_available",
    "model_terms_required",
    "model_permission_blocked_org",
    "model_permission_blocked_project",
    // GitHub Models.
    "unknown_model",
    // Azure: the deployment's model does not do this at all.
    "operationnotsupported",
];

/// Beginnings that say all of it.
const SAYS_IT: &[&str] = &[
    // DeepSeek lists what it has; Bedrock names nothing.
    "The supported API model names are",
    "The provided model identifier is invalid",
    "You don't have access to the model with the specified model ID",
    // Workers AI, LiteLLM.
    "No such model",
    "AiError: No such model",
    "There are no healthy deployments for this model",
    // Zhipu, 1211 (<https://docs.bigmodel.cn/cn/api/api-code>).
    "模型不存在",
];

/// Beginnings that name it ...
const NAMED: &[&str] = &[
    "The model ",
    "The requested model ",
    "Model ",
    "models/",
    "This model ",
    "Specified model ",
    "No endpoints found",
    "The API deployment ",
    "Publisher Model",
    "unknown model",
    "invalid model",
];

/// ... and what is said of it, in lower case.
const MISSING: &[&str] = &[
    "not found",
    "does not exist",
    "not exist",
    "not supported",
    "decommissioned",
    "deprecated",
    "no longer available",
    "reached the end of its life",
    "no endpoints found",
    "unknown model",
    "invalid model",
];

#[cfg(test)]
mod tests {
    use crate::fault::{Fault, judge};

    #[test]
    fn a_model_that_is_not_there_is_said_in_many_words() {
        for (status, body) in [
            (
                400,
                r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","code":"invalid_request_error"}}"#,
            ),
            (400, r#"{"error":{"code":"unknown_model","message":"Unknown model: x","details":"Unknown model: x"}}"#),
            (400, r#"{"error":{"message":"Unknown model: x"}}"#),
            (400, r#"{"error":{"code":"1211","message":"Unknown Model, please check the model code."}}"#),
            (400, r#"{"error":{"code":"1211","message":"模型不存在，请检查模型代码。"}}"#),
            (400, r#"{"error":{"message":"invalid model: foo"}}"#),
            (400, r#"{"error":{"message":"Invalid model name passed in model=foo","code":"400"}}"#),
            (400, r#"{"object":"error","message":"Invalid model: foo","type":"invalid_model","code":"1500"}"#),
            (
                400,
                r#"{"errors":[{"message":"AiError: No such model: No such model @cf/x or task","code":5007}],"success":false}"#,
            ),
            (400, r#"{"errors":[{"message":"Model not found: x/y","code":2008}],"success":false}"#),
            (
                400,
                r#"{"error":{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with the specified model, x. Please choose different model and try again."}}"#,
            ),
            (
                400,
                r#"{"message":"Invocation of model ID x with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."}"#,
            ),
            (
                410,
                r#"{"status":410,"title":"Gone","detail":"The model 'x' has reached its end of life on 2025-10-01T09:00:00Z and is no longer available."}"#,
            ),
        ] {
            assert_eq!(judge(status, body.as_bytes()), Fault::ModelMissing, "{body}");
        }
        for body in [
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
            r#"{"error":{"message":"Unknown parameter: 'unknown model'"}}"#,
        ] {
            assert_eq!(judge(400, body.as_bytes()), Fault::Client, "{body}");
        }
    }
}
