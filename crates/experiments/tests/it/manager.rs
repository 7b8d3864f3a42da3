//! Experiments as an application runs them, and every decision that an analysis can end with.

use jiff::{SignedDuration, Timestamp};
use promptassay_experiments::analysis::{NoInterval, Verdict, Weight, analyze};
use promptassay_experiments::assignment::Assignment;
use promptassay_experiments::definition::{Experiment, Owner};
use promptassay_experiments::event::Event;
use promptassay_experiments::manager::{Manager, ManagerError, Prompts};
use promptassay_experiments::recorder::RecorderSettings;
use promptassay_experiments::store::{Location, Phase, SqliteStore, Store as _};
use promptassay_registry::content::Rendered;
use promptassay_registry::files::write_atomic;
use promptassay_registry::memory::{Registration, Registry};
use promptassay_registry::template::Values;
use promptassay_registry::tree::Tree;
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use crate::stores::{at, exposure, outcome};

fn experiment(rest: &str) -> Experiment {
    let text = format!(
        "name: e\nvariants:\n- {{name: control, version: 1.0.0}}\n- {{name: treatment, version: 1.1.0}}\nseed: 000102030405060708090a0b0c0d0e0f\n{rest}"
    );
    let mut problems = Vec::new();
    let document = Document::parse("e.yaml", text, &mut problems).unwrap();
    let versions: Vec<Version> = ["1.0.0", "1.1.0"].map(|version| version.parse().unwrap()).to_vec();
    let owner = Owner { prompt: &"greet".parse().unwrap(), versions: &versions };
    let experiment = Experiment::read(&document, owner, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    experiment.unwrap()
}

const METRICS: &str = "\
window: 1d
metrics:
  liked: {kind: binary, role: primary, direction: higher}
  failed: {kind: binary, role: guardrail, direction: lower, margin: 0.05}
plan: {units: 1000}
";

fn registry() -> Registry {
    let mut registry = Registry::new();
    for (version, text) in [("1.0.0", "Hello {name}"), ("1.1.0", "Good day, {name}")] {
        let registration = Registration::new(
            "greet".parse().unwrap(),
            version.parse().unwrap(),
            promptassay_registry::content::VersionContent::Text(
                promptassay_registry::template::Template::parse(
                    promptassay_registry::template::TemplateFormat::Format,
                    text,
                )
                .unwrap(),
            ),
            "ada",
            at(0),
        );
        registry.register(registration).unwrap();
    }
    registry
}

fn values() -> Values {
    [("name".to_owned(), "Ada".into())].into_iter().collect()
}

#[test]
fn an_application_serves_records_and_asks() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("e.db"));
    let prompts = Prompts::Memory(std::sync::Arc::new(registry()));
    let mut manager = Manager::open(prompts, &location, RecorderSettings::default(), [7; 16]).unwrap();
    manager.add_experiment(experiment(METRICS)).unwrap();
    assert!(matches!(manager.add_experiment(experiment(METRICS)), Err(ManagerError::Taken { .. })));
    for unit in 0..200 {
        let unit = format!("user_{unit}");
        let served = manager.get_prompt("e", unit.as_bytes(), &values(), at(0)).unwrap();
        let text = if served.variant.as_deref() == Some("control") { "Hello Ada" } else { "Good day, Ada" };
        assert_eq!(served.rendered, Rendered::Text(text.to_owned()));
        manager.record_exposure(served.exposure.unwrap()).unwrap();
        manager.record_result("e", unit.as_bytes(), "liked", 1.0, at(5)).unwrap();
        manager.record_result_once("e", unit.as_bytes(), "failed", 0.0, at(5), b"x".to_vec()).unwrap();
        manager.record_result_once("e", unit.as_bytes(), "failed", 0.0, at(5), b"x".to_vec()).unwrap();
    }
    let results = manager.get_results("e", at(2 * 86_400)).unwrap();
    let counted = |series: &str| -> u64 {
        results.series.iter().filter(|row| row.series == series).map(|row| row.count).sum()
    };
    assert_eq!((counted("liked"), counted("failed")), (200, 200));
    assert!(
        results
            .series
            .iter()
            .all(|row| row.mean.to_bits() == row.min.to_bits() && row.min.to_bits() == row.max.to_bits())
    );
    assert_eq!(results.analysis.decision.verdict, Verdict::Hold);

    let refused = |result: Result<(), ManagerError>| result.unwrap_err().to_string();
    insta::assert_snapshot!([
        refused(manager.record_result("e", b"u", "liekd", 1.0, at(0))),
        refused(manager.record_result("e", b"u", "liked", 0.5, at(0))),
        refused(manager.record_result("e", b"u", "liked", f64::NAN, at(0))),
        refused(manager.record_result("f", b"u", "liked", 1.0, at(0))),
        refused(manager.get_prompt("e", b"", &values(), at(0)).map(|_| ())),
        refused(manager.get_prompt("e", b"u", &Values::new(), at(0)).map(|_| ())),
    ].join("\n"), @"
    `e` does not record `liekd`; did you mean `liked`?
    0.5 is no value of `liked`: it must be 0 or 1
    NaN is no value of `liked`: it must be a finite number
    there is no experiment `f`; did you mean `e`?
    all units without an id would get the same variant, so an empty id is refused
    no value for `name`
    ");
    assert_eq!(manager.shutdown().unwrap().dropped, 0);
}

