//! `GET /v1/models` and `GET /v1/models/{id}`: what may be called, in the dialect of who asks.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use dialects::Dialect;
use dialects::error::ErrorKind;
use dialects::models::{self, Entry as Model};

use crate::app::State;
use crate::auth;
use crate::entry::Entry;
use crate::record::Outcome;
use crate::reply;
use crate::routes::caught::caught;
use crate::routes::paging::{self, NoPage};

pub async fn list(request: HttpRequest, state: Data<State>) -> HttpResponse {
    caught(&request, async { all(&request, &state) }).await
}

pub async fn one(request: HttpRequest, id: Path<String>, state: Data<State>) -> HttpResponse {
    of_name(&request, &id, &state).await
}

pub async fn of_name(request: &HttpRequest, id: &str, state: &State) -> HttpResponse {
    // No model's name begins or ends with a slash.
    caught(request, async { known(request, id.trim_matches('/'), state) }).await
}

fn all(request: &HttpRequest, state: &State) -> HttpResponse {
    let (entry, dialect) = match enter(request, state) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let table = &state.worker.shard().table;
    let known: Vec<(&str, &str)> = table.models().collect();
    let ids: Vec<&str> = known.iter().map(|(id, _)| *id).collect();
    let page = match paging::cut(dialect, request.query_string(), &ids) {
        Ok(page) => page,
        Err(NoPage { param, why }) => {
            return reply::refusal(entry, dialect, ErrorKind::InvalidRequest, why, Some(param), None);
        }
    };
    let known = known.get(page.range).unwrap_or_default().iter();
    let known = known.map(|(id, owned_by)| Model { id, owned_by, created: state.started_unix });
    json(entry, models::list(dialect, known, page.more))
}

fn known(request: &HttpRequest, id: &str, state: &State) -> HttpResponse {
    let (entry, dialect) = match enter(request, state) {
        Ok(entered) => entered,
        Err(response) => return *response,
    };
    let table = &state.worker.shard().table;
    let listed = table.models().find(|(known, _)| *known == id);
    match listed.map_or_else(|| table.knows(id).map(|()| (id, "ai-proxy")), Ok) {
        Ok((id, owned_by)) => json(entry, models::one(dialect, &Model { id, owned_by, created: state.started_unix })),
        Err(unknown) => {
            let message = super::unknown::told(id, &unknown);
            reply::refusal(entry, dialect, ErrorKind::ModelNotFound, &message, Some("model"), None)
        }
    }
}

fn enter(request: &HttpRequest, state: &State) -> Result<(Entry, Dialect), Box<HttpResponse>> {
    let mut entry = Entry::open(request, None);
    let dialect = super::dialect(request);
    let config = state.worker.shard().table.config.clone();
    entry.record.address = auth::address(request, &config.server.trusted_proxies);
    entry.conceal(&config);
    match auth::client(request, &config.clients) {
        Ok(client) => entry.record.client = client.name.clone(),
        Err(denied) => {
            let (kind, message) = denied.told();
            return Err(Box::new(reply::error(entry, dialect, kind, message)));
        }
    }
    Ok((entry, dialect))
}

fn json(mut entry: Entry, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "application/json")).insert_header((reply::REQUEST_ID, entry.id_header()));
    reply::book(&mut entry, 200, body.len(), Outcome::Answered);
    response.body(body)
}
