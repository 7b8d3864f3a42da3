//! What docs/lifecycle.md composes in Rust is what the program does.

use jiff::SignedDuration;
use promptassay_experiments::definition::{Experiment, Owner};
use promptassay_experiments::store::{Location, open_to_look};
use promptassay_lifecycle::live::LivePrompts;
use promptassay_registry::template::Values;
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;
use serde_json::json;

use super::*;
use crate::lifecycle::shown::{runs, serve};
use crate::sandbox::EXPERIMENT;

const TRIAL: &str = "prompts/greet/experiments/trial.yaml";
const LEDGER: &str = "prompts/greet/lifecycle.jsonl";

#[test]
fn the_page_shows_what_is_compiled() {
    let page = include_str!("../../../../../docs/lifecycle.md");
    let shown = include_str!("shown.rs");
    let (_, code) = shown.split_once("\n\n").unwrap();
    assert!(
        page.contains(&format!("```rust,ignore\n{code}```\n")),
        "docs/lifecycle.md has other Rust than\n{code}"
    );
}

/// How many units an experiment, the canary and production serve, by the page's Rust; the program says the same of each.
fn served(sandbox: &Sandbox) -> [usize; 3] {
    let prompts = LivePrompts::open(sandbox.path("prompts")).unwrap();
    let state = prompts.state();
    let prompt = state.tree().find("greet").unwrap();
    let versions: Vec<Version> = prompt.versions().map(|version| version.version.clone()).collect();
    let owner = Owner { prompt: prompt.name(), versions: &versions };
    let mut problems = Vec::new();
    let document = Document::parse(TRIAL, sandbox.read(TRIAL), &mut problems).unwrap();
    let experiment = Experiment::read(&document, owner, &mut problems).unwrap();
    let location = Location::Sqlite(sandbox.path("data/experiments.db"));
    let phases = open_to_look(&location).and_then(|mut store| store.phases("trial")).unwrap_or_default();
    // Behind every line of the ledger and of the store, and before the canary expires.
    let head = sandbox
        .read(LEDGER)
        .lines()
        .last()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let latest: jiff::Timestamp = head.unwrap()["at"].as_str().unwrap().parse().unwrap();
    let now = latest + SignedDuration::from_hours(1);
    let running = Some(&experiment).filter(|experiment| runs(experiment, &phases, now));
    let values = Values::from_iter([("name".to_owned(), json!("Ada")), ("tone".to_owned(), json!("warm"))]);
    let mut counts = [0; 3];
    for unit in (0..40).map(|unit| format!("user-{unit}")) {
        let (rendering, variant) = serve(&state, running, "greet", &unit, &values, now).unwrap();
        let said = sandbox.run(&["resolve", "greet", "--unit", &unit, "--at", &now.to_string(), "--json"]);
        let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(said["version"], json!(rendering.version), "{unit}: {said}");
        assert_eq!(said["decision"]["variant"].as_str(), variant, "{unit}: {said}");
        let by = match (variant, said["stage"].as_str()) {
            (Some(_), _) => 0,
            (None, Some("canary")) => 1,
            (None, _) => 2,
        };
        counts[by] += 1;
    }
    counts
}

#[test]
fn an_experiment_decides_first_then_the_canary_then_production() {
    let sandbox = tested(&format!("{RECORDED}store: ../data/experiments.db\n"));
    done(&sandbox, &["canary", "greet", "1.1.0", "--percent", "50", "--evidence", "latest"]);
    let definition = EXPERIMENT.replace("v1.1.0", "v1.2.0");
    sandbox.write(TRIAL, definition.replace("name: trial", "name: trial\nexposure: 0.5"));
    let before = served(&sandbox);
    assert!(before[0] == 0 && before[1] > 0 && before[2] > 0, "not started: {before:?}");
    let experiment = |arguments: &[&str]| {
        let seen = sandbox.run(&[&["experiment"], arguments].concat());
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    };
    experiment(&["start", "trial"]);
    let running = served(&sandbox);
    assert!(running.iter().all(|count| *count > 0), "started: {running:?}");
    sandbox.edit(TRIAL, "exposure: 0.5", "exposure: 0.25");
    assert_eq!(served(&sandbox), before, "another file than was started");
    sandbox.edit(TRIAL, "exposure: 0.25", "exposure: 0.5");
    experiment(&["stop", "trial", "--reason", "Seen enough"]);
    assert_eq!(served(&sandbox), before, "stopped");
}