#[test]
fn an_experiment_is_created_without_a_file_and_held_to_the_same_rules() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("e.db"));
    let prompts = Prompts::Memory(std::sync::Arc::new(registry()));
    let mut manager = Manager::open(prompts, &location, RecorderSettings::default(), [7; 16]).unwrap();
    let definition = |weight: serde_json::Value| {
        serde_json::json!({
            "scheme": "md5-10000-v1",
            "variants": [
                {"name": "control", "version": "1.0.0", "weight": 0.5},
                {"name": "treatment", "version": "1.2.0", "weight": weight},
            ],
            "metrics": {"rating": {"kind": "mean", "role": "primary", "direction": "higher"}},
        })
    };
    let mut refused = |name: &str, prompt: &str, definition: serde_json::Value| {
        manager.create_experiment(name, prompt, definition).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [
            refused("new", "greet", definition((-1).into())),
            refused("a b", "greet", definition(1.into())),
            refused("new", "great", definition(1.into())),
            refused("new", "greet", serde_json::json!(5)),
        ]
        .join("\n")
    );
    let mut sound = definition(1.5.into());
    sound["variants"][1]["version"] = "1.1.0".into();
    let created = manager.create_experiment("new", "greet", sound.clone()).unwrap();
    assert_eq!(created.effective_shares(), [0.25, 0.75]);
    assert!(matches!(manager.create_experiment("new", "greet", sound), Err(ManagerError::Taken { .. })));
}

#[test]
fn a_stopped_experiment_looks_at_nobody_who_came_later() {
    let mut store = store(500, [40, 42], [20, 20]);
    let stopped = at(900 * 300);
    let experiment = experiment(METRICS);
    store
        .put_phase(
            "e",
            &Phase {
                phase: 1,
                allocation: experiment.allocation_digest(),
                rules: Some(experiment.rules_digest()),
                exposure_millionths: 1_000_000,
                planned_units: 1000,
                prompt: None,
                started_at: at(0),
                stopped: Some((stopped, "no budget".to_owned())),
            },
        )
        .unwrap();
    let before = analyze(&experiment, &mut store, 1, at(900 * 299)).unwrap();
    assert_eq!((before.progress.units, before.progress.stopped), (300, None));
    let waiting = analyze(&experiment, &mut store, 1, at(900 * 300 + 3600)).unwrap();
    assert_eq!((waiting.progress.units, waiting.metrics[0].waiting), (301, 92));
    let over = analyze(&experiment, &mut store, 1, later()).unwrap();
    insta::assert_snapshot!([waiting.decision.sentence, over.decision.sentence].join("\n"));
    assert_eq!((over.progress.units, over.decision.verdict), (301, Verdict::Stop));
}

