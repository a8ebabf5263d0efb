//! Whose limit or budget LiteLLM says is used up.
//!
//! Some belong to the key and whoever has it (`api_key`, `user`, `team`, `team_member`, `project`, `organization`). Others
//! belong to what a request names by members of its own: its tags, its end user (`user`), its session. Who used up such a one has
//! used up nobody else's. (`litellm/proxy/auth/auth_checks.py`, `litellm/proxy/hooks/`.)

use super::Told;

impl Told {
    /// Of what the request names: its tags, its end user, its session.
    pub(in crate::fault) fn is_requests_limit(&self) -> bool {
        self.begins(OF_REQUEST)
            || (self.begins(REACHED) && self.first_is(" Hit limit for ", &["customer: ", "end_user: "]))
    }

    /// A budget of some of the key's models.
    pub(in crate::fault) fn is_groups_budget(&self) -> bool {
        self.says(&["Budget has been exceeded! Model access group=", "ExceededModelBudget: "])
            || (self.says(&["LiteLLM Virtual Key: ", "LiteLLM User: ", "LiteLLM Team: "])
                && self.message.contains(", exceeded budget for model="))
    }

    /// Of the key, or of who has it.
    pub(super) fn is_keys_budget(&self) -> bool {
        self.says(OF_KEY)
    }

    /// What follows where the words are for the first time; behind them anybody may be quoted.
    fn first_is(&self, words: &str, what: &[&str]) -> bool {
        self.message.split_once(words).is_some_and(|(_, rest)| what.iter().any(|what| rest.starts_with(what)))
    }
}

const OF_REQUEST: &[&str] = &[
    "Budget has been exceeded! Tag=",
    "Budget has been exceeded! End User=",
    "ExceededBudget: End User=",
    "Authentication Error, ExceededBudget: End User=",
    "LiteLLM End User: ",
    "Rate limit exceeded for end_user: ",
    "Rate limit exceeded for agent_session: ",
    "Session budget exceeded for session ",
    "Max iterations exceeded for session ",
    // A document as it was, or as Python prints it.
    "tag_rate_limit_exceeded",
    "{'error': 'tag_rate_limit_exceeded'",
    "{\"error\": \"tag_rate_limit_exceeded\"",
];

/// The older limiter, which names whose limit it is at the end.
const REACHED: &[&str] = &["Max parallel request limit reached", "Crossed TPM"];

const OF_KEY: &[&str] = &[
    "Budget has been exceeded! Current cost",
    "Budget has been exceeded! Current spend",
    "Budget has been exceeded! Key=",
    "Budget has been exceeded! Team=",
    "Budget has been exceeded! User=",
    "Budget has been exceeded! Project=",
    "Budget has been exceeded! Organization=",
    "ExceededBudget: User=",
    "ExceededTokenBudget: ",
];

#[cfg(test)]
mod tests {
    use crate::fault::{Fault, judge};

    fn of(status: u16, message: &str) -> Fault {
        let body = serde_json::json!({ "error": { "message": message, "type": "t", "param": null, "code": "429" } });
        judge(status, body.to_string().as_bytes())
    }

    #[test]
    fn what_one_request_names_uses_up_nobody_elses_limit() {
        let resets = "Limit type: requests. Current limit: 1, Remaining: 0. Limit resets at: 2027-01-01 00:00:00 UTC";
        for message in [
            format!("Rate limit exceeded for end_user: evil. {resets}"),
            format!("Rate limit exceeded for agent_session: a:b. {resets}"),
            "Budget has been exceeded! End User=evil Current cost: 2, Max budget: 1".to_owned(),
            "Budget has been exceeded! Tag=evil Current cost: 2, Max budget: 1".to_owned(),
            "ExceededBudget: End User=evil over budget. Spend=2, Budget=1".to_owned(),
            "LiteLLM End User: evil, exceeded budget for model=gpt-5".to_owned(),
            "Session budget exceeded for session evil. Current spend: $2.0000, max_budget_per_session: $1.00."
                .to_owned(),
            "Max iterations exceeded for session evil. Current count: 26, max_iterations: 25.".to_owned(),
            "Max parallel request limit reached. Hit limit for customer: evil. tpm_limit: 1".to_owned(),
            "{'error': 'tag_rate_limit_exceeded', 'type': 'tokens', 'tag_id': 'x', 'tag_value': 'evil'}".to_owned(),
        ] {
            for status in [400, 429, 200] {
                assert_eq!(of(status, &message), Fault::Client, "{status} {message}");
            }
            // Its 401 would read as if the client's token were wrong.
            assert_eq!(of(401, &message), Fault::Forbidden, "{message}");
        }
    }

    #[test]
    fn what_belongs_to_the_key_is_told_apart() {
        for (message, fault) in [
            ("Rate limit exceeded for api_key: 1. Limit type: tokens.", Fault::RateLimited),
            ("Rate limit exceeded for user: 1. Limit type: tokens.", Fault::RateLimited),
            ("Rate limit exceeded for team: 1. Limit type: tokens.", Fault::RateLimited),
            ("Rate limit exceeded for team_member: 1:2. Limit type: tokens.", Fault::RateLimited),
            ("Rate limit exceeded for model_per_key: 1:gpt-5. Limit type: tokens.", Fault::RateLimited),
            (
                "Max parallel request limit reached Hit limit for api_key: 1. Hit limit for customer: x",
                Fault::RateLimited,
            ),
            ("ExceededBudget: User=u over budget. Spend=2, Budget=1", Fault::Credit),
            ("Budget has been exceeded! User=u in Team=t Current cost: 2, Max budget: 1", Fault::Credit),
            ("LiteLLM Virtual Key: k, key_alias: a, exceeded budget for model=gpt-5", Fault::NotServed),
            ("LiteLLM User: u, exceeded budget for model=gpt-5", Fault::NotServed),
        ] {
            assert_eq!(of(429, message), fault, "{message}");
        }
    }
}
