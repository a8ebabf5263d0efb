//! What panics in a handler costs its request and no other: the client gets a 500 instead of a closed connection.
//!
//! A middleware could not do it as cheaply: it would have to box every call, also those of the model endpoints, which
//! catch for themselves because they have an open record.

use std::panic::AssertUnwindSafe;

use actix_web::{HttpRequest, HttpResponse};
use futures::FutureExt;

use crate::{entry, reply};

/// What the handler answers, or a 500 in the dialect of who asks.
pub async fn caught(request: &HttpRequest, answer: impl Future<Output = HttpResponse>) -> HttpResponse {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            let id = entry::request_id(request);
            log::error!("{id}: its handler died of a panic");
            reply::internal(super::dialect(request), &id)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use actix_web::test::TestRequest;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_clients_dialect() {
        for (path, has) in [("/v1/models", "server_error"), ("/v1beta/models", "INTERNAL")] {
            let request = TestRequest::get().uri(path).insert_header(("x-request-id", "mine")).to_http_request();
            let response = caught(&request, async { panic!("a mistake of ours") }).await;
            assert_eq!(response.status(), 500);
            assert_eq!(response.headers().get("x-request-id").unwrap(), "mine");
            let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            assert!(text.contains(has) && !text.contains("a mistake of ours"), "{text}");
        }
        let request = TestRequest::get().uri("/").to_http_request();
        assert_eq!(caught(&request, async { HttpResponse::Ok().finish() }).await.status(), 200);
    }
}