#[test]
fn whoever_takes_no_part_is_served_the_active_version_and_not_counted() {
    let prompts = Prompts::Memory(std::sync::Arc::new(registry()));
    let directory = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(directory.path().join("e.db"));
    let mut manager = Manager::open(prompts, &location, RecorderSettings::default(), [7; 16]).unwrap();
    manager.add_experiment(experiment(&format!("exposure: 0\n{METRICS}"))).unwrap();
    let served = manager.get_prompt("e", b"u", &values(), at(0)).unwrap();
    assert_eq!(
        (served.variant, served.exposure, served.version.to_string().as_str()),
        (None, None, "v1.1.0")
    );
}

#[test]
fn a_text_that_may_still_change_is_served_in_no_experiment() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("prompts");
    std::fs::create_dir_all(root.join("greet")).unwrap();
    let write = |file: &str, text: &str| write_atomic(&root.join("greet").join(file), text).unwrap();
    write("prompt.yaml", "name: greet\nvariables: [name]\n");
    write("v1.0.0.txt", "Hello {name}");
    write("v1.1.0.txt", "Good day, {name}");
    let location = Location::Sqlite(directory.path().join("e.db"));
    let added = || {
        let prompts = Prompts::Tree(std::sync::Arc::new(Tree::load(&root).tree));
        let mut manager = Manager::open(prompts, &location, RecorderSettings::default(), [7; 16]).unwrap();
        manager.add_experiment(experiment(METRICS)).map(|experiment| experiment.variants.len())
    };
    let digest = |text: &str| promptassay_registry::digest::Digest::of(text).to_string();
    let row = |version: &str, text: &str| {
        format!(
            "  {version}: {{file: v{version}.txt, sha256: {}, interface: {}, created_at: 2026-11-22T10:00:00Z, created_by: ada, description: d}}\n",
            digest(text),
            digest("i")
        )
    };
    insta::assert_snapshot!(added().unwrap_err(), @"v1.0.0 of `greet` is not registered: its text may change for users in mid-phase; `promptassay register greet v1.0.0 -m MESSAGE` freezes it");
    let first = row("1.0.0", "Hello {name}");
    write("prompt.lock", &format!("schema: 1\nversions:\n{first}"));
    insta::assert_snapshot!(added().unwrap_err(), @"v1.1.0 of `greet` is not registered: its text may change for users in mid-phase; `promptassay register greet v1.1.0 -m MESSAGE` freezes it");
    write("prompt.lock", &format!("schema: 1\nversions:\n{first}{}", row("1.1.0", "Good day, {name}")));
    assert_eq!(added().unwrap(), 2);
}

#[test]
fn units_that_were_exposed_before_the_start_are_pointed_out() {
    let mut store = store(400, [40, 42], [20, 20]);
    let experiment = experiment(METRICS);
    let mut begun_at = |started_at| {
        store.put_phase("e", &begun(&experiment, started_at)).unwrap();
        let analysis = analyze(&experiment, &mut store, 1, later()).unwrap();
        assert_eq!(analysis.progress.units, 400);
        let verdict = analysis.decision.verdict;
        let found = analysis.health.findings.into_iter().find(|finding| finding.code == "before_start");
        (found.map(|finding| finding.message), verdict, analysis.decision.sentence)
    };
    assert_eq!(begun_at(at(0)).0, None);
    let (one, _, _) = begun_at(at(1));
    insta::assert_snapshot!(one.unwrap(), @"1 of 400 units were exposed before the phase was started at 2027-01-15T08:00:01Z, so its plan may have been made with them in view");
    let (ten, verdict, sentence) = begun_at(at(900 * 10));
    insta::assert_snapshot!(ten.unwrap(), @"10 of 400 units were exposed before the phase was started at 2027-01-15T10:30:00Z, so its plan may have been made with them in view");
    assert!(verdict != Verdict::Unhealthy && !sentence.contains("in view"), "{sentence}");
    // Most of them: what was planned was known.
    let (_, verdict, sentence) = begun_at(at(900 * 201));
    assert_eq!(verdict, Verdict::Unhealthy);
    insta::assert_snapshot!(sentence, @"no verdict: 201 of 400 units were exposed before the phase was started at 2027-01-17T10:15:00Z, so its plan may have been made with them in view; the next `phase:` counts none of them");
}

