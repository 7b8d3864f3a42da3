//! An analysis of outcomes that do not tell: too few of them, or none in one variant.

use insta::assert_snapshot;

use super::{TRIAL, sandbox};
use crate::sandbox::Sandbox;

const LOOK: [&str; 6] = ["analyze", "trial", "--from", "t.csv", "--at", "2026-03-01T00:00:00Z"];

/// 1,000 users and what became of each: whether it was resolved, and what it cost where that is known.
fn table(sandbox: &Sandbox, outcome: impl Fn(usize, &str) -> (bool, Option<f64>)) {
    let units: Vec<String> = (0..1000).map(|number| format!("u{number}")).collect();
    let assigned = sandbox
        .run(&[&["assign", "trial"], &units.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    let mut table = "unit,variant,metric,value,at\n".to_owned();
    for (number, line) in assigned.stdout.lines().enumerate() {
        let (unit, variant) = line.split_once('\t').unwrap();
        let (resolved, cost) = outcome(number, variant);
        let at = format!("2026-01-{:02}T00:00:00Z", 1 + number / 100);
        table.push_str(&format!("{unit},{variant},resolved,{},{at}\n", u8::from(resolved)));
        if let Some(cost) = cost {
            table.push_str(&format!("{unit},,cost,{cost},{at}\n"));
        }
    }
    sandbox.write("t.csv", table);
}

#[test]
fn a_rate_that_is_too_rare_to_compare_is_not_said_to_be_no_better() {
    let sandbox = sandbox();
    table(&sandbox, |number, variant| {
        let every = if variant == "treatment" { 8 } else { 90 };
        (number % every == 0, Some(1.0 + (number % 7) as f64))
    });
    assert_snapshot!(sandbox.session(&[&LOOK]));
}

#[test]
fn a_guardrail_that_is_recorded_in_one_variant_only_does_not_hold() {
    let sandbox = sandbox();
    sandbox.edit(
        "prompts/greet/experiments/trial.yaml",
        "cost: {kind: mean,",
        "cost: {kind: mean, per_unit: sum,",
    );
    let outcome = |number: usize, variant: &str| {
        let resolved = number % 10 < if variant == "treatment" { 8 } else { 5 };
        (resolved, (variant == "control").then_some(1.0 + (number % 7) as f64))
    };
    table(&sandbox, outcome);
    let unknown = sandbox.session(&[&LOOK]);
    // Whoever knows that nothing was spent records that.
    table(&sandbox, |number, variant| {
        let (resolved, cost) = outcome(number, variant);
        (resolved, cost.or(Some(0.0)))
    });
    assert_snapshot!(unknown + &sandbox.session(&[&LOOK]));
}

/// The values that are there say nothing of those that are lost, such as of all whose request failed.
#[test]
fn values_that_are_missing_in_one_variant_far_more_often_prove_nothing() {
    let sandbox = sandbox();
    let lost = |number: usize, variant: &str| variant == "treatment" && !number.is_multiple_of(3);
    table(&sandbox, |number, variant| {
        let resolved = number % 10 < if variant == "treatment" { 8 } else { 5 };
        (resolved, (!lost(number, variant)).then_some(1.0 + (number % 7) as f64 / 10.0))
    });
    let mut seen = "## a guardrail\n".to_owned() + &sandbox.session(&[&LOOK]);
    let trial = "prompts/greet/experiments/trial.yaml";
    sandbox.edit(trial, "role: primary", "role: success");
    sandbox.edit(trial, "role: guardrail, direction: lower, margin: 0.5", "role: primary, direction: lower");
    sandbox.edit(trial, "smallest_effect: 0.1, baseline: 0.4,", "smallest_effect: 0.5, sd: 1,");
    table(&sandbox, |number, variant| {
        let cost = if variant == "treatment" { 1.0 } else { 2.0 };
        (number % 2 == 0, (!lost(number, variant)).then_some(cost + (number % 7) as f64 / 10.0))
    });
    seen = seen + "## a primary\n" + &sandbox.session(&[&LOOK]);
    assert_snapshot!(seen);
}

#[test]
fn harm_that_only_the_treatment_does_is_harm() {
    let sandbox = sandbox();
    sandbox.edit(
        "prompts/greet/experiments/trial.yaml",
        "cost: {kind: mean,",
        "cost: {kind: mean, per_unit: count,",
    );
    table(&sandbox, |number, variant| {
        let resolved = number % 10 < if variant == "treatment" { 8 } else { 5 };
        (resolved, (variant == "treatment" && number % 5 != 0).then_some(1.0))
    });
    let seen = sandbox.run(&LOOK);
    assert!(seen.stdout.contains("stop: `treatment` harms `cost`"), "{}", seen.shown());
    assert!(!seen.stdout.contains("recorded in one variant only"), "{}", seen.shown());
}

#[test]
fn a_primary_metric_that_only_the_treatment_records_is_no_win() {
    let sandbox = sandbox();
    let trial = "prompts/greet/experiments/trial.yaml";
    sandbox.edit(
        trial,
        "resolved: {kind: binary, role: primary, direction: higher}",
        "resolved: {kind: binary, role: success, direction: higher}",
    );
    sandbox.edit(
        trial,
        "cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}",
        "cost: {kind: mean, per_unit: sum, role: primary, direction: higher}",
    );
    sandbox.edit(
        trial,
        "{smallest_effect: 0.1, baseline: 0.4, units: 800}",
        "{smallest_effect: 0.5, sd: 1, units: 800}",
    );
    table(&sandbox, |number, variant| {
        (number % 2 == 0, (variant == "treatment").then_some(1.0 + (number % 7) as f64))
    });
    let seen = sandbox.run(&LOOK);
    assert!(!seen.stdout.contains("ship"), "{}", seen.shown());
    let why = "whether `cost` is better cannot be told in `treatment` (it is recorded in one variant only)";
    assert!(seen.stdout.contains(why), "{}", seen.shown());
}

/// Until a while ago such a margin was no mistake, so there may be experiments that run with one.
#[test]
fn a_rate_whose_margin_bounds_nothing_starts_nothing_and_holds_nothing_but_is_served() {
    let sandbox = sandbox();
    table(&sandbox, |number, variant| {
        let [resolved, failed] = if variant == "treatment" { [8, 4] } else { [5, 1] };
        (number % 10 < resolved, Some(f64::from(number / 10 % 10 < failed)))
    });
    let cost =
        |margin: &str| format!("cost: {{kind: binary, role: guardrail, direction: lower, margin: {margin}}}");
    sandbox.edit(TRIAL, "cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}", &cost("5"));
    let served = sandbox.run(&["assign", "trial", "u1", "--by-file"]);
    assert_eq!(served.code, Some(0), "{}", served.shown());
    let mut seen = sandbox.session(&[&["check"], &["experiment", "start", "trial"], &LOOK]);
    sandbox.edit(TRIAL, &cost("5"), &cost("0.5, baseline: 0.6"));
    seen += &sandbox.session(&[
        &["check"],
        &["experiment", "start", "trial"],
        &["experiment", "power", "trial"],
        &["simulate", "trial", "--experiments", "5", "--looks", "1"],
        &LOOK,
    ]);
    assert_snapshot!(seen);
}

/// Nobody wrote a `baseline`, or a wrong one; the control says it.
#[test]
fn a_rate_that_cannot_become_worse_by_its_margin_in_the_control_does_not_hold() {
    let sandbox = sandbox();
    let cost = |rest: &str| format!("cost: {{kind: binary, role: guardrail, margin: 0.2, {rest}}}");
    sandbox.edit(
        TRIAL,
        "cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}",
        &cost("direction: lower"),
    );
    let failing = |of_control: usize, of_treatment: usize| {
        table(&sandbox, |number, variant| {
            let is_treatment = variant == "treatment";
            let failed = if is_treatment { of_treatment } else { of_control };
            (
                number % 10 < if is_treatment { 8 } else { 5 },
                Some(f64::from(u8::from(number * 7919 % 1000 < failed))),
            )
        });
    };
    failing(840, 920);
    let mut seen = "## without a baseline\n".to_owned() + &sandbox.session(&[&LOOK]);
    let verdict = |rest: &str| {
        let before = sandbox.read(TRIAL);
        sandbox.edit(TRIAL, &cost("direction: lower"), &cost(rest));
        let shown = sandbox.run(&LOOK).stdout;
        sandbox.write(TRIAL, before);
        let last = |has: &str| shown.lines().filter(|line| line.contains(has)).collect::<Vec<_>>().join("\n");
        format!("{}\n{}\n", last("its margin"), shown.lines().last().unwrap())
    };
    seen += &format!("\n## with a wrong one\n{}", verdict("direction: lower, baseline: 0.5"));
    failing(160, 80);
    seen += &format!("## a rate that is better higher\n{}", verdict("direction: higher"));
    failing(500, 500);
    seen += &format!("## where there is room\n{}", verdict("direction: lower"));
    assert_snapshot!(seen);
}
