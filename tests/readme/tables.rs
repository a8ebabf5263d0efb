//! The tables of the README name what there is, all of it and nothing else.

use std::collections::BTreeSet;

use upstream::client::Ask;
use upstream::harness::ADMIN;

use crate::{blocks, demo, file};

type Names = BTreeSet<String>;

/// What stands between backticks in the first column of the table whose head begins so.
fn first_column(head: &str) -> Names {
    let readme = file("README.md");
    let rows =
        readme.lines().skip_while(|line| !line.starts_with(head)).skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let names: Names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert!(!names.is_empty(), "README.md has no table that begins with {head}");
    names
}

/// Names of `name=value` in a line, values in quotes left out.
fn fields(line: &str) -> Names {
    let unquoted: String = line.split('"').step_by(2).collect();
    unquoted.split_whitespace().filter_map(|word| word.split_once('=')).map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_line_is_explained() {
    let proxy = demo().await;
    // With everything that a line can tell: a named client, a stream, usage that was reported.
    let body = r#"{"model":"demo","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(proxy.post("/v1/chat/completions", body).await.status, 200);
    let line = proxy.log_line("the request", |line| line.contains(" access id=")).await;
    let told = first_column("| field |");
    assert_eq!(told, fields(&line), "{line}");
    let example = &blocks::of("text")[0].text;
    assert_eq!(fields(example), told, "the example shows each of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_line_tells_of_a_failure_is_explained() {
    let proxy = demo().await;
    for model in ["nobody-serves-this", "demo-error-503"] {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
        assert!(proxy.post("/v1/chat/completions", body).await.status >= 400);
    }
    let unknown = proxy.log_line("the unknown model", |line| line.contains(" asked=")).await;
    let failed = proxy.log_line("the failed attempt", |line| line.contains(" why=")).await;
    let told: Names = fields(&unknown).union(&fields(&failed)).cloned().collect();
    let of_failures: Names = told.difference(&first_column("| field |")).cloned().collect();
    assert_eq!(of_failures, first_column("| field of a failure |"), "{unknown}\n{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_listed() {
    let proxy = demo().await;
    assert_eq!(proxy.stream("demo-cut").await.answer().await.status, 200);
    let scrape = Ask::get("/metrics", ADMIN).send(proxy.port).await.text();
    let there: Names =
        scrape.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    let told = first_column("| metric |");
    // Those of the process itself have names that are the same everywhere.
    let there: Names = there.into_iter().filter(|name| name.starts_with("ai_proxy_")).collect();
    assert_eq!(told, there);
}

#[test]
fn the_variables_are_those_of_the_template() {
    let template = file("config/.env.example");
    let (settings, _) = template.split_once("# --- Providers").expect("the template's last section");
    let offered: Names = settings
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| !name.contains(' '))
        .collect();
    assert_eq!(first_column("| variable |"), offered);
}

#[test]
fn every_known_provider_is_named() {
    let readme = file("README.md").to_lowercase().replace([' ', '.', '\n'], "");
    let catalogue = file("config/providers.yaml");
    let names = catalogue.lines().filter(|line| !line.starts_with([' ', '#'])).filter_map(|line| line.split_once(':'));
    for (name, _) in names {
        assert!(readme.contains(name), "README.md does not name the provider {name}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_ai-proxy")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, codes) = help.split_once("exit codes:\n").expect("--help tells the exit codes");
    let readme = file("README.md");
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "{line}");
    }
}