#[test]
fn harm_is_said_though_most_units_are_older_than_the_plan() {
    let mut store = store(1200, [40, 40], [5, 60]);
    let experiment = experiment(METRICS);
    store.put_phase("e", &begun(&experiment, at(900 * 1000))).unwrap();
    let decision = analyze(&experiment, &mut store, 1, later()).unwrap().decision;
    assert_eq!(decision.verdict, Verdict::Stop, "{}", decision.sentence);
    assert!(
        decision.sentence.contains("harms `failed`") && decision.sentence.contains("; but "),
        "{}",
        decision.sentence
    );
}

#[test]
fn a_winner_of_which_some_units_are_older_than_the_plan_is_shipped_with_a_doubt() {
    let mut store = store(1200, [40, 60], [20, 20]);
    let experiment = experiment(METRICS);
    store.put_phase("e", &begun(&experiment, at(900 * 200))).unwrap();
    let decision = analyze(&experiment, &mut store, 1, later()).unwrap().decision;
    assert_eq!(decision.verdict, Verdict::Ship);
    assert!(decision.sentence.contains("; but 200 of "), "{}", decision.sentence);
}

/// The first phase, of 1,000 planned units.
fn begun(experiment: &Experiment, started_at: Timestamp) -> Phase {
    Phase {
        phase: 1,
        allocation: experiment.allocation_digest(),
        rules: Some(experiment.rules_digest()),
        exposure_millionths: 1_000_000,
        planned_units: 1000,
        prompt: None,
        started_at,
        stopped: None,
    }
}

/// An id that the assignment gives the control, where the number is even, and else the treatment.
fn unit(number: usize, spread: &Experiment) -> String {
    let given = |id: &String| spread.assign(id.as_bytes()).unwrap() == Assignment::Variant(number % 2);
    (0..100).map(|draw| format!("u{number}-{draw}")).find(given).unwrap()
}

/// Units alternate between the arms, one per quarter of an hour; every `n`th of an arm has the outcome.
fn store(units: usize, liked: [usize; 2], failed: [usize; 2]) -> SqliteStore {
    let mut store = SqliteStore::in_memory().unwrap();
    let mut events: Vec<Event> = Vec::new();
    let spread = experiment(METRICS);
    for number in 0..units {
        let arm = number % 2;
        let unit = unit(number, &spread);
        let seconds = 900 * i64::try_from(number).unwrap();
        events.push(exposure(&unit, ["control", "treatment"][arm], seconds));
        // Spread evenly over the percentages.
        let place = number / 2 * 37 % 100;
        for (series, percent) in [("liked", liked[arm]), ("failed", failed[arm])] {
            if place < percent {
                events.push(outcome(&unit, series, 1.0, seconds + 60, "1"));
            }
        }
    }
    store.write(&events).unwrap();
    store
}

fn verdict(store: &mut SqliteStore, now: Timestamp) -> (Verdict, String) {
    let decision = analyze(&experiment(METRICS), store, 1, now).unwrap().decision;
    (decision.verdict, decision.sentence)
}

fn later() -> Timestamp {
    at(0).checked_add(SignedDuration::from_hours(24 * 60)).unwrap()
}

#[test]
fn every_decision_is_reached() {
    let mut seen = Vec::new();
    let mut say = |store: &mut SqliteStore, now| {
        let (verdict, sentence) = verdict(store, now);
        seen.push(format!("{verdict:?}: {sentence}"));
    };
    // At the planned end.
    say(&mut store(1000, [40, 55], [20, 20]), later());
    say(&mut store(1000, [40, 55], [20, 24]), later());
    say(&mut store(1000, [40, 55], [20, 40]), later());
    say(&mut store(1000, [40, 42], [20, 20]), later());
    // Before it.
    say(&mut store(500, [40, 42], [20, 20]), at(900 * 500 + 86_400));
    say(&mut store(800, [30, 70], [5, 5]), at(900 * 800 + 86_400));
    say(&mut store(0, [0, 0], [0, 0]), later());
    // More than one percent in both.
    let mut both = store(1000, [40, 55], [20, 20]);
    let twice: Vec<Event> = (0..24)
        .map(|number| {
            exposure(&unit(number, &experiment(METRICS)), ["treatment", "control"][number % 2], 999)
        })
        .collect();
    both.write(&twice).unwrap();
    say(&mut both, later());
    insta::assert_snapshot!(seen.join("\n"));
}

