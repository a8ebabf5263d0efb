#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::{fs, io};

use config::{Config, ProviderId, Secret, Sources};

use super::*;
use crate::supervisor::{self, Demo, House};

struct Nothing;

impl House for Nothing {
    fn demo(&self, _: &config::Demo) -> io::Result<Demo> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Ok(Demo { address, secret: Secret::new("none"), models: &[] })
    }

    fn reloaded(&self, _: Option<&Config>) {}

    fn died(&self, _: &ProviderId) {}
}

fn table(yaml: &str) -> Table {
    let dir = std::env::temp_dir().join(format!("ai-proxy-table-{}-{}", std::process::id(), fastrand::u64(..)));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("provider-config.yaml"), yaml).unwrap();
    let env = BTreeMap::from([("AI_PROXY_CONFIG_DIR".to_owned(), dir.display().to_string())]);
    let config = config::load(&Sources::default(), &env).unwrap().config;
    fs::remove_dir_all(&dir).unwrap();
    let providers = supervisor::build(&config, &[], &Nothing).unwrap();
    Table::build(Arc::new(config), providers)
}

fn provider(name: &str, more: &str) -> String {
    format!("  {name}: {{ kind: openai, base_url: \"http://127.0.0.1:9/v1\", api_key: none, {more} }}\n")
}

fn meant(table: &Table, name: &str) -> String {
    table.resolve(name).unwrap().targets[0].0.name.to_string()
}

#[test]
fn a_look_for_a_name_remembers_nothing() {
    let table = table(&format!("providers:\n{}", provider("up", "allow_unlisted: true")));
    for nth in 0..10 {
        assert!(table.knows(&format!("up/made-up-{nth}")).is_ok());
        assert!(table.knows(&format!("made-up-{nth}")).is_ok());
    }
    assert!(table.knows("up/../made-up").is_err());
    assert!(table.providers[0].deployments().is_empty());
    assert!(table.unlisted.lock().unwrap().routes.is_empty());
}

#[test]
fn invented_names_shut_nobody_out_and_take_no_room() {
    let table = table(&format!("providers:\n{}", provider("up", "allow_unlisted: true")));
    let running = table.resolve("running").unwrap().targets[0].0.clone();
    running.health.in_flight.store(1, Ordering::Relaxed);
    let held = table.resolve("up/held").unwrap();
    for nth in 0..MAX_UNLISTED * 4 {
        assert!(table.resolve(&format!("made-up-{nth}")).is_ok(), "{nth}");
    }
    assert_eq!(table.unlisted.lock().unwrap().routes.len(), MAX_UNLISTED);
    assert_eq!(table.providers[0].deployments().len(), MAX_UNLISTED);
    let again = table.resolve("running").unwrap().targets[0].0.clone();
    assert!(Arc::ptr_eq(&running.health, &again.health), "what is in flight lost its health");
    assert!(Arc::ptr_eq(&held, &table.resolve("up/held").unwrap()));
    // The newest is still there, the oldest gave way.
    let names = table.unlisted.lock().unwrap();
    assert!(names.routes.contains_key(&*format!("made-up-{}", MAX_UNLISTED * 4 - 1)));
    assert!(!names.routes.contains_key("made-up-0"));
}

#[test]
fn the_names_of_tables_before_take_no_room_for_ever() {
    let first = table(&format!("providers:\n{}", provider("up", "allow_unlisted: true")));
    let (config, providers) = (first.config.clone(), first.providers.clone());
    let mut table = first;
    for round in 0..4 {
        for nth in 0..MAX_UNLISTED {
            table.resolve(&format!("made-up-{round}-{nth}")).unwrap();
        }
        table = Table::build(config.clone(), providers.clone());
    }
    let known = providers[0].deployments().len();
    assert!(known <= MAX_UNLISTED * 2, "{known}");
}

