//! What a provider serves, asked of itself: `GET /models`, which no vendor bills.

use std::sync::Arc;
use std::time::Duration;

use awc::{Client, ClientResponse, Connector};
use config::Kind;
use futures::StreamExt;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};

use crate::connection::{self, why};
use crate::headers::{ANTHROPIC_2023, ANTHROPIC_VERSION};
use crate::provider::{Provider, Unlisted, Veil};

/// The longest list that is read: OpenRouter's, the longest known, is about 600 KiB.
const MAX_LIST: usize = 8 * 1024 * 1024;
/// Of an error so much is read, and for so long.
const MAX_ERROR: usize = 16 * 1024;
const ERROR_TIME: Duration = Duration::from_secs(2);
/// For the whole list.
const TIME: Duration = Duration::from_secs(20);

/// There is no list.
#[derive(Debug)]
pub struct NoList {
    /// A few words for the log; those of the upstream masked.
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
pub async fn list(provider: &Arc<Provider>) -> Result<Vec<Box<str>>, NoList> {
    let connector = Connector::new().connector(provider.dialer.clone()).timeout(provider.config.timeouts.connect);
    let client = Client::builder().connector(connector).timeout(TIME).disable_redirects().no_default_headers().finish();
    let mut refused = Err(NoList::unreached("there is no key"));
    for (key, credential) in provider.credentials.iter().enumerate() {
        match ask(provider, &client, key, credential.header()).await? {
            Asked::Names(mut names) => {
                // Every client is shown them.
                let veils = (0..provider.credentials.len()).map(|key| Veil::new(provider.clone(), key));
                let veils: Vec<Veil> = veils.collect();
                let is_told_by = |text: &str| veils.iter().any(|veil| veil.is_told_by(text));
                if is_told_by(&names.join("\n")) {
                    names.retain(|name| !is_told_by(name));
                }
                return Ok(names);
            }
            Asked::Refused(why) => {
                let name = provider.key_name(key).map(|name| format!(" for {name}"));
                refused = Err(NoList::answered(format!("{why}{}", name.unwrap_or_default())));
            }
        }
    }
    refused
}

enum Asked {
    Names(Vec<Box<str>>),
    /// This key may not ask (401, 403); another may.
    Refused(String),
}

/// The words of an error, masked and short, behind a colon.
async fn said(response: &mut ClientResponse, veil: &Veil) -> String {
    let mut body = Vec::new();
    let read = async {
        while let Some(Ok(piece)) = response.next().await {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ERROR {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(ERROR_TIME, read).await;
    let said = dialects::translate::error(response.status().as_u16(), &veil.masked(&body)).message;
    if said.is_empty() { said } else { format!(": {said}") }
}

async fn ask(
    provider: &Arc<Provider>,
    client: &Client,
    key: usize,
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
    let mut response = request.send().await.map_err(|error| NoList::unreached(&why::of_request(&error)))?;
    let status = response.status();
    if !status.is_success() {
        let said = said(&mut response, &Veil::new(provider.clone(), key)).await;
        let why = format!("status {}{said}", status.as_u16());
        return match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Ok(Asked::Refused(why)),
            _ => Err(NoList::answered(why)),
        };
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
