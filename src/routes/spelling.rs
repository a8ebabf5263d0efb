//! Paths as they are spelled elsewhere: what each of them means here.
//!
//! A base URL with a slash too many, with the version twice or without it, Azure's paths, which name the model. Only what
//! the router does not know comes here, so a path that is spelled as we have it pays nothing for it. Always: `/metrics`
//! and whatever else is the operator's has one spelling, which a proxy in front can shut.

use std::borrow::Cow;

use dialects::{Dialect, Endpoint};

use crate::percent;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Takes a POST. `model`: the path names it, as Azure's do.
    Endpoint {
        endpoint: Endpoint,
        model: Option<String>,
    },
    /// Behind `models/`: a model's name, and perhaps one of Gemini's verbs.
    Model(String),
    Models,
    /// `/health` and the others that only look.
    Probe,
    Root,
    /// OpenAI's other socket, which is not served.
    Realtime,
}

/// Segments that a base URL may end with, or a vendor's path begin with, and that say nothing here. The last two are
/// ChatGPT's, as Codex asks for them: /backend-api/codex/responses.
const BASES: [&str; 8] = ["v1", "v1beta", "v1alpha", "openai", "anthropic", "gemini", "backend-api", "codex"];
/// Behind these a model stands, and then the endpoint: Azure's, and OpenAI's own until 2022.
const BY_MODEL: [&str; 2] = ["deployments", "engines"];

/// What a path means, if it is one of ours in another spelling.
pub fn read(path: &str) -> Option<Place> {
    let rest = path.trim_matches('/');
    if rest.is_empty() {
        return Some(Place::Root);
    }
    if super::PROBES.iter().any(|probe| probe.trim_start_matches('/') == rest) {
        return Some(Place::Probe);
    }
    let rest = below(rest);
    let (head, tail) = split(rest);
    if BY_MODEL.contains(&head) {
        // Where two slashes stand for a name that is empty, what follows is no name.
        let nameless = rest.get(head.len()..).is_some_and(|rest| rest.starts_with("//")) && endpoint(tail).is_some();
        return if nameless { None } else { by_model(tail) };
    }
    if let Some(endpoint) = endpoint(rest) {
        return Some(Place::Endpoint { endpoint, model: None });
    }
    match (head, tail) {
        ("models", "") => Some(Place::Models),
        // Azure's inference SDK: its base URL ends in /models.
        ("models", tail) => Some(match endpoint(tail) {
            Some(endpoint) => Place::Endpoint { endpoint, model: None },
            None => Place::Model(decoded(tail)?),
        }),
        ("realtime", "") => Some(Place::Realtime),
        _ => None,
    }
}

/// Whose error shape the callers of a path understand; None where it tells nothing.
pub fn dialect(path: &str) -> Option<Dialect> {
    let rest = path.trim_matches('/');
    let (head, tail) = split(below(rest));
    let gemini = |word: &str| ["v1beta", "v1alpha", "gemini"].iter().any(|known| word.eq_ignore_ascii_case(known));
    match head {
        "messages" => Some(Dialect::Anthropic),
        // Google's own path for OpenAI's clients begins with its version.
        "models" | "" if rest.split('/').any(gemini) => Some(Dialect::Gemini),
        "models" if verb(tail) => Some(Dialect::Gemini),
        _ if gemini(split(rest).0) && !rest.split('/').any(|word| word == "openai") => Some(Dialect::Gemini),
        _ => None,
    }
}

/// What follows the segments that say nothing.
fn below(mut rest: &str) -> &str {
    loop {
        let (head, tail) = split(rest);
        if tail.is_empty() || !BASES.iter().any(|base| head.eq_ignore_ascii_case(base)) {
            return rest;
        }
        rest = tail;
    }
}

/// The first segment and what is behind it, without the slashes between.
fn split(rest: &str) -> (&str, &str) {
    let (head, tail) = rest.split_once('/').unwrap_or((rest, ""));
    (head, tail.trim_start_matches('/'))
}

/// With one slash before each segment.
fn plain(rest: &str) -> String {
    let mut path = String::with_capacity(rest.len() + 1);
    for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
        path.push('/');
        path.push_str(segment);
    }
    path
}

fn endpoint(rest: &str) -> Option<Endpoint> {
    let path = plain(rest);
    // The versions are gone already: one more is none.
    Endpoint::from_path(&path).filter(|_| !path.starts_with("/v1/"))
}

/// A model, which may hold slashes, and the longest path of an endpoint behind it.
fn by_model(tail: &str) -> Option<Place> {
    let path = plain(tail);
    let ends = |endpoint: &Endpoint| {
        let model = path.strip_suffix(endpoint.path()).filter(|_| endpoint.path().starts_with('/'))?;
        Some((endpoint.path().len(), *endpoint, model.trim_start_matches('/')))
    };
    let (_, endpoint, model) = Endpoint::ALL.iter().filter_map(ends).max_by_key(|(length, ..)| *length)?;
    let known = Endpoint::from_path(endpoint.path()).is_some() && !model.is_empty();
    let model = decoded(model).filter(|_| known)?;
    Some(Place::Endpoint { endpoint, model: Some(model) })
}

fn verb(tail: &str) -> bool {
    tail.rsplit_once(':').is_some_and(|(_, verb)| Endpoint::from_verb(verb).is_some())
}