#[test]
fn a_provider_and_its_model_go_before_anothers_name_of_the_same_text() {
    let yaml = format!(
        "providers:\n{}{}{}",
        provider("vendor", "inject_usage: false"),
        provider("router", "models: { vendor/big: {}, vendor/small: {}, plain: {} }"),
        provider("strict", "models: { own: {} }"),
    );
    let table = table(&yaml);
    assert_eq!(meant(&table, "vendor/big"), "vendor/big");
    assert_eq!(table.resolve("vendor/big").unwrap().targets[0].0.provider.config.id.as_str(), "vendor");
    assert_eq!(meant(&table, "router/vendor/big"), "router/vendor/big");
    assert_eq!(meant(&table, "plain"), "router/plain");
    // Nor does one that was asked and did not say hide what another lists.
    table.providers[0].set_undiscovered(Undiscovered::Answered);
    assert_eq!(
        (meant(&table, "vendor/big"), meant(&table, "vendor/else")),
        ("router/vendor/big".into(), "vendor/else".into())
    );
    // Once the vendor has said what it serves, the router's name is what is left.
    table.providers[0].set_discovered(vec!["big".into()]);
    let table = Table::build(table.config.clone(), table.providers.clone());
    assert_eq!(meant(&table, "vendor/big"), "vendor/big");
    assert_eq!(meant(&table, "vendor/small"), "router/vendor/small");
}

#[test]
fn who_names_a_provider_is_sent_to_no_other() {
    for takes_any in ["inject_usage: false", "allow_unlisted: true"] {
        let yaml = format!("providers:\n{}{}", provider("local", "models: { Qwen: {} }"), provider("cloud", takes_any));
        let table = table(&yaml);
        assert_eq!(meant(&table, "local/Qwen"), "local/Qwen");
        for wrong in ["local/typo", "local/", "local/cloud/x", "local/qwen"] {
            assert!(table.resolve(wrong).is_err(), "{wrong}");
        }
        assert_eq!(table.resolve("local/qwen").unwrap_err().near, ["local/Qwen"]);
        // What names no provider of ours may be a vendor's own name.
        assert_eq!(meant(&table, "vendor/model"), "cloud/vendor/model");
        assert_eq!(meant(&table, "cloud/local/typo"), "cloud/local/typo");
    }
}

#[test]
fn near_names_are_found_in_any_case_and_by_their_provider() {
    let yaml = format!(
        "providers:\n{}models: {{ fast: {{ targets: [up/m] }}, second: {{ targets: [up/m] }} }}\n",
        provider("up", "models: { m: {}, big-model: {} }")
    );
    let table = table(&yaml);
    let near = |name: &str| table.resolve(name).unwrap_err().near;
    assert_eq!(near("FAST"), ["fast"]);
    assert_eq!(near("Up/m").first().map(String::as_str), Some("up/m"));
    assert_eq!(near("up/n").first().map(String::as_str), Some("up/m"));
    // One route is told by one name.
    assert_eq!(near("up/big-modle").first().map(String::as_str), Some("up/big-model"));
    assert!(!near("up/big-modle").contains(&"big-model".to_owned()));
    assert!(near("nothing at all like it").is_empty());
}

#[test]
fn only_what_is_configured_or_discovered_is_listed() {
    let yaml =
        format!("providers:\n{}models: {{ prod: {{ targets: [up/real] }} }}\n", provider("up", "allow_unlisted: true"));
    let table = table(&yaml);
    assert!(table.resolve("prod").unwrap().listed && table.resolve("up/real").unwrap().listed);
    assert!(!table.resolve("up/made-up").unwrap().listed);
    assert!(table.lists("up/real") && !table.lists("up/made-up"));
    table.providers[0].set_discovered(vec!["made-up".into()]);
    let table = Table::build(table.config.clone(), table.providers.clone());
    assert!(table.resolve("up/made-up").unwrap().listed && table.resolve("made-up").unwrap().listed);
    assert!(table.lists("up/made-up") && !table.resolve("up/other").unwrap().listed);
}

fn targets(table: &Table, name: &str) -> Vec<String> {
    table.resolve(name).unwrap().targets.iter().map(|(deployment, _)| deployment.name.to_string()).collect()
}

fn rebuilt(table: &Table) -> Table {
    Table::build(table.config.clone(), table.providers.clone())
}

