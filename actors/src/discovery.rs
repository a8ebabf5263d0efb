//! What a provider serves, asked of itself: `GET /models`, which no vendor bills.

use std::time::Duration;

use awc::{Client, Connector};
use config::Kind;
use futures::StreamExt;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};

use crate::connection;
use crate::headers::{ANTHROPIC_2023, ANTHROPIC_VERSION};
use crate::provider::Provider;

/// The longest list that is read: OpenRouter's, the longest known, is about 600 KiB.
const MAX_LIST: usize = 8 * 1024 * 1024;
/// For the whole list.
const TIME: Duration = Duration::from_secs(20);

/// The names of a provider's models, asked for with its first key, then with the next where that one may not ask.
///
/// # Errors
/// A few words for the log; nothing of the upstream's text.
pub async fn list(provider: &Provider) -> Result<Vec<Box<str>>, String> {
    let connector = Connector::new().connector(provider.dialer.clone()).timeout(provider.config.timeouts.connect);
    let client = Client::builder().connector(connector).timeout(TIME).disable_redirects().no_default_headers().finish();
    let mut refused = Err("there is no key".to_owned());
    for credential in &provider.credentials {
        match ask(provider, &client, credential.header()).await? {
            Asked::Names(names) => return Ok(names),
            Asked::Refused(status) => refused = Err(format!("status {status}")),
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
) -> Result<Asked, String> {
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
    let mut response = request.send().await.map_err(|_| "no answer".to_owned())?;
    let status = response.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Ok(Asked::Refused(status.as_u16()));
    }
    if !status.is_success() {
        return Err(format!("status {}", status.as_u16()));
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
        Ok(false) => return Err("the list broke off or is too long".to_owned()),
        Err(_) => return Err("the list did not end in time".to_owned()),
    }
    let names = dialects::models::parse(&body).ok_or("the answer is no list of models")?;
    let usable = names.into_iter().filter(|name| dialects::safe_model_name(name)).map(String::into_boxed_str);
    Ok(Asked::Names(usable.collect()))
}