#[test]
fn a_pace_takes_a_day_and_thirty_units() {
    let left = |units, seconds| {
        let mut store = store(units, [40, 42], [20, 20]);
        analyze(&experiment(METRICS), &mut store, 1, at(seconds)).unwrap().progress.days_left
    };
    assert_eq!(left(29, 10 * 86_400), None);
    assert_eq!(left(30, 86_399), None);
    assert!(left(30, 86_400).is_some());
}

#[test]
fn looking_again_after_the_planned_end_changes_nothing() {
    let mut store = store(1400, [40, 45], [20, 20]);
    let early = analyze(&experiment(METRICS), &mut store, 1, at(900 * 1000 + 86_400)).unwrap();
    let late = analyze(&experiment(METRICS), &mut store, 1, later()).unwrap();
    assert!(early.progress.at_horizon);
    assert_eq!((early.metrics, early.decision), (late.metrics, late.decision));
}

#[test]
fn what_may_not_be_judged_yet_has_no_interval() {
    let few = analyze(&experiment(METRICS), &mut store(150, [40, 50], [20, 20]), 1, later()).unwrap();
    let reason = few.metrics[0].comparisons[0].no_interval.unwrap();
    assert_eq!(reason, NoInterval::TooFewUnits { units: 75, needed: 100 });
    let rare = analyze(&experiment(METRICS), &mut store(400, [40, 50], [2, 2]), 1, later()).unwrap();
    let reason = rare.metrics[1].comparisons[0].no_interval.unwrap();
    assert_eq!(reason, NoInterval::TooFewSuccesses { count: 4, needed: 25 });
    let open_ended = experiment(&METRICS.replace("window: 1d\n", ""));
    let analysis = analyze(&open_ended, &mut store(400, [40, 50], [20, 20]), 1, later()).unwrap();
    assert_eq!(analysis.metrics[0].comparisons[0].no_interval, Some(NoInterval::NoWindow));
    // A unit whose window is open is not counted yet.
    let half = analyze(&experiment(METRICS), &mut store(400, [40, 50], [20, 20]), 1, at(900 * 200 + 86_400))
        .unwrap();
    let counted: u64 = half.metrics[0].arms.iter().map(|arm| arm.with_value).sum();
    assert_eq!((half.progress.units, counted), (297, 201));
}

#[test]
fn a_variant_of_weight_zero_with_units_blocks() {
    let text = METRICS.to_owned();
    let definition = format!(
        "name: e\nvariants:\n- {{name: control, version: 1.0.0}}\n- {{name: treatment, version: 1.0.0}}\n- {{name: off, version: 1.0.0, weight: 0}}\nseed: 000102030405060708090a0b0c0d0e0f\n{text}"
    );
    let mut problems = Vec::new();
    let document = Document::parse("e.yaml", definition, &mut problems).unwrap();
    let owner = Owner { prompt: &"greet".parse().unwrap(), versions: &["1.0.0".parse().unwrap()] };
    let experiment = Experiment::read(&document, owner, &mut problems).unwrap();
    let mut store = store(400, [40, 50], [20, 20]);
    store.write(&[exposure("x", "off", 1), exposure("y", "gone", 1)]).unwrap();
    let analysis = analyze(&experiment, &mut store, 1, later()).unwrap();
    let blocking: Vec<&str> = analysis
        .health
        .findings
        .iter()
        .filter(|finding| finding.weight == Weight::Blocks)
        .map(|finding| finding.code)
        .collect();
    assert_eq!(blocking, ["zero_weight", "unknown_variant"]);
    assert_eq!(analysis.decision.verdict, Verdict::Unhealthy);
}
