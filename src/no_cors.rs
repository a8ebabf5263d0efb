//! What is the operator's is shared with no page of another origin, whatever `cors_origins` says.
//!
//! Always: an answer of [`PRIVATE`] carries no header that lets a browser hand it to a page. Stands around the one
//! middleware that writes such headers, so that it costs nothing where there is none.

use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, Map};

/// The paths that tell how we are. A page may ask whether we live, and learns it without these headers.
const PRIVATE: [&str; 6] = ["metrics", "health", "healthz", "livez", "readyz", "ping"];

/// A CORS middleware that leaves these paths out.
#[derive(Debug, Clone)]
pub struct NoCors<T>(pub T);

impl<S, T, B> Transform<S, ServiceRequest> for NoCors<T>
where
    T: Transform<S, ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    <T::Transform as Service<ServiceRequest>>::Future: 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = Around<T::Transform>;
    type InitError = T::InitError;
    type Future = Map<T::Future, fn(Result<T::Transform, T::InitError>) -> Result<Around<T::Transform>, T::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        self.0.new_transform(service).map(|made| made.map(Around))
    }
}

#[derive(Debug)]
pub struct Around<S>(S);

impl<S, B> Service<ServiceRequest> for Around<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    S::Future: 'static,
    B: 'static,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse<B>, Error>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let private = PRIVATE.contains(&request.path().trim_matches('/'));
        let answered = self.0.call(request);
        if !private {
            return Box::pin(answered);
        }
        Box::pin(async move {
            let mut response = answered.await?;
            let headers = response.headers_mut();
            let shares: Vec<_> =
                headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
            for name in shares {
                headers.remove(name);
            }
            Ok(response)
        })
    }
}
