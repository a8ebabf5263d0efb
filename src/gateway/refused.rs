//! When nothing answered: what the client is told. It helps the client and gives away nothing of us.

use actors::clock;
use actors::error::{Cause, ErrorAnswer, Failure, Refusal};
use actors::policy::Moment;
use actors::router::{self, Outlook};
use actors::table::{Deployment, Route};
use dialects::error::ErrorKind;
use dialects::fault::Fault;
use dialects::loss::{Field, Losses};
use dialects::translate;

use super::Unsayable;
use super::tally::Tally;

/// What goes back instead of an answer.
pub enum Refused {
    /// An upstream's own error, handed on as it is (masked).
    Relayed(Box<ErrorAnswer>),
    /// One of ours.
    Ours {
        kind: ErrorKind,
        message: String,
        /// Seconds until it is worth another try.
        retry_after: Option<u64>,
    },
}

impl Refused {
    fn ours(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Ours { kind, message: message.into(), retry_after: None }
    }
}

pub(super) fn decide(route: &Route, tally: Tally) -> Refused {
    let Tally { told, refusal, soonest, unsayable, client, .. } = tally;
    // What was left out of the plan counts too, and what has cooled down since.
    let now = clock::now();
    let soonest = match router::outlook(route, now, client, |_| false) {
        Outlook::Later(at) => Some(soonest.map_or(at, |known| known.min(at))),
        Outlook::Ready | Outlook::Never => soonest,
    };
    let Some(failure) = told else {
        return match unsayable {
            // Where another deployment is only busy, that is the answer: it may be able to say it.
            Some(unsayable) if refusal.is_none() => cannot_be_said(route, unsayable),
            Some(_) | None => nothing_ready(route, client, refusal, soonest),
        };
    };
    let model = &route.model;
    match failure.cause {
        Cause::Status(status, fault) => at_fault(route, status.as_u16(), fault, failure, soonest),
        Cause::InBand(fault) => {
            let status = failure.answer.as_ref().map_or(502, |answer| answer.status.as_u16());
            at_fault(route, status, fault, failure, soonest)
        }
        Cause::FirstByteTimeout | Cause::Deadline | Cause::Idle | Cause::ConnectTimeout => Refused::ours(
            ErrorKind::UpstreamTimeout,
            format!("the provider of the model `{model}` did not answer in time"),
        ),
        Cause::Connect => {
            Refused::ours(ErrorKind::BadGateway, format!("the provider of the model `{model}` cannot be reached"))
        }
        Cause::NoFiles => Refused::Ours {
            kind: ErrorKind::Unavailable,
            message: "the gateway holds as many connections as it may; try again in a moment".to_owned(),
            retry_after: Some(1),
        },
        Cause::UploadBroken => Refused::ours(
            ErrorKind::BadGateway,
            "the provider stopped reading the request before its end, and its answer was lost with the connection; it may be too large for it",
        ),
        Cause::UploadEnded => Refused::ours(ErrorKind::InvalidRequest, "the upload ended before its announced length"),
        Cause::UploadStalled => Refused::ours(ErrorKind::RequestTimeout, "the upload did not come in time"),
        Cause::UploadTooLarge => Refused::ours(ErrorKind::TooLarge, "the upload is larger than this gateway takes"),
        Cause::NoRoom => no_room(),
        Cause::Panic => Refused::ours(ErrorKind::Internal, "an internal error; it has been logged"),
        Cause::NoToken => Refused::ours(
            ErrorKind::BadGateway,
            format!(
                "there is no access token for the provider of the model `{model}` now; this is the operator's to mend"
            ),
        ),
        Cause::Redirect => Refused::ours(
            ErrorKind::BadGateway,
            format!("the provider of the model `{model}` answered with a redirect, which is not followed"),
        ),
        Cause::NotAnAnswer(what) => Refused::ours(
            ErrorKind::BadGateway,
            format!("the provider of the model `{model}` answered with {what} and not with what was asked for"),
        ),
        Cause::Reset | Cause::Protocol | Cause::CutEarly | Cause::Cut | Cause::FailedLate => Refused::ours(
            ErrorKind::BadGateway,
            format!("the provider of the model `{model}` broke off without an answer"),
        ),
    }
}

