//! `/livez`, `/readyz`, `/health`: from what traffic has shown, never by a call that costs.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use actors::clock;
use serde_json::json;

use crate::app::Probed;
use crate::routes::caught::caught;
use crate::{auth, snapshot};

/// Claude Code asks `HEAD /` before anything else; people open it in a browser.
pub async fn root() -> HttpResponse {
    HttpResponse::Ok().json(json!({"service": "ai-proxy", "version": env!("CARGO_PKG_VERSION"), "health": "/health", "models": "/v1/models"}))
}

pub async fn probe(request: HttpRequest, probed: Data<Probed>) -> HttpResponse {
    caught(&request, async { told(&request, &probed) }).await
}

fn told(request: &HttpRequest, state: &Probed) -> HttpResponse {
    let draining = state.drain.is_draining();
    match request.path().trim_matches('/') {
        "livez" | "ping" => HttpResponse::Ok().json(json!({"status": "ok"})),
        "readyz" if draining => HttpResponse::ServiceUnavailable().json(json!({"status": "draining"})),
        "readyz" => HttpResponse::Ok().json(json!({"status": "ok"})),
        _ => health(request, state, draining),
    }
}

/// 200 unless we are draining: a provider's outage is told, never a reason to restart us. Whoever asks may do so as often
/// as he likes: only the operator has every deployment looked at.
fn health(request: &HttpRequest, state: &Probed, draining: bool) -> HttpResponse {
    let table = state.supervisor.table();
    let providers = auth::is_admin(request, &table.config).then(|| snapshot::take(&table));
    let status = match &providers {
        Some(providers) => snapshot::status(providers),
        None => state.word.of(&table),
    };
    let well = state.supervisor.is_well();
    let mut body = json!({
        "status": match status {
            _ if draining => "draining",
            "ok" if !well => "degraded",
            status => status,
        },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": state.started.elapsed().as_secs(),
    });
    if let Some(body) = body.as_object_mut() {
        if !well {
            body.insert("supervisor".to_owned(), json!("down"));
        }
        if let Some(providers) = providers {
            body.insert("providers".to_owned(), json!(providers));
            if let Some(refused) = state.supervisor.refused() {
                let seconds_ago = clock::now().since(refused.at).as_secs();
                body.insert("reload_refused".to_owned(), json!({"why": refused.why, "seconds_ago": seconds_ago}));
            }
        }
    }
    let status = if draining { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    HttpResponse::build(status).json(body)
}
