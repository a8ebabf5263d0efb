//! Sends the client elsewhere with a 307, which asks for the same method, body and, in a careless client, key.

use crate::Reply;
use crate::answers;
use crate::server::Upstream;

/// Every request is sent on to `location`.
pub async fn redirects(location: &str) -> Upstream {
    let location = format!("location: {location}");
    answers(Reply::json(307, &[&location], b"{}")).await
}
