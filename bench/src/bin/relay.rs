//! The bare relay: actix-web and awc with nothing between them.
//!
//! It is the yardstick for instructions: what the same two libraries, of the
//! same versions, with the same allocator and the settings that a careful user
//! gives them, cost for taking a body in, sending it on and streaming the
//! answer back. No token is checked, nothing is routed, counted or logged.
//!
//! It reads `PORT`, `BENCH_UPSTREAM` (a base URL) and `WORKERS` from the
//! environment and ignores its arguments, so that it can stand in for the
//! gateway in every figure.

use std::error::Error;
use std::io;
use std::time::Duration;

use actix_service::ServiceExt as _;
use actix_tls::connect::Connection;
use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use awc::http::Uri;
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Longer than any run.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Where everything goes, parsed once.
#[derive(Clone)]
struct Upstream {
    uri: Uri,
}

fn client() -> awc::Client {
    let tcp = actix_tls::connect::Connector::default().service().map(|connection: Connection<Uri, TcpStream>| {
        // Without it Nagle holds small events back. A socket that refuses
        // it still works.
        let _still_works = connection.io_ref().set_nodelay(true);
        connection
    });
    let connector = awc::Connector::new().limit(0).conn_keep_alive(AN_HOUR).conn_lifetime(AN_HOUR).connector(tcp);
    awc::Client::builder().connector(connector).no_default_headers().disable_redirects().timeout(AN_HOUR).finish()
}

async fn relay(body: web::Bytes, client: Data<awc::Client>, upstream: Data<Upstream>) -> HttpResponse {
    let sent = client
        .post(upstream.uri.clone())
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::AUTHORIZATION, "Bearer key"))
        .no_decompress()
        .send_body(body)
        .await;
    let Ok(answer) = sent else {
        return HttpResponse::BadGateway().finish();
    };
    let mut reply = HttpResponse::build(answer.status());
    if let Some(kind) = answer.headers().get(header::CONTENT_TYPE) {
        reply.insert_header((header::CONTENT_TYPE, kind.clone()));
    }
    let length = answer
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    match length {
        Some(length) => reply.body(SizedStream::new(length, answer)),
        None => reply.streaming(answer),
    }
}

fn variable(name: &str) -> Result<String, io::Error> {
    std::env::var(name).map_err(|why| io::Error::other(format!("{name}: {why}")))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = variable("PORT")?.parse()?;
    let workers: usize = variable("WORKERS")?.parse()?;
    let upstream = Upstream { uri: format!("{}/chat/completions", variable("BENCH_UPSTREAM")?).parse()? };
    HttpServer::new(move || {
        App::new()
            .app_data(Data::new(client()))
            .app_data(Data::new(upstream.clone()))
            .route("/health", web::get().to(HttpResponse::Ok))
            .default_service(web::post().to(relay))
    })
    .workers(workers)
    .tcp_nodelay(true)
    .keep_alive(AN_HOUR)
    .client_request_timeout(Duration::from_secs(60))
    .shutdown_timeout(1)
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}