/// No deployment of the route could be asked.
fn cannot_be_said(route: &Route, unsayable: Unsayable) -> Refused {
    let model = &route.model;
    match unsayable {
        Unsayable::NotServed => Refused::ours(
            ErrorKind::InvalidRequest,
            format!("the provider of the model `{model}` does not serve this kind of request"),
        ),
        Unsayable::Bad(bad) => Refused::ours(ErrorKind::InvalidRequest, bad.text()),
        Unsayable::Refused(refused) => Refused::ours(ErrorKind::InvalidRequest, refusal(&refused)),
        Unsayable::Unfetched(unfetched) if unfetched.why.is_ours() => {
            Refused::Ours { kind: ErrorKind::Unavailable, message: unfetched.text(), retry_after: Some(1) }
        }
        Unsayable::Unfetched(unfetched) => Refused::ours(ErrorKind::InvalidRequest, unfetched.text()),
        Unsayable::NoRoom => no_room(),
    }
}

/// `buffer_budget` is used up for the moment.
fn no_room() -> Refused {
    Refused::Ours {
        kind: ErrorKind::Unavailable,
        message: "the gateway holds as much of requests and answers as it may; try again in a moment".to_owned(),
        retry_after: Some(1),
    }
}

/// What cannot be said, and the way out where there is one.
fn refusal(refused: &translate::Refused) -> String {
    let by_url = |lost: &Losses| lost.has(Field::ImageUrls) || lost.has(Field::DocumentUrls);
    match refused {
        // With it they would not have been lost.
        translate::Refused::Lost(lost) if by_url(lost) => {
            format!("{} With `fetch_urls` the gateway fetches what is behind a URL.", refused.text())
        }
        refused => refused.text(),
    }
}

/// The upstream said itself what was wrong.
fn at_fault(route: &Route, status: u16, fault: Fault, failure: Failure, soonest: Option<Moment>) -> Refused {
    let model = &route.model;
    // None where it could not be read. An error page of something in between says nothing to an SDK, and may say too
    // much of the inside.
    let answer = failure.answer.filter(|answer| !is_page(&answer.body));
    match (fault, answer) {
        (Fault::Client | Fault::ModelMissing | Fault::NotServed, Some(answer)) => Refused::Relayed(answer),
        // A 401 would read as if the client's token were wrong, a 402 as if it were to pay.
        (Fault::Forbidden, Some(answer)) if !matches!(status, 401 | 402) => Refused::Relayed(answer),
        (Fault::Forbidden, _) => Refused::ours(
            ErrorKind::BadGateway,
            format!(
                "the provider of the model `{model}` does not allow this request with the gateway's key (status {status})"
            ),
        ),
        (Fault::Client, None) => Refused::ours(
            match status {
                413 => ErrorKind::TooLarge,
                415 => ErrorKind::UnsupportedMediaType,
                _ => ErrorKind::InvalidRequest,
            },
            format!("the provider of the model `{model}` refused the request with status {status}"),
        ),
        (Fault::RateLimited, _) => limited(route, "rate limited by its provider", soonest, failure.retry_after_ms),
        (Fault::Credit, _) => no_credit(route),
        (Fault::Key, _) => bad_key(route),
        (Fault::ModelMissing, None) => Refused::ours(
            ErrorKind::ModelNotFound,
            format!("the provider does not know the model `{model}` (status {status})"),
        ),
        (Fault::NotServed, None) => Refused::ours(
            ErrorKind::BadGateway,
            format!("the provider of the model `{model}` does not serve this kind of request (status {status})"),
        ),
        (Fault::Upstream, answer) => {
            let said = answer.as_deref().and_then(said);
            broken(route, status, soonest, failure.retry_after_ms, said.as_deref())
        }
    }
}

/// Never the upstream's own 401, which would read as if the client's token were wrong.
fn bad_key(route: &Route) -> Refused {
    let model = &route.model;
    Refused::ours(
        ErrorKind::BadGateway,
        format!("the provider of the model `{model}` refused the gateway's key; this is the operator's to mend"),
    )
}