#[test]
fn what_several_providers_list_is_a_route_over_all_of_them_in_the_files_order() {
    let yaml = format!(
        "providers:\n{}{}{}",
        provider("zebra", "models: { m: {}, z: {} }"),
        provider("ant", "models: [m]"),
        provider("later", "inject_usage: false"),
    );
    let table = table(&yaml);
    assert_eq!(targets(&table, "m"), ["zebra/m", "ant/m"]);
    assert_eq!(targets(&table, "ant/m"), ["ant/m"]);
    table.providers[2].set_discovered(vec!["m".into(), "z".into(), "l".into()]);
    let table = rebuilt(&table);
    assert_eq!(targets(&table, "m"), ["zebra/m", "ant/m", "later/m"]);
    assert_eq!(targets(&table, "z"), ["zebra/z", "later/z"]);
    let route = table.resolve("m").unwrap();
    assert!(route.listed && route.strategy == Strategy::Priority && &*route.model == "m");
    // One health for one deployment, by whichever name it was reached.
    let single = table.resolve("ant/m").unwrap();
    assert!(Arc::ptr_eq(&route.targets[1].0.health, &single.targets[0].0.health));
    // Each name is listed once, and stays listed when another provider begins to have it.
    let listed: Vec<_> = table.models().collect();
    assert_eq!(listed, [("l", "later"), ("m", "zebra"), ("z", "zebra")]);
    // A public model of that name goes before it.
    let table = self::table(&format!("{yaml}models: {{ m: {{ targets: [ant/m] }} }}\n"));
    assert_eq!(targets(&table, "m"), ["ant/m"]);
}

#[test]
fn who_could_not_say_what_it_serves_does_not_take_every_slip_of_the_pen() {
    let known = "  groq: { api_key: k, base_url: \"http://127.0.0.1:9/v1\" }\n  openai: { api_key: k, base_url: \"http://127.0.0.1:9/v1\" }\n";
    let table = table(&format!("providers:\n{}{known}", provider("up", "models: [real-model]")));
    // Nobody has answered yet: `gpt-` is OpenAI's, and of others nobody knows whose they are.
    assert_eq!(meant(&table, "gpt-5"), "openai/gpt-5");
    assert!(table.resolve("real-modle").is_err());
    table.providers[2].set_discovered(vec!["gpt-5".into()]);
    let table = rebuilt(&table);
    assert_eq!(meant(&table, "real-modle"), "groq/real-modle", "the only one that has not said");
    table.providers[1].set_undiscovered(Undiscovered::Answered);
    let unknown = table.resolve("real-modle").unwrap_err();
    assert_eq!(unknown.near.first().map(String::as_str), Some("real-model"));
    assert_eq!(unknown.silent, ["groq"]);
    // Who names it is sent there; what it has served once is its own.
    assert_eq!(meant(&table, "groq/llama"), "groq/llama");
    let served = table.resolve("groq/llama").unwrap().targets[0].0.clone();
    assert!(table.resolve("llama").is_err());
    served.health.served.store(true, Ordering::Relaxed);
    assert_eq!(meant(&table, "llama"), "groq/llama");
    // Nor does who was not reached, where somebody else may be meant.
    table.providers[1].set_undiscovered(Undiscovered::Unreached);
    assert!(table.resolve("real-modle").is_err());
    table.providers[1].set_undiscovered(Undiscovered::Answered);
    table.providers[1].set_discovered(vec!["llama".into()]);
    assert!(rebuilt(&table).resolve("real-modle").is_err());
    // A name that looks like its own is.
    table.providers[2].set_undiscovered(Undiscovered::Answered);
    assert_eq!(meant(&rebuilt(&table), "gpt-5"), "openai/gpt-5");
}

#[test]
fn who_allows_unlisted_names_takes_them_whatever_it_lists() {
    let table = table(&format!("providers:\n{}", provider("up", "allow_unlisted: true")));
    table.providers[0].set_undiscovered(Undiscovered::Answered);
    assert_eq!(meant(&table, "anything"), "up/anything");
    assert!(table.resolve("up/../x").unwrap_err().silent.is_empty());
    let alone = self::table(&format!("providers:\n{}", provider("up", "inject_usage: false")));
    assert_eq!(meant(&alone, "anything"), "up/anything");
    alone.providers[0].set_undiscovered(Undiscovered::Unreached);
    assert_eq!(meant(&alone, "anything"), "up/anything");
    alone.providers[0].set_undiscovered(Undiscovered::Answered);
    assert_eq!(meant(&alone, "anything"), "up/anything", "there is nobody else, and no name that looks like its own");
    let known = self::table("providers:\n  openai: { api_key: sk-abcdefgh }\n");
    known.providers[0].set_undiscovered(Undiscovered::Answered);
    assert!(known.resolve("anything").is_err());
    assert_eq!(meant(&known, "gpt-5"), "openai/gpt-5");
}
