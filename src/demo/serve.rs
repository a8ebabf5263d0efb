//! The demo's one handler: who asks, what for, how it is to be answered.

use std::sync::atomic::Ordering;

use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use dialects::Endpoint;
use futures::StreamExt as _;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::behave::{self, Fault};
use super::form::Form;
use super::request::{Answer, Refusal, Request};
use super::text::CREATED;
use super::{Shared, audio, chat, completions, embeddings, images, moderations, rerank, respond, responses};

/// A JSON body; beyond it a 413. Above the proxy's own default, so that the proxy's limit is the one that counts.
const MOST_BODY: usize = 64 * 1024 * 1024;

pub(super) async fn serve(request: HttpRequest, payload: web::Payload, shared: web::Data<Shared>) -> HttpResponse {
    if !is_ours(request.headers(), &shared) {
        let refusal = Refusal::new(403, "This listener answers its own process only.");
        return HttpResponse::Forbidden().force_close().json(refusal.body());
    }
    let path = request.path();
    if let Some(rest) = path.strip_prefix("/v1").unwrap_or(path).strip_prefix("/models") {
        return models(request.method(), rest);
    }
    let Some(endpoint) = Endpoint::from_path(path) else {
        return respond::refuse(&Refusal::new(404, "The demo has no such path."));
    };
    if request.method() != Method::POST {
        return respond::refuse(&Refusal::new(405, "This path takes POST."));
    }
    let asked = match read(&request, payload).await {
        Ok(asked) => asked,
        Err(refusal) => return respond::refuse(&refusal),
    };
    let nth = shared.asked.fetch_add(1, Ordering::Relaxed);
    let behaviour = behave::behaviour(&shared.settings.load(), asked.model(), nth);
    if !behaviour.delay.is_zero() {
        actix_web::rt::time::sleep(behaviour.delay).await;
    }
    if let Fault::Status(status) = behaviour.fault {
        return respond::refuse(&Refusal::new(status, &format!("The demo answers {status}, as it was asked to.")));
    }
    match answer(endpoint, &asked) {
        Ok(answer) => respond::respond(endpoint, answer, behaviour),
        Err(refusal) => respond::refuse(&refusal),
    }
}

/// The process's secret, compared in constant time: anyone on this machine may knock.
fn is_ours(headers: &HeaderMap, shared: &Shared) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let given = given.strip_prefix(b"Bearer ").unwrap_or_default();
    given.ct_eq(shared.secret.expose().as_bytes()).into()
}

fn models(method: &Method, rest: &str) -> HttpResponse {
    let model = |id: &str| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "demo"});
    if method != Method::GET {
        return respond::refuse(&Refusal::new(405, "This path takes GET."));
    }
    match rest.strip_prefix('/') {
        None if rest.is_empty() => {
            let data: Vec<_> = behave::MODELS.into_iter().map(model).collect();
            HttpResponse::Ok().json(json!({"object": "list", "data": data}))
        }
        Some(id) if behave::MODELS.contains(&id) => HttpResponse::Ok().json(model(id)),
        _ => respond::refuse(&Refusal::new(404, "The demo does not list this model.")),
    }
}

async fn read(request: &HttpRequest, mut payload: web::Payload) -> Result<Request, Refusal> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let broken = |_| Refusal::new(400, "The body broke off.");
    let asked = if let Some(boundary) = content_type.and_then(Form::boundary) {
        let mut form = Form::new(boundary);
        while let Some(chunk) = payload.next().await {
            form.push(&chunk.map_err(broken)?)?;
        }
        form.end()?
    } else {
        let mut body = web::BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(broken)?;
            if body.len() + chunk.len() > MOST_BODY {
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE.as_u16(), "The body is too large."));
            }
            body.extend_from_slice(&chunk);
        }
        let body: Value =
            serde_json::from_slice(&body).map_err(|_| Refusal::new(400, "The body is not the JSON it should be."))?;
        Request { body, uploads: Vec::new() }
    };
    if asked.model().is_empty() {
        return Err(Refusal::param("model", "You must provide a model."));
    }
    Ok(asked)
}

fn answer(endpoint: Endpoint, asked: &Request) -> Result<Answer, Refusal> {
    match endpoint {
        Endpoint::Chat => chat::answer(asked),
        Endpoint::Completions => completions::answer(asked),
        Endpoint::Embeddings => embeddings::answer(asked),
        Endpoint::Responses => responses::answer(asked),
        Endpoint::Moderations => moderations::answer(asked),
        Endpoint::Rerank => rerank::answer(asked),
        Endpoint::ImagesGenerations => images::answer(asked, "image_generation"),
        Endpoint::ImagesEdits | Endpoint::ImagesVariations => images::answer(asked, "image_edit"),
        Endpoint::AudioSpeech => audio::speech(asked),
        Endpoint::AudioTranscriptions => audio::heard(asked, "transcribe"),
        Endpoint::AudioTranslations => audio::heard(asked, "translate"),
        // Whoever speaks these is answered in translation.
        Endpoint::Messages
        | Endpoint::CountTokens
        | Endpoint::GenerateContent
        | Endpoint::GeminiCountTokens
        | Endpoint::EmbedContent
        | Endpoint::BatchEmbedContents
        | Endpoint::Converse => Err(Refusal::new(404, "The demo has no such path.")),
    }
}