fn no_credit(route: &Route) -> Refused {
    let model = &route.model;
    Refused::ours(
        ErrorKind::BadGateway,
        format!("the account behind the model `{model}` has no credit left; this is the operator's to mend"),
    )
}

/// HTML or XML: not of an API, but of a server in front of it.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// The words of an upstream's error, for a place that holds only words.
pub fn words(answer: &ErrorAnswer) -> String {
    let read: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let message =
        read.as_ref().and_then(|value| value.pointer("/error/message").or_else(|| value.get("message"))?.as_str());
    message.map_or_else(
        || format!("the provider refused the request with status {}", answer.status.as_u16()),
        str::to_owned,
    )
}

/// What a provider says of its failure, for the client: local servers say with a 500 what they cannot do with the request.
/// Of JSON alone, masked, short, and without addresses of the inside.
fn said(answer: &ErrorAnswer) -> Option<String> {
    let said = translate::error(answer.status.as_u16(), &answer.body).message;
    let shown: Vec<&str> = said.split_whitespace().map(|word| if is_address(word) { "***" } else { word }).collect();
    (!shown.is_empty()).then(|| shown.join(" "))
}

/// A URL, a host with its port, an address, a name of an inner network, a path: as a word, or behind what it is called.
fn is_address(word: &str) -> bool {
    const INNER: [&str; 8] =
        [".internal", ".corp", ".local", ".lan", ".intranet", ".localdomain", ".svc", ".home.arpa"];
    let mut parts = word.split(['=', '@', ',', ';', '(', ')']);
    let named = |part: &str| part.split_once(':').is_some_and(|(_, address)| is_host(address));
    let inner = |part: &str| {
        part.split([':', '/']).any(|host| {
            let host = host.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
            INNER.iter().any(|ending| host.ends_with(ending)) || host.contains(".internal.") || host.contains(".svc.")
        })
    };
    word.contains("://") || parts.any(|part| is_host(part) || named(part) || inner(part))
}

fn is_host(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '[');
    let host = bare.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    // A name like `worker-3:8000`; `max_tokens:4096` is none.
    let is_machine = |host: &str| {
        host.contains('-')
            && host.bytes().any(|b| b.is_ascii_alphabetic())
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    bare.parse::<std::net::IpAddr>().is_ok()
        || host.is_some_and(|(host, port)| {
            host.contains(['.', '[']) || host == "localhost" || port.len() >= 4 && is_machine(host)
        })
        || (bare.starts_with('/') && bare.matches('/').count() > 1)
}

/// A provider's 5xx, after everything was tried: its status where clients know it, and its words. One that says when to
/// come back is out of service until then, whatever number it says it with.
fn broken(route: &Route, status: u16, soonest: Option<Moment>, hint_ms: Option<u64>, said: Option<&str>) -> Refused {
    let model = &route.model;
    let said = said.map(|said| format!(": {said}")).unwrap_or_default();
    // Inside a 200 it may name none.
    let how = if status == 200 { "reported an error".to_owned() } else { format!("failed with status {status}") };
    let message = format!("the provider of the model `{model}` {how}{said}");
    match status {
        _ if hint_ms.is_some() && soonest.is_some() => {
            Refused::Ours { kind: ErrorKind::Unavailable, message, retry_after: Some(wait(soonest)) }
        }
        503 | 529 => Refused::Ours { kind: ErrorKind::Unavailable, message, retry_after: Some(wait(soonest)) },
        408 | 504 | 524 => Refused::ours(ErrorKind::UpstreamTimeout, message),
        500 => Refused::ours(ErrorKind::Internal, message),
        _ => Refused::ours(ErrorKind::BadGateway, message),
    }
}

fn limited(route: &Route, why: &str, soonest: Option<Moment>, hint_ms: Option<u64>) -> Refused {
    let from_hint = hint_ms.map(|hint| hint.div_ceil(1000).clamp(1, longest_hint(route)));
    let model = &route.model;
    Refused::Ours {
        kind: ErrorKind::RateLimited,
        message: format!("the model `{model}` is {why}"),
        retry_after: Some(soonest.map_or(from_hint.unwrap_or(1), |_| wait(soonest))),
    }
}