fn decoded(text: &str) -> Option<String> {
    match percent::decoded(text.as_bytes()) {
        Cow::Borrowed(_) => Some(text.to_owned()),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(endpoint: Endpoint, model: Option<&str>) -> Option<Place> {
        Some(Place::Endpoint { endpoint, model: model.map(str::to_owned) })
    }

    #[test]
    fn slashes_and_versions_too_many_say_nothing() {
        for path in [
            "//v1/chat/completions",
            "/v1//chat/completions",
            "/v1/chat//completions",
            "/v1/chat/completions/",
            "///V1/chat/completions//",
            "/v1/v1/chat/completions",
            "/v1/v1beta/chat/completions",
            "/v1beta/openai/chat/completions",
            "/openai/v1/chat/completions",
            "/openai/chat/completions",
            "/models/chat/completions",
        ] {
            assert_eq!(read(path), asks(Endpoint::Chat, None), "{path}");
        }
        assert_eq!(read("/backend-api/codex/responses"), asks(Endpoint::Responses, None));
        assert_eq!(read("/v1/messages/"), asks(Endpoint::Messages, None));
        assert_eq!(read("/v1/messages//count_tokens"), asks(Endpoint::CountTokens, None));
        assert_eq!(read("/anthropic/v1/messages"), asks(Endpoint::Messages, None));
        for path in ["/v1//models", "//v1/models", "/v1/models/", "/v1/v1/models", "/openai/models", "/v1beta//models"]
        {
            assert_eq!(read(path), Some(Place::Models), "{path}");
        }
        for path in ["//", "///"] {
            assert_eq!(read(path), Some(Place::Root), "{path}");
        }
        for path in ["/health/", "//livez"] {
            assert_eq!(read(path), Some(Place::Probe), "{path}");
        }
        for path in ["/realtime", "/v1/realtime/", "/openai/v1/realtime"] {
            assert_eq!(read(path), Some(Place::Realtime), "{path}");
        }
    }

    #[test]
    fn a_path_may_name_the_model() {
        for (path, endpoint, model) in [
            ("/openai/deployments/m/chat/completions", Endpoint::Chat, "m"),
            ("/openai/deployments/m/completions", Endpoint::Completions, "m"),
            ("//openai//deployments/a%2Fb/embeddings/", Endpoint::Embeddings, "a/b"),
            ("/v1/openai/deployments/groq/llama/chat/completions", Endpoint::Chat, "groq/llama"),
            ("/openai/deployments/chat/completions/chat/completions", Endpoint::Chat, "chat/completions"),
            ("/openai/deployments/m/audio/transcriptions", Endpoint::AudioTranscriptions, "m"),
            ("/openai/deployments/m/images/generations", Endpoint::ImagesGenerations, "m"),
            ("/v1/engines/m/embeddings", Endpoint::Embeddings, "m"),
            ("/openai/deployments/m/chat//completions", Endpoint::Chat, "m"),
            ("/openai/deployments/m//chat//completions", Endpoint::Chat, "m"),
            ("/openai//deployments//m//chat/completions", Endpoint::Chat, "m"),
            ("/v1/engines/a//b/audio//transcriptions", Endpoint::AudioTranscriptions, "a/b"),
            ("/openai/deployments//chat/chat/completions", Endpoint::Chat, "chat"),
        ] {
            assert_eq!(read(path.trim_end_matches('/')), asks(endpoint, Some(model)), "{path}");
            assert_eq!(read(path), asks(endpoint, Some(model)), "{path}");
        }
        for (path, model) in [
            ("/models/m:generateContent", "m:generateContent"),
            ("/v1beta//models/a/b:streamGenerateContent", "a/b:streamGenerateContent"),
            ("/V1beta/models/a%2Fb", "a/b"),
            ("/v1alpha/models/m", "m"),
        ] {
            assert_eq!(read(path), Some(Place::Model(model.to_owned())), "{path}");
        }
    }

    #[test]
    fn what_is_not_ours_stays_unknown_and_what_is_the_operators_has_one_spelling() {
        for path in [
            "/v2/chat/completions",
            "/v1",
            "/v1/",
            "/v1/chat",
            "/v1/Chat/Completions",
            "/v1/chat/completions/x",
            "/v1/./chat/completions",
            "/v1/../v1/chat/completions",
            "/v1%2Fchat/completions",
            "/chat/v1/completions",
            "//metrics",
            "/metrics/",
            "/v1/metrics",
            "/v1/health",
            "/openai/deployments/m",
            "/openai/deployments/m/converse",
            "/openai/deployments//chat/completions",
            "/openai/deployments//chat//completions",
            "/openai/deployments///completions",
            "/v1/engines//audio/transcriptions",
            "/openai/deployments/m:generateContent",
            "/openai/deployments/%ff/chat/completions",
            "/realtime/x",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_tells_whose_client_asks() {
        for (path, is) in [
            ("/v1beta/models", Some(Dialect::Gemini)),
            ("//V1beta/models/x", Some(Dialect::Gemini)),
            ("/models/x:generateContent", Some(Dialect::Gemini)),
            ("/v1beta/nothing", Some(Dialect::Gemini)),
            ("/v1beta/openai/chat/completions", None),
            ("/v1/messages/batches", Some(Dialect::Anthropic)),
            ("//v1/messages", Some(Dialect::Anthropic)),
            ("/v1/models", None),
            ("/v1/chat", None),
            ("/", None),
        ] {
            assert_eq!(dialect(path), is, "{path}");
        }
    }
}
