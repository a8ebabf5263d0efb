//! Reads `headers`: what is added to every request to a provider. None is ever printed.

use crate::reader::{Reader, Spot, holds_variable};
use crate::{Secret, header_secrets, placeholder};

/// Those that belong to the connection or to the exchange (RFC 9110 section 7.6.1, and the length
/// and encoding of the body): changing them breaks the request or smuggles a second one.
const NOT_YOURS: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The headers, and what of their values is secret. Names are lower case; each occurs once.
pub(crate) fn read(r: &mut Reader<'_>, spot: &Spot<'_>) -> (Vec<(String, Secret)>, Vec<Secret>) {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let mut secrets = Vec::new();
    for (key, field) in r.entries(spot).unwrap_or_default() {
        let name = key.text.to_ascii_lowercase();
        let value = r.text(&field);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(is_token) {
            r.error(&field, "not the name of a header", "use letters, digits and `-`");
        } else if NOT_YOURS.contains(&name.as_str()) {
            r.error(&field, format!("the header {name} belongs to the connection"), "remove it");
        } else if headers.iter().any(|(other, _)| *other == name) {
            r.error(&field, format!("the header {name} is given twice"), "keep one of them");
        } else if let Some(given) = value {
            // RFC 9110 section 5.5: visible ASCII, blanks and tabs.
            if given.text.len() > 8192 || !given.text.bytes().all(|b| b == b'\t' || (32..127).contains(&b)) {
                r.error(&field, "the header's value holds what no header can carry", "use plain ASCII in one line");
            } else {
                // The address of a site is one (`http-referer`), and not a secret's.
                let is_site = ["https://", "http://"].iter().any(|begin| given.text.trim().starts_with(begin));
                if let Some(sort) = placeholder::found_in(&given.text).filter(|_| !is_site) {
                    let fix = "put the value there, or remove the header";
                    r.findings.push(given.place.warning(format!("the header {name}: {sort}"), fix));
                }
                let of_header = header_secrets::of(&name, &given.text, holds_variable(field.node));
                secrets.extend(of_header.iter().map(|secret| Secret::new(secret)));
                headers.push((name, Secret::new(given.text.trim())));
            }
        }
    }
    (headers, secrets)
}

/// RFC 9110 section 5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}
