//! What a provider serves, asked of itself: `GET /models`, which no vendor bills.

use std::time::Duration;

use awc::{Client, Connector};
use config::Kind;
use futures::StreamExt;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};

use crate::connection;
use crate::headers::{ANTHROPIC_2023, ANTHROPIC_VERSION};
use crate::provider::{Provider, Unlisted};

/// The longest list that is read: OpenRouter's, the longest known, is about 600 KiB.
const MAX_LIST: usize = 8 * 1024 * 1024;
/// For the whole list.
const TIME: Duration = Duration::from_secs(20);

/// There is no list.
#[derive(Debug)]
pub struct NoList {
    /// A few words for the log; nothing of the upstream's text.
    pub why: String,
    pub how: Unlisted,
}

impl NoList {
    fn unreached(why: &str) -> Self {
        Self { why: why.to_owned(), how: Unlisted::Unreached }
    }

    fn answered(why: impl Into<String>) -> Self {
        Self { why: why.into(), how: Unlisted::Answered }
    }
}

/// The names of a provider's models, asked for with its first key, then with the next where that one may not ask.
///
/// # Errors
/// When it names none.
pub async fn list(provider: &Provider) -> Result<Vec<Box<str>>, NoList> {
    let connector = Connector::new().connector(provider.dialer.clone()).timeout(provider.config.timeouts.connect);
    let client = Client::builder().connector(connector).timeout(TIME).disable_redirects().no_default_headers().finish();
    let mut refused = Err(NoList::unreached("there is no key"));
    for credential in &provider.credentials {
        match ask(provider, &client, credential.header()).await? {
            Asked::Names(names) => return Ok(names),
            Asked::Refused(status) => refused = Err(NoList::answered(format!("status {status}"))),
        }
    }
    refused
}

enum Asked {
    Names(Vec<Box<str>>),
    /// This key may not ask (401, 403); another may.
    Refused(u16),
}

async fn ask(
    provider: &Provider,
    client: &Client,
    credential: Option<(HeaderName, HeaderValue)>,
) -> Result<Asked, NoList> {
    let mut request = client.get(provider.urls.models());
    let headers = request.headers_mut();
    headers.insert(HOST, provider.urls.host_header.clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("ai-proxy/", env!("CARGO_PKG_VERSION"))));
    if let Some((name, value)) = credential {
        headers.insert(name, value);
    }
    if provider.config.kind == Kind::Anthropic {
        headers.insert(ANTHROPIC_VERSION, ANTHROPIC_2023);
    }
    for (name, value) in &provider.extra_headers {
        headers.insert(name.clone(), value.clone());
    }
    let mut response = request.send().await.map_err(|_| NoList::unreached("no answer"))?;
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Ok(Asked::Refused(status.as_u16()));
    }
    if !status.is_success() {
        return Err(NoList::answered(format!("status {}", status.as_u16())));
    }
    let mut body = Vec::new();
    let whole = tokio::time::timeout(TIME, async {
        while let Some(piece) = response.next().await {
            match piece {
                Ok(piece) if body.len() + piece.len() <= MAX_LIST => body.extend_from_slice(&piece),
                // Whether it was meant to be one, the list's own brackets tell.
                Err(error) if connection::is_end(&error) => return true,
                Ok(_) | Err(_) => return false,
            }
        }
        true
    });
    match whole.await {
        Ok(true) => {}
        Ok(false) => return Err(NoList::answered("the list broke off or is too long")),
        Err(_) => return Err(NoList::answered("the list did not end in time")),
    }
    let names = dialects::models::parse(&body).ok_or_else(|| NoList::answered("the answer is no list of models"))?;
    let usable = names.into_iter().filter(|name| dialects::safe_model_name(name)).map(String::into_boxed_str);
    Ok(Asked::Names(usable.collect()))
}
