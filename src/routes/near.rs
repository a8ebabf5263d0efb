//! What is said of a path that nobody serves here: the nearest one that is, then all of them. Never the path itself.

use dialects::Endpoint;

const SERVED: &str = "POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses, \
    /v1/moderations, /v1/rerank, /v1/images/generations, /v1/images/edits, /v1/images/variations, /v1/audio/speech, \
    /v1/audio/transcriptions, /v1/audio/translations, /v1/messages, /v1/messages/count_tokens, \
    /v1beta/models/{model}:generateContent, :streamGenerateContent, :countTokens, :embedContent, :batchEmbedContents; \
    GET /v1/models, /v1/models/{id}, /health, /livez, /readyz, /metrics";
/// What is only looked at, below the version.
const LOOKS: [(&str, &str); 6] = [
    ("/models", "GET /v1/models"),
    ("/health", "GET /health"),
    ("/livez", "GET /livez"),
    ("/readyz", "GET /readyz"),
    ("/metrics", "GET /metrics"),
    ("/ping", "GET /ping"),
];
/// A path is compared as far as this: the cost stays bounded.
const COMPARED: usize = 128;
/// How near (Jaro-Winkler) a path must be to be taken for a slip.
const NEAR: f64 = 0.9;

pub fn told(path: &str) -> String {
    let plain = plain(path);
    if let Some(endpoint) = appended_twice(&plain) {
        return format!(
            "this path is not served: the base URL seems to name an endpoint already; end it at /v1 (the path is then /v1{}). \
             Served are: {SERVED}",
            endpoint.path()
        );
    }
    match nearest(&plain) {
        Some(near) => format!("this path is not served; did you mean {near}? Served are: {SERVED}"),
        None => format!("this path is not served; what is: {SERVED}"),
    }
}

/// In lower case, one slash at a time, without the version.
fn plain(path: &str) -> String {
    let path: String = path.chars().take(COMPARED).flat_map(char::to_lowercase).collect();
    let mut plain = String::with_capacity(path.len());
    let says_nothing = |segment: &&str| ["", "v1", "v2", "v1beta", "api", "openai"].contains(segment);
    for segment in path.split('/').filter(|segment| !says_nothing(segment)) {
        plain.push('/');
        plain.push_str(segment);
    }
    plain
}

fn posts() -> impl Iterator<Item = Endpoint> {
    Endpoint::ALL.into_iter().filter(|endpoint| Endpoint::from_path(endpoint.path()).is_some())
}

/// An SDK appends its endpoint to a base URL; the last one is what it asks for.
fn appended_twice(plain: &str) -> Option<Endpoint> {
    let named = |before: &str| posts().any(|endpoint| before.ends_with(endpoint.path()));
    let ends = posts().filter(|endpoint| plain.strip_suffix(endpoint.path()).is_some_and(named));
    ends.max_by_key(|endpoint| endpoint.path().len())
}

fn nearest(plain: &str) -> Option<String> {
    let posts = posts().map(|endpoint| (endpoint.path(), None));
    let looks = LOOKS.iter().map(|(path, told)| (*path, Some(*told)));
    let begins = |path: &str| !plain.is_empty() && path.strip_prefix(plain).is_some_and(|rest| rest.starts_with('/'));
    let score = |path: &str| if begins(path) { 1.0 } else { strsim::jaro_winkler(plain, path) };
    let scored = posts.chain(looks).map(|(path, told)| (score(path), path, told));
    let (_, path, told) = scored.filter(|(score, ..)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(told.map_or_else(|| format!("POST /v1{path}"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_with_what_was_meant() {
        for (path, near) in [
            ("/v1/chat/completion", "POST /v1/chat/completions?"),
            ("/v2/chat/completions", "POST /v1/chat/completions?"),
            ("/api/v1/Chat/Completions", "POST /v1/chat/completions?"),
            ("/v1/chat", "POST /v1/chat/completions?"),
            ("/v1/embedding", "POST /v1/embeddings?"),
            ("/v1/message", "POST /v1/messages?"),
            ("/v1/response", "POST /v1/responses?"),
            ("/v1/model", "GET /v1/models?"),
            ("/healthcheck", "GET /health?"),
            ("/v1/metrics", "GET /metrics?"),
            ("/v1/audio/transcription", "POST /v1/audio/transcriptions?"),
        ] {
            assert!(told(path).contains(&format!("did you mean {near}")), "{path}: {}", told(path));
        }
        for path in ["/", "/v1", "/v1/files", "/v1/batches", "/admin", "/favicon.ico", "/v1/threads", "/x"] {
            assert!(told(path).starts_with("this path is not served; what is: POST"), "{path}: {}", told(path));
        }
    }

    #[test]
    fn a_base_url_that_names_an_endpoint_is_told() {
        for path in
            ["/v1/chat/completions/chat/completions", "/v1/messages/v1/messages", "/chat/completions/v1/embeddings"]
        {
            assert!(told(path).contains("end it at /v1"), "{path}: {}", told(path));
        }
    }

    #[test]
    fn a_long_path_is_not_repeated_and_costs_little() {
        let path = format!("/v1/sk-secret{}", "/chat/completions".repeat(4000));
        assert!(told(&path).len() < 1000 && !told(&path).contains("sk-secret"));
    }
}
