//! The recorded exchanges, where they are at hand: a folder beside the project that is not part of it.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Recorded {
    api: String,
    stream: bool,
    fidelity: String,
    request: RecordedRequest,
    response: RecordedResponse,
}

#[derive(Deserialize)]
struct RecordedRequest {
    method: String,
    path: String,
    body: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct RecordedResponse {
    status: u16,
    headers: serde_json::Map<String, Value>,
    body: Value,
    body_encoding: Option<String>,
}

impl RecordedResponse {
    fn bytes(&self) -> Vec<u8> {
        let text = self.body.as_str().unwrap_or_default();
        if self.body_encoding.as_deref() == Some("base64") {
            return STANDARD.decode(text).unwrap();
        }
        text.as_bytes().to_vec()
    }
}

/// One recorded exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub file: String,
    /// `openai.chat`, `openai.responses`, ...
    pub api: String,
    pub stream: bool,
    pub fidelity: String,
    pub method: String,
    /// As the provider was asked, with whatever prefix it has.
    pub path: String,
    /// The request's JSON as text, spaces and order of keys as recorded; empty for a GET.
    pub request: String,
    pub status: u16,
    /// `name: value`, hop-by-hop and length left out.
    pub headers: Vec<String>,
    /// The response's body.
    pub body: Vec<u8>,
}

/// A folder `shared/<name>` beside the folder of the workspace.
#[must_use]
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    root.is_dir().then_some(root)
}

/// Every exchange whose api is `openai.*` and whose body is what was on the wire. `None`: no corpus here.
#[must_use]
pub fn openai_wire() -> Option<Vec<Exchange>> {
    recorded(|exchange| exchange.api.starts_with("openai.") && exchange.fidelity == "wire")
}

/// Every exchange that is wanted, in the order of the files' names. `None`: no corpus here.
#[must_use]
pub fn recorded(wanted: impl Fn(&Exchange) -> bool) -> Option<Vec<Exchange>> {
    let root = shared("corpus")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(root).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    let exchanges = files.iter().filter(|f| f.extension().is_some_and(|e| e == "json")).filter_map(|file| {
        let recorded: Recorded = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        let headers = recorded.response.headers.iter();
        let exchange = Exchange {
            file: file.file_name()?.to_string_lossy().into_owned(),
            api: recorded.api,
            stream: recorded.stream,
            fidelity: recorded.fidelity,
            method: recorded.request.method,
            path: recorded.request.path,
            request: recorded.request.body.map(|b| b.get().to_owned()).unwrap_or_default(),
            status: recorded.response.status,
            headers: headers
                .filter(|(k, _)| end_to_end(k))
                .filter_map(|(k, v)| Some(format!("{k}: {}", v.as_str()?)))
                .collect(),
            body: recorded.response.bytes(),
        };
        wanted(&exchange).then_some(exchange)
    });
    Some(exchanges.collect())
}

/// The recorder decompressed bodies, so their encoding goes with length and framing. What was left of a quota on the
/// day of a recording would hold back the recordings that come after it.
fn end_to_end(name: &str) -> bool {
    if name.to_ascii_lowercase().contains("ratelimit") {
        return false;
    }
    let hop = [
        "transfer-encoding",
        "content-length",
        "content-encoding",
        "connection",
        "keep-alive",
        "date",
        "retry-after",
        "retry-after-ms",
    ];
    !hop.iter().any(|h| name.eq_ignore_ascii_case(h))
}