/// How far a provider's hint is believed, in seconds.
fn longest_hint(route: &Route) -> u64 {
    let longest =
        route.targets.iter().map(|(deployment, _)| deployment.provider.config.max_retry_after.as_secs()).max();
    longest.unwrap_or(60).max(1)
}

fn nothing_ready(route: &Route, client: u64, refused: Option<Refusal>, soonest: Option<Moment>) -> Refused {
    let model = &route.model;
    if refused == Some(Refusal::Unfit) {
        return Refused::ours(
            ErrorKind::InvalidRequest,
            format!("the name of the model `{model}` cannot be sent to its provider"),
        );
    }
    // Out of quota is the client's to wait for; broken or without a good key is ours to say.
    match why(route, client, refused) {
        Why::Quota => limited(route, "out of quota for the moment", soonest, None),
        Why::Busy => Refused::Ours {
            kind: ErrorKind::Unavailable,
            message: format!("every deployment of the model `{model}` is at its limit of requests in flight"),
            retry_after: Some(1),
        },
        Why::BadKeys => bad_key(route),
        Why::NoCredit => no_credit(route),
        Why::Broken => Refused::Ours {
            kind: ErrorKind::Unavailable,
            message: format!("every deployment of the model `{model}` is out of service for the moment"),
            retry_after: Some(wait(soonest)),
        },
    }
}

enum Why {
    Quota,
    Busy,
    /// To come back in a moment would not help: it takes the operator.
    BadKeys,
    NoCredit,
    Broken,
}

/// If one deployment only waits for its quota, that is the answer: it comes back by itself. What no wait will mend is
/// the answer only where it holds of all.
fn why(route: &Route, client: u64, refused: Option<Refusal>) -> Why {
    match refused {
        Some(Refusal::Quota(_)) => return Why::Quota,
        Some(Refusal::Busy) => return Why::Busy,
        Some(Refusal::Open(_) | Refusal::Cooling(_) | Refusal::Unfit | Refusal::Panicked) | None => {}
    }
    let now = clock::now();
    let mut all: Vec<&Deployment> = deployments(route).collect();
    if all.iter().any(|deployment| deployment.waits_for_quota(client, now)) {
        return Why::Quota;
    }
    all.retain(|deployment| !deployment.is_ready_for(client, now));
    let fault = |deployment: &&Deployment| deployment.health.fault_of_keys(client, &deployment.provider.health, now);
    let faults: Option<Vec<Fault>> = all.iter().map(fault).collect();
    match faults.as_deref() {
        None | Some([]) => Why::Broken,
        Some(faults) if faults.iter().all(|fault| *fault == Fault::Credit) => Why::NoCredit,
        Some(_) => Why::BadKeys,
    }
}

/// A route's and those of what follows.
fn deployments(route: &Route) -> impl Iterator<Item = &Deployment> {
    let follows = route.follows.iter().flat_map(|next| &next.targets);
    route.targets.iter().chain(follows).map(|(deployment, _)| &**deployment)
}

fn wait(soonest: Option<Moment>) -> u64 {
    soonest.map_or(1, |soonest| super::seconds(soonest.since(clock::now())))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_of_the_inside_and_nothing_else() {
        for word in [
            "http://10.0.0.3:11434/api",
            "vllm-worker-3:8000,",
            "addr=10.2.3.4:8000;",
            "host:10.2.3.5",
            "upstream=gpu.internal.corp",
            "(db.internal)",
            "vllm.default.svc.cluster.local:80",
            "path=/opt/secret/x.gguf",
            "postgres@db.internal:5432",
            "\"/opt/app/x.py\",",
            "[::1]:8000",
            "localhost:11434.",
        ] {
            assert!(is_address(word), "{word}");
        }
        for word in [
            "max_tokens:4096",
            "top-k:40",
            "n_ctx=8192,",
            "and/or",
            "v1.2",
            "3.5",
            "gpt-4o",
            "qwen3:8b",
            "12:30:05",
            "internal",
            "local,",
            "e.g.",
            "key=value",
            "(status:500)",
        ] {
            assert!(!is_address(word), "{word}");
        }
    }
}
