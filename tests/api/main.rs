//! The application in this process: built, bound to a free port, asked over a real socket, stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use actors::supervisor::Supervisor;
use ai_proxy::app::Application;
use ai_proxy::house::Services;
use config::Sources;
use tokio::sync::oneshot;
use upstream::client::{Ask, Ended};

/// A running application that stops when it is told to, or dropped.
struct TestApp {
    port: u16,
    token: String,
    /// Empty: no configuration of this machine is read.
    directory: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl TestApp {
    /// Serves what `environment` says; nothing of this machine's own configuration is read.
    fn spawn(environment: &[(&str, &str)]) -> Self {
        let nowhere = std::env::temp_dir().join(format!("ai-proxy-api-{}-{:x}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir_all(&nowhere).unwrap();
        let mut variables = BTreeMap::from([
            ("AI_PROXY_CONFIG_DIR".to_owned(), nowhere.display().to_string()),
            ("PORT".to_owned(), "0".to_owned()),
            ("WORKERS".to_owned(), "1".to_owned()),
        ]);
        variables.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let (told, tell) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let services = Arc::new(Services::default());
                let (supervisor, _, token) =
                    Supervisor::start(Sources::default(), Box::new(variables), services.clone()).unwrap();
                let application = Application::build(&supervisor, &services).unwrap();
                told.send((application.port(), token)).unwrap();
                let ended = application.run_until(async { _ = stopped.await }).await;
                services.stop().await;
                ended
            })
        });
        let (port, token) = tell.recv().unwrap();
        let token = token.map(|token| token.expose().to_owned()).unwrap_or_default();
        Self { port, token, directory: nowhere, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(mut self) -> std::io::Result<()> {
        self.stop.take().unwrap().send(()).unwrap();
        let ended = self.thread.take().unwrap().join().unwrap();
        std::fs::remove_dir(&self.directory).unwrap();
        ended
    }
}

const CHAT: &str = r#"{"model":"demo","messages":[{"role":"user","content":"in process"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn on_nothing_it_serves_the_demo_and_stops_when_told() {
    let app = TestApp::spawn(&[]);
    let answer = Ask::post("/v1/chat/completions", &app.token, CHAT).send(app.port).await;
    assert_eq!((answer.status, answer.ended), (200, Ended::Whole));
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "You said: in process");
    assert_eq!(answer.header("x-ai-proxy-route").as_deref(), Some("demo/demo:ok"));
    assert_eq!(Ask::get("/readyz", "").send(app.port).await.status, 200);
    app.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_them_know_nothing_of_each_other() {
    let (one, other) = (TestApp::spawn(&[]), TestApp::spawn(&[("AUTH_TOKEN", "alice:a-token-of-the-other")]));
    assert_ne!(one.port, other.port);
    assert_eq!(Ask::get("/v1/models", &one.token).send(one.port).await.status, 200);
    assert_eq!(Ask::get("/v1/models", &one.token).send(other.port).await.status, 401);
    assert_eq!(Ask::get("/v1/models", "a-token-of-the-other").send(other.port).await.status, 200);
    one.stop().unwrap();
    assert_eq!(Ask::get("/livez", "").send(other.port).await.status, 200, "stopping one leaves the other alone");
    other.stop().unwrap();
}
