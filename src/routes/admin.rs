//! `GET /metrics`: for the operator alone.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dialects::Dialect;
use dialects::error::ErrorKind;

use crate::app::State;
use crate::routes::caught::caught;
use crate::{auth, metrics, reply, snapshot};

pub async fn metrics(request: HttpRequest, state: Data<State>) -> HttpResponse {
    caught(&request, async { told(&request, &state) }).await
}

fn told(request: &HttpRequest, state: &State) -> HttpResponse {
    let table = state.worker.shard().table.clone();
    if !auth::is_admin(request, &table.config) {
        let message = "/metrics is for the operator: send ADMIN_TOKEN as `Authorization: Bearer TOKEN`, or, where none is set, ask from the machine itself: directly, by 127.0.0.1 or localhost, and with no headers but those of a browser or a scraper";
        return reply::error(super::entry(request, None), Dialect::OpenAi, ErrorKind::Forbidden, message);
    }
    let providers = snapshot::take(&table);
    let gauges: Vec<metrics::ProviderGauges> = providers.iter().map(snapshot::Provider::gauges).collect();
    HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(metrics::render(&gauges))
}
