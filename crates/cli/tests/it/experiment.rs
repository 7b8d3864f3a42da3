//! Experiments from definition to decision, as a process.

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "rows of a few hundred; the line says what they look like"
)]

mod archived;
mod as_of;
mod at_once;
mod first;
mod gone;
mod known_ids;
mod lost_rows;
mod named_stores;
mod over;
mod phases;
mod seeds;
mod served_by_postgresql;
mod treatments;
mod unknown_outcomes;

use insta::assert_snapshot;

use crate::sandbox::{EXPERIMENT, Sandbox};

const TRIAL: &str = "prompts/greet/experiments/trial.yaml";

/// An experiment whose versions may still change.
fn drafted() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.edit("prompts/registry.yaml", "replies:", "store: ../data/experiments.db\nreplies:");
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    sandbox.write(TRIAL, EXPERIMENT);
    sandbox
}

/// One that lacks nothing.
fn sandbox() -> Sandbox {
    let sandbox = drafted();
    for version in ["v1.0.0", "v1.1.0"] {
        let seen = sandbox.run(&["register", "greet", version, "-m", "To try", "--by", "Ada"]);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
    sandbox
}

/// Units spread by the binary itself, with outcomes: 40 % resolved in the control, `better` percent in the treatment.
fn table(sandbox: &Sandbox, units: u32, better: u32) -> String {
    let ids: String = (0..units).map(|unit| format!("u{unit}\n")).collect::<Vec<_>>().concat();
    let assigned = sandbox.run_with_input(&["assign", "trial", "-"], ids);
    assert_eq!(assigned.code, Some(0), "{}", assigned.shown());
    let mut text = "unit,variant,metric,value,at\n".to_owned();
    for (index, line) in (0_u32..).zip(assigned.stdout.lines()) {
        let (unit, variant) = line.split_once('\t').unwrap();
        let rate = if variant == "control" { 40 } else { better };
        let resolved = u32::from(index.wrapping_mul(2_654_435_761) % 100 < rate);
        let hour = index % 192;
        let at = format!("2026-01-{:02}T{:02}:00:00Z", 2 + hour / 24, hour % 24);
        text += &format!("{unit},{variant},resolved,{resolved},{at}\n{unit},,cost,{}.5,{at}\n", index % 3);
    }
    text
}

#[test]
fn from_definition_to_decision() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.session(&[
        &["experiment", "list"],
        &["experiment", "show", "trial"],
        &["experiment", "power", "trial"],
        &["simulate", "trial", "--experiments", "20"],
        &["simulate", "trial", "--experiments", "20", "--effect", "0.1", "--looks", "1"],
        &["expose", "trial", "u1"],
        &["analyze", "trial", "--store", "nowhere.db"],
        &["experiment", "start", "trial"],
        &["experiment", "list"],
        &["experiment", "start", "trial"],
        &["assign", "trial", "u1", "u2"],
        &["expose", "trial", "u1"],
        &["record", "trial", "u1", "resolved", "1", "--id", "a"],
        &["record", "trial", "u1", "resolved", "1", "--id", "a"],
        &["record", "trial", "u1", "resolved", "2"],
        &["record", "trial", "u1", "resolvd", "1"],
        &["record", "trial", "", "resolved", "1"],
        &["analyze", "trial"],
        &["experiment", "stop", "trial", "--reason", "enough"],
        &["expose", "trial", "u2"],
        &["experiment", "show", "trial"],
        &["experiment", "start", "trial"],
        &["assign", "tiral", "u1"],
        &["expose", "greet", "u1"],
        &["check"],
    ]));
}

#[test]
fn a_plan_says_what_it_can_show_of_the_guardrails() {
    let sandbox = sandbox();
    sandbox.edit(
        TRIAL,
        "plan:",
        "  \
  escalated: {kind: binary, role: guardrail, direction: lower, margin: 0.09}
  refunded: {kind: binary, role: guardrail, direction: lower, margin: 0.01}
  rated: {kind: mean, role: guardrail, direction: higher, margin: 0.2, sd: 1}
  crashed: {kind: binary, role: guardrail, direction: lower, margin: 0.01, baseline: 0.02}
plan:",
    );
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &["experiment", "power", "trial"],
        &["experiment", "power", "trial", "--json"],
        &["simulate", "trial", "--experiments", "20"],
        &["simulate", "trial", "--experiments", "20", "--json"],
        &["experiment", "start", "trial"],
        &["experiment", "start", "trial"],
    ])));
    sandbox.edit(TRIAL, "margin: 0.5}", "margin: 0.5, baseline: 0.1}");
    sandbox.edit(TRIAL, "margin: 0.01}", "margin: 0.01, sd: -1}");
    sandbox.edit(TRIAL, "direction: higher}", "direction: higher, baseline: 2}");
    assert_snapshot!(sandbox.clean(&sandbox.run(&["check"]).shown()));
}

#[test]
fn who_never_looks_before_the_end_is_told_nothing_of_looks() {
    let sandbox = sandbox();
    let simulated =
        |looks: &str| sandbox.run(&["simulate", "trial", "--experiments", "5", "--looks", looks]).stdout;
    assert!(simulated("1").contains("different at the look before"), "{}", simulated("1"));
    assert!(!simulated("0").contains("look"), "{}", simulated("0"));
}

#[test]
fn a_plan_of_few_units_is_one_of_as_many_as_an_interval_takes() {
    let sandbox = sandbox();
    sandbox.edit(
        TRIAL,
        "{smallest_effect: 0.1, baseline: 0.4, units: 800}",
        "{smallest_effect: 0.5, baseline: 0.4}",
    );
    sandbox.edit(TRIAL, "  cost: {kind: mean, role: guardrail, direction: lower, margin: 0.5}\n", "");
    assert_snapshot!(sandbox.run(&["experiment", "power", "trial"]).shown());
}

#[test]
fn what_has_not_happened_is_not_recorded() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    sandbox.write(
        "future.csv",
        "unit,variant,metric,value,at\n\
         u1,control,resolved,1,2026-01-02T00:00:00Z\n\
         u2,control,resolved,1,2098-01-02T00:00:00Z\n\
         u3,control,resolved,1,2098-01-03T00:00:00Z\n",
    );
    let later = ["--at", "2098-01-02T00:00:00Z"];
    assert_snapshot!(sandbox.session(&[
        &["import", "trial", "future.csv"],
        &[&["expose", "trial", "u1"][..], &later].concat(),
        &[&["record", "trial", "u1", "resolved", "1"][..], &later].concat(),
        &["export", "trial"],
    ]));
    // A table is asked what it would say on any day.
    let asked = sandbox.run(&[&["analyze", "trial", "--from", "future.csv"][..], &later].concat());
    assert!(asked.code == Some(0) && asked.stdout.contains("2 of 800 units"), "{}", asked.shown());
}

#[test]
fn an_outcome_with_an_empty_id_is_refused() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_snapshot!(
        sandbox.session(&[&["record", "trial", "u1", "resolved", "1", "--id", ""], &["export", "trial"],])
    );
}

#[test]
fn what_is_refused_leaves_no_store_behind() {
    let sandbox = sandbox();
    sandbox.edit(TRIAL, "units: 800", "units: 8");
    sandbox.write("wrong.csv", "unit,variant,at\nu1,contrl,2026-01-02T00:00:00Z\n");
    for command in [
        &["experiment", "start", "trial"][..],
        &["expose", "trial", "u1"],
        &["import", "trial", "wrong.csv"],
        &["record", "trial", "u1", "resolved", "2"],
        &["check"],
        &["assign", "trial", "u1"],
    ] {
        sandbox.run(command);
        assert!(!sandbox.path("data").exists(), "{command:?}");
    }
    sandbox.edit(TRIAL, "units: 8", "units: 800");
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    // An older store is checked as it is, and brought up to date by who writes.
    let store = std::fs::read(sandbox.path("data/experiments.db")).unwrap();
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
    assert_eq!(std::fs::read(sandbox.path("data/experiments.db")).unwrap(), store);
}

#[test]
fn a_store_that_does_not_answer_moves_nobody_in_silence() {
    let sandbox = sandbox();
    sandbox.write("broken.db", "this is no database, but it is long enough to be taken for one");
    sandbox.edit("prompts/registry.yaml", "../data/experiments.db", "../broken.db");
    let helped = sandbox.session(&[
        &["assign", "trial", "u1", "u2"],
        &["assign", "trial", "u1", "u2", "--by-file"],
        &["assign", "trial", "u1", "--by-file", "--store", "other.db"],
    ]);
    assert_snapshot!(sandbox.clean(&helped));
}

#[test]
fn the_name_of_an_experiment_is_called_one() {
    let sandbox = sandbox();
    let named = |name| ["experiment", "new", "greet", name, "--treatment", "v1.1.0"];
    assert_snapshot!(sandbox.session(&[&named("Bad-Name!"), &named("a/b"), &["new", "a/b"]]));
}

#[test]
fn a_table_from_elsewhere_is_decided_like_the_store() {
    let sandbox = sandbox();
    sandbox.write("events.csv", table(&sandbox, 1000, 60));
    let at = ["--at", "2026-02-01T00:00:00Z"];
    let of_file = sandbox.run(&[&["analyze", "trial", "--from", "events.csv"][..], &at].concat());
    assert_snapshot!(of_file.shown());
    let markdown =
        sandbox.run(&[&["analyze", "trial", "--from", "events.csv", "--markdown"][..], &at].concat());
    assert_snapshot!(markdown.shown());
    assert_eq!(sandbox.json(&["import", "trial", "events.csv"])["outcomes"], 2000);
    assert_eq!(sandbox.json(&["import", "trial", "events.csv"])["repeated"], 3000);
    let stored = sandbox.run(&[&["analyze", "trial"][..], &at].concat());
    assert_eq!(stored.stdout, of_file.stdout);
    // What is exported says the same again.
    sandbox.write("back.jsonl", sandbox.run(&["export", "trial"]).stdout);
    sandbox.write("back.csv", sandbox.run(&["export", "trial", "--as", "csv"]).stdout);
    for file in ["back.jsonl", "back.csv"] {
        let again = sandbox.run(&[&["analyze", "trial", "--from", file][..], &at].concat());
        assert_eq!(again.stdout, of_file.stdout, "{file}");
    }
}

#[test]
fn a_wrong_table_is_refused_as_a_whole() {
    let sandbox = sandbox();
    sandbox.write(
        "wrong.csv",
        "unit,variant,metric,value,at\n\
         u1,control,resolved,1,2026-01-02T00:00:00Z\n\
         u2,contrl,resolved,1,2026-01-02T00:00:00Z\n\
         u3,,resolved,2,2026-01-02T00:00:00Z\n\
         u4,,costs,2,2026-01-02T00:00:00Z\n\
         u5,,cost,two,2026-01-02T00:00:00Z\n\
         u6,,cost,2,yesterday\n\
         u7,,,,2026-01-02T00:00:00Z\n\
         ,control,,,2026-01-02T00:00:00Z\n",
    );
    sandbox.write("header.csv", "user,variant,time\nu1,control,2026-01-02T00:00:00Z\n");
    assert_snapshot!(sandbox.session(&[
        &["import", "trial", "wrong.csv"],
        &["import", "trial", "header.csv"],
        &["import", "trial", "nowhere.csv"],
        &["import", "trial", "wrong.txt"],
        &["export", "trial"],
    ]));
    // Standard input cannot be read twice; the rows before the wrong one stay.
    let half = sandbox.run_with_input(&["import", "trial", "-", "--as", "csv"], sandbox.read("wrong.csv"));
    assert_snapshot!(half.shown());
}

#[test]
fn a_column_that_is_not_read_is_named() {
    let sandbox = sandbox();
    let table = |column: &str| {
        format!(
            "unit,variant,metric,value,at,{column}\n\
             u1,control,resolved,1,2026-01-02T00:00:00Z,a\n\
             u1,,cost,1,2026-01-02T00:00:00Z,b\n"
        )
    };
    sandbox.write("misspelt.csv", table("idd"));
    sandbox.write("other.csv", table("event_id"));
    let shown = sandbox.session(&[
        &["import", "trial", "misspelt.csv"],
        &["analyze", "trial", "--from", "misspelt.csv"],
        &["import", "trial", "other.csv"],
    ]);
    assert_snapshot!(shown);
    let analysis = sandbox.run(&["analyze", "trial", "--from", "other.csv"]);
    assert_snapshot!(analysis.stderr);
}

#[test]
fn what_ends_nothing_or_was_never_there_is_refused() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &["experiment", "stop", "trial", "--reason", " "],
        &["experiment", "stop", "trial", "--reason", "enough"],
        &["experiment", "stop", "trial", "--reason", "again"],
        &["analyze", "trial", "--phase", "9"],
    ])));
}

#[test]
fn a_covariate_that_nobody_has_adjusts_nothing() {
    let sandbox = sandbox();
    sandbox.write(TRIAL, EXPERIMENT.replace("margin: 0.5", "margin: 0.5, covariate: cost_before"));
    sandbox.write("events.csv", table(&sandbox, 1000, 60));
    let shown = sandbox.run(&["analyze", "trial", "--from", "events.csv", "--at", "2026-02-01T00:00:00Z"]);
    assert_eq!(shown.code, Some(0), "{}", shown.shown());
    let line = shown.stdout.lines().find(|line| line.contains("warning")).unwrap_or_default();
    let said =
        "warning: no value of `cost_before` was recorded before the exposure: nothing of `cost` is adjusted";
    assert_eq!(line.trim(), said);
    assert!(!shown.stdout.contains("adjusted by"), "{}", shown.stdout);
}

#[test]
fn a_comment_has_the_corrected_p_and_the_relative_change_as_well() {
    let sandbox = sandbox();
    sandbox.write(
        TRIAL,
        EXPERIMENT
            .replace("role: guardrail, direction: lower, margin: 0.5", "role: success, direction: lower"),
    );
    sandbox.write("events.csv", table(&sandbox, 1000, 60));
    let at = ["--from", "events.csv", "--at", "2026-02-01T00:00:00Z"];
    let markdown = sandbox.run(&[&["analyze", "trial", "--markdown"][..], &at].concat());
    let terminal = sandbox.run(&[&["analyze", "trial"][..], &at].concat());
    let count = |text: &str, word: &str| text.matches(word).count();
    for word in ["corrected p", "relative"] {
        assert_eq!(count(&markdown.stdout, word), count(&terminal.stdout, word), "{}", markdown.stdout);
        assert_ne!(count(&markdown.stdout, word), 0, "{word}");
    }
}

#[test]
fn exposures_that_the_assignment_does_not_give_are_counted() {
    let sandbox = sandbox();
    let table = table(&sandbox, 1000, 60);
    let swapped = table.replace(",control,", ",other,").replace(",treatment,", ",control,");
    sandbox.write("events.csv", &table);
    sandbox.write("swapped.csv", swapped.replace(",other,", ",treatment,"));
    let at = ["--at", "2026-02-01T00:00:00Z"];
    let found = |analyze: &[&str]| {
        let seen = sandbox.run(&[analyze, &at].concat());
        let line = seen.stdout.lines().find(|line| line.contains("assignment")).unwrap_or_default();
        format!("{:?} {}", seen.code, line.trim())
    };
    let mut said = vec![
        found(&["analyze", "trial", "--from", "events.csv"]),
        found(&["analyze", "trial", "--from", "swapped.csv"]),
        found(&["analyze", "trial", "--from", "swapped.csv", "--markdown"]),
    ];
    // What this program started, it spread as well: there it blocks.
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(sandbox.run(&["import", "trial", "swapped.csv"]).code, Some(0));
    said.push(found(&["analyze", "trial"]));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn ids_are_bytes_on_their_way_in_and_out() {
    let sandbox = sandbox();
    let bytes = sandbox.run_with_input(&["assign", "trial", "-", "--format", "json"], b"\xff\xfe\nu1\n");
    let plain = sandbox.run_with_input(&["assign", "trial", "-"], b"u1\r\nu1\n");
    let empty = sandbox.run_with_input(&["assign", "trial", "-"], b"u1\n\nu2\n");
    assert_snapshot!(format!("{}\n{}\n{}", bytes.shown(), plain.shown(), empty.shown()));
}

#[test]
fn an_analysis_is_json_by_its_own_flag_too() {
    let sandbox = sandbox();
    sandbox.write("events.csv", table(&sandbox, 1000, 60));
    let at = ["--from", "events.csv", "--at", "2026-01-05T00:00:00Z"];
    let own = sandbox.run(&[&["analyze", "trial", "--json"][..], &at].concat());
    let of_all = sandbox.run(&[&["analyze", "trial", "--format", "json"][..], &at].concat());
    assert_eq!(own.stdout, of_all.stdout);
    assert_snapshot!(own.stdout);
    assert_snapshot!(sandbox.run(&[&["analyze", "trial"][..], &at].concat()).shown());
}

#[test]
fn a_change_while_it_runs_is_refused() {
    let sandbox = sandbox();
    sandbox.edit(TRIAL, "window:", "exposure: 0.1\nwindow:");
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    sandbox.edit(TRIAL, "exposure: 0.1", "exposure: 0.5");
    let widened = sandbox.run(&["experiment", "start", "trial"]);
    assert_snapshot!(widened.shown());
    sandbox.edit(TRIAL, "weight: 50}\nseed", "weight: 10}\nseed");
    let refused = sandbox.clean(&sandbox.run(&["experiment", "start", "trial"]).shown());
    assert_snapshot!(refused);
    assert_snapshot!(sandbox.clean(&sandbox.run(&["analyze", "trial"]).shown()));
    assert_snapshot!(sandbox.clean(&sandbox.run(&["expose", "trial", "u1"]).shown()));
    sandbox.edit(TRIAL, "weight: 10}\nseed", "weight: 50}\nseed");
    sandbox.edit(TRIAL, "margin: 0.5", "margin: 5");
    assert_snapshot!(sandbox.clean(&sandbox.run(&["experiment", "start", "trial"]).shown()));
    assert_snapshot!(sandbox.clean(&sandbox.run(&["analyze", "trial"]).shown()));
    assert!(sandbox.run(&["experiment", "list"]).stdout.contains("running, changed"));
    sandbox.edit(TRIAL, "weight: 50}\nseed", "weight: 10}\nseed");
    sandbox.edit(TRIAL, "exposure: 0.5", "exposure: 0.5\nphase: 2");
    sandbox.edit(TRIAL, "units: 800", "units: 3000");
    let next = sandbox.run(&["experiment", "start", "trial"]);
    assert!(next.code == Some(0) && next.stdout.contains("phase 2"), "{}", next.shown());
}

#[test]
fn an_earlier_phase_is_judged_by_what_it_was_started_with() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    sandbox.write("data.csv", table(&sandbox, 900, 60));
    assert_eq!(sandbox.run(&["import", "trial", "data.csv"]).code, Some(0));
    let at = ["--phase", "1", "--at", "2099-11-01T00:00:00Z"];
    let first = sandbox.run(&[&["analyze", "trial"], &at[..]].concat());
    // Of the same definition the next phase changes nothing, and what was served is held against the first.
    sandbox.edit(TRIAL, "window:", "phase: 2\nwindow:");
    assert_eq!(sandbox.run(&[&["analyze", "trial"], &at[..]].concat()).shown(), first.shown());
    let phases = sandbox.read("data.csv").replace("Z\n", "Z,1\n").replacen("at\n", "at,phase\n", 1);
    sandbox.write("phases.csv", phases);
    let from = sandbox.run(&[&["analyze", "trial", "--from", "phases.csv"], &at[..]].concat());
    assert_snapshot!("of_a_table", sandbox.clean(&from.shown()));
    for (from, to) in [("weight: 50}\nseed", "weight: 10}\nseed"), ("margin: 0.5", "margin: 5")] {
        sandbox.edit(TRIAL, from, to);
        let refused = sandbox.run(&[&["analyze", "trial"], &at[..]].concat());
        assert_snapshot!(format!("of_another_definition_{}", &to[..6]), sandbox.clean(&refused.shown()));
        sandbox.edit(TRIAL, to, from);
    }
}

#[test]
fn a_changed_file_of_a_running_experiment_moves_nobody_and_is_pointed_out() {
    let sandbox = sandbox();
    sandbox.edit(TRIAL, "window:", "exposure: 0.5\nwindow:");
    let served = |unit| resolved(&sandbox, unit).0;
    let chosen = ["u0", "u1", "u2", "u3", "u4", "u5"].into_iter();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    let taking_part: Vec<&str> = chosen.filter(|unit| served(unit) == "experiment").collect();
    let asked = |sandbox: &Sandbox| {
        sandbox.clean(&sandbox.session(&[
            &["check"],
            &["resolve", "greet", "--unit", taking_part[0]],
            &["assign", "trial", "u1"],
        ]))
    };
    let refused = |sandbox: &Sandbox| sandbox.run(&["expose", "trial", taking_part[0]]).code == Some(2);
    for (from, to, name) in [
        ("weight: 50}\nseed", "weight: 10}\nseed", "other_weights"),
        ("exposure: 0.5", "exposure: 0.1", "a_smaller_exposure"),
        ("window:", "phase: 2\nwindow:", "the_next_phase"),
        ("window:", "phase: 3\nwindow:", "a_phase_too_far"),
    ] {
        sandbox.edit(TRIAL, from, to);
        assert_snapshot!(format!("changed_to_{name}"), asked(&sandbox));
        assert!(sandbox.run(&["experiment", "list"]).stdout.contains("running, changed"), "{to}");
        assert!(refused(&sandbox), "{to}");
        // What is in the store is what would be served again; by other variants or weights nobody knows what that is.
        let code = if name == "other_weights" { 2 } else { 1 };
        assert_eq!(sandbox.run(&["archive", "greet", "v1.1.0", "--by", "Ada"]).code, Some(code), "{to}");
        sandbox.edit(TRIAL, to, from);
    }
    // How it is judged moves nobody, so serving goes on, and `check` tells.
    sandbox.edit(TRIAL, "margin: 0.5", "margin: 5");
    sandbox.edit(TRIAL, "units: 800", "units: 900");
    assert_snapshot!("changed_to_other_rules", asked(&sandbox));
    assert!(!refused(&sandbox));
    sandbox.edit(TRIAL, "margin: 5", "margin: 0.5");
    sandbox.edit(TRIAL, "units: 900", "units: 800");
    // A wider exposure is what `start` takes; nothing is wrong with it.
    sandbox.edit(TRIAL, "exposure: 0.5", "exposure: 0.6");
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
    // Without the store it cannot be known.
    sandbox.write("broken.db", "this is no database, but it is long enough to be taken for one");
    let blind = sandbox.run(&["check", "--store", "broken.db"]);
    assert!(blind.code == Some(0) && blind.stderr.contains("nobody knows whether"), "{}", blind.shown());
}

#[test]
fn an_experiment_that_runs_with_a_draft_is_pointed_out() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    // As an older program would have started it.
    std::fs::remove_file(sandbox.path("prompts/greet/prompt.lock")).unwrap();
    assert_snapshot!(sandbox.clean(&sandbox.session(&[&["check"], &["resolve", "greet", "--unit", "u2"]])));
    assert_eq!(sandbox.run(&["experiment", "stop", "trial", "--reason", "Enough"]).code, Some(0));
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
}

#[test]
fn an_unhealthy_experiment_has_no_verdict() {
    let sandbox = sandbox();
    let lost: String = table(&sandbox, 1000, 60)
        .lines()
        .enumerate()
        .filter(|(index, line)| !(line.contains(",treatment,") && index % 3 == 0))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    sandbox.write("lost.csv", lost);
    let seen = sandbox.run(&["analyze", "trial", "--from", "lost.csv", "--at", "2026-02-01T00:00:00Z"]);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
    assert!(seen.stdout.contains("no verdict"), "{}", seen.stdout);
    // Where next to nobody is left of one variant, the p-value is smaller than numbers can be, and not 0.
    let kept = table(&sandbox, 4000, 60);
    let of_control = kept.lines().filter(|line| !line.contains(",treatment,"));
    sandbox.write("lost.csv", of_control.map(|line| format!("{line}\n")).collect::<String>());
    let seen = sandbox.run(&["analyze", "trial", "--from", "lost.csv", "--at", "2026-02-01T00:00:00Z"]);
    assert!(seen.code == Some(4) && seen.stdout.contains("(p < 1e-300): look for"), "{}", seen.shown());
}

#[test]
fn a_new_definition_lacks_only_its_plan() {
    let sandbox = sandbox();
    let made = sandbox.run(&["experiment", "new", "greet", "second", "--treatment", "v1.1.0"]);
    assert_eq!(made.code, Some(0), "{}", made.shown());
    assert_snapshot!(sandbox.clean(&sandbox.run(&["experiment", "start", "second"]).shown()));
    let again = sandbox.run(&["experiment", "new", "greet", "second", "--treatment", "v1.1.0"]);
    assert_eq!(again.code, Some(2));
}

#[test]
fn texts_that_may_still_change_are_served_in_no_experiment() {
    let sandbox = drafted();
    sandbox.edit(TRIAL, "end: 2099-01-01T00:00:00Z\n", "");
    let register = |version| ["register", "greet", version, "-m", "To try", "--by", "Ada"];
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &["experiment", "start", "trial"],
        &register("v1.0.0"),
        &["experiment", "start", "trial"],
        &register("v1.1.0"),
        &["experiment", "start", "trial"],
    ])));
    sandbox.edit(TRIAL, "plan:", "end: 2099-01-01T00:00:00Z\nplan:");
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    // A registered text that is edited all the same is served to nobody, and every command says why.
    sandbox.write("prompts/greet/v1.1.0.txt", "Hullo {name}, {tone}!\n");
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &["check"],
        &["resolve", "greet", "--unit", "u2"],
        &["assign", "trial", "u2"],
        &["expose", "greet/trial", "u2"],
        &["assign", "trail", "u2"],
    ])));
}

/// Who decides what this user is served, and what that is.
fn resolved(sandbox: &Sandbox, unit: &str) -> (String, String) {
    let seen = sandbox.run(&["resolve", "greet", "--unit", unit, "--format", "json"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let answer: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&answer["decision"]["by"]), text(&answer["version"]))
}

#[test]
fn a_started_experiment_is_asked_first_until_it_is_stopped() {
    let sandbox = sandbox();
    let by = || resolved(&sandbox, "u2");
    let (active, first) = ("active_version".to_owned(), "1.0.0".to_owned());
    assert_eq!(by(), (active.clone(), first.clone()));
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(by(), ("experiment".to_owned(), "1.1.0".to_owned()));
    // It serves whom `assign` and `expose` say it serves.
    assert_eq!(sandbox.run(&["expose", "trial", "u2"]).stdout, "treatment\n");
    // Other weights were never started, so nobody is moved by them.
    sandbox.edit(TRIAL, "version: v1.1.0, weight: 50", "version: v1.1.0, weight: 10");
    assert_eq!(by(), (active.clone(), first.clone()));
    sandbox.edit(TRIAL, "version: v1.1.0, weight: 10", "version: v1.1.0, weight: 50");
    // An end that is written down counts, whoever forgot to stop it.
    sandbox.edit(TRIAL, "end: 2099", "end: 2026");
    assert_eq!(by(), (active.clone(), first.clone()));
    sandbox.edit(TRIAL, "end: 2026", "end: 2099");
    assert_eq!(by().0, "experiment");
    assert_eq!(sandbox.run(&["experiment", "stop", "trial", "--reason", "enough"]).code, Some(0));
    assert_eq!(by(), (active, first));
}

#[test]
fn what_was_rolled_back_from_is_pointed_out_and_what_is_archived_refused() {
    let sandbox = sandbox();
    sandbox.edit(
        "prompts/registry.yaml",
        "replies:",
        "lifecycle: {evidence_for: [], canary: optional}\nreplies:",
    );
    for command in [
        &["adopt", "greet", "v1.0.0", "--by", "Ada"][..],
        &["promote", "greet", "v1.1.0", "--to", "testing", "--by", "Ada"],
        &["promote", "greet", "v1.1.0", "--to", "production", "--by", "Ada"],
        &["rollback", "greet", "--reason", "too curt", "--by", "Ada"],
    ] {
        let seen = sandbox.run(command);
        assert_eq!(seen.code, Some(0), "{}", seen.shown());
    }
    let time = regex::Regex::new(r"20\d\d-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let shown = |commands: &[&[&str]]| time.replace_all(&sandbox.session(commands), "[TIME]").into_owned();
    let archive = &["archive", "greet", "v1.1.0", "--by", "Ada"];
    let seen = shown(&[&["experiment", "start", "trial"], archive]);
    // The head of a ledger follows from the time.
    assert_eq!(sandbox.run(&["experiment", "stop", "trial", "--reason", "Enough"]).code, Some(0));
    assert_eq!(sandbox.run(archive).code, Some(0));
    let archived = || sandbox.run(&["check", "--format", "json"]).stdout.matches("archived").count();
    assert_eq!(archived(), 0, "it is stopped");
    let next = "prompts/greet/experiments/next.yaml";
    sandbox.write(next, EXPERIMENT.replace("name: trial", "name: next"));
    let warned = shown(&[&["check"]]);
    sandbox.edit(next, "end: 2099", "end: 2026");
    assert_eq!(archived(), 0, "it is over");
    let again = ["experiment", "new", "greet", "again", "--control", "v1.1.0", "--treatment", "v1.0.0"];
    assert_snapshot!(seen + &warned + &shown(&[&["experiment", "start", "trial"], &again]));
}

#[test]
fn an_outcome_without_an_exposure_is_kept_and_that_is_said() {
    let sandbox = sandbox();
    let record = ["record", "trial", "u1", "resolved", "1", "--id", "t1"];
    let another = ["record", "trial", "u1", "resolved", "1", "--id", "t2", "--json"];
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    let before = sandbox.session(&[&record]);
    assert_eq!(sandbox.run(&["expose", "trial", "u1"]).code, Some(0));
    assert_snapshot!(before + &sandbox.session(&[&record, &another]));
}

#[test]
fn only_experiments_that_were_started_compete() {
    let sandbox = sandbox();
    // By their files both run: both name a start that has passed.
    let begun = |name: &str, seed: &str| {
        let text = EXPERIMENT.replace("name: trial", &format!("name: {name}")).replace("0e0f", seed);
        let file = format!("prompts/greet/experiments/{name}.yaml");
        sandbox.write(&file, format!("{text}start: 2026-01-01T00:00:00Z\n"));
    };
    begun("trial", "0e0f");
    begun("other", "0e10");
    let both = sandbox.clean(&sandbox.run(&["resolve", "greet", "--unit", "u2"]).shown());
    assert_snapshot!(both, @"
    --- stderr
    warning: there is no store at `data/experiments.db`, so an experiment of `greet` runs only where its file says since when
      = help: `--store` names another one; where nothing was started yet, `promptassay experiment start` makes it
    error: several experiments of `greet` run at this time: `other`, `trial`
      = help: `promptassay experiment stop` or an `end:` in the file ends one; two on one prompt cannot both decide
    --- exit 2
    ");
    // Where there is a store, it knows better.
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    assert_eq!(resolved(&sandbox, "u2").0, "experiment");
    let start = ["experiment", "start", "other"];
    assert_snapshot!(sandbox.clean(&sandbox.run(&start).shown()), @"
    --- stderr
    error: the experiment `trial` of `greet` runs at that time, and two on one prompt cannot both decide
     --> prompts/greet/experiments/trial.yaml
      = help: `promptassay experiment stop trial --reason WHY` ends it; or write a `start:` behind its end
    --- exit 2
    ");
    // One that cannot be read may be the one that runs.
    let sound = sandbox.read(TRIAL);
    sandbox.edit(TRIAL, "metrics:", "metrix:");
    let unreadable = sandbox.run(&start);
    assert!(unreadable.code == Some(2) && unreadable.stderr.contains("metrix"), "{}", unreadable.shown());
    sandbox.write(TRIAL, sound);
    // One whose file is gone would decide again as soon as it is back.
    let text = sandbox.read(TRIAL);
    std::fs::remove_file(sandbox.path(TRIAL)).unwrap();
    let refused = sandbox.run(&start);
    assert!(refused.code == Some(2) && refused.stderr.contains("its file is gone"), "{}", refused.shown());
    sandbox.write(TRIAL, text);
    // Where the other one was over by its file, both run once that is changed, and that is said.
    sandbox.edit(TRIAL, "start: 2026-01-01", "start: 2025-01-01").edit(TRIAL, "end: 2099", "end: 2026");
    assert_eq!(sandbox.run(&start).code, Some(0));
    sandbox.edit(TRIAL, "end: 2026", "end: 2099");
    assert_snapshot!(sandbox.clean(&sandbox.session(&[&["check"], &["resolve", "greet", "--unit", "u2"]])), @"
    $ promptassay check
    --- stderr
    error: several experiments of `greet` run at this time, so `resolve` refuses: `other`, `trial`
     --> prompts/greet/experiments/trial.yaml
      = help: `promptassay experiment stop other --reason WHY` ends one

    1 error
    --- exit 2

    $ promptassay resolve greet --unit u2
    --- stderr
    error: several experiments of `greet` run at this time: `other`, `trial`
      = help: `promptassay experiment stop` or an `end:` in the file ends one; two on one prompt cannot both decide
    --- exit 2
    ");
}

#[test]
fn what_hides_an_experiment_that_runs_is_said() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(&["experiment", "start", "trial"]).code, Some(0));
    let look = |sandbox: &Sandbox| {
        let commands: &[&[&str]] = &[
            &["resolve", "greet", "--unit", "u2"],
            &["experiment", "list"],
            &["archive", "greet", "v1.1.0", "--by", "Ada"],
        ];
        sandbox.clean(&sandbox.session(commands))
    };
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write("prompts/registry.yaml", format!("{registry}x: [\n"));
    assert_snapshot!("hidden_by_a_broken_registry", look(&sandbox));
    sandbox.write("prompts/registry.yaml", &registry);
    sandbox.edit("prompts/greet/prompt.yaml", "name: greet", "name: greet\ntagz: [a]");
    assert_snapshot!("hidden_by_a_broken_prompt", look(&sandbox));
    sandbox.edit("prompts/greet/prompt.yaml", "\ntagz: [a]", "");
    std::fs::rename(sandbox.path("data"), sandbox.path("elsewhere")).unwrap();
    assert_snapshot!(
        "hidden_by_a_lost_store",
        sandbox.clean(&sandbox.run(&["resolve", "greet", "--unit", "u2"]).shown())
    );
}

#[test]
fn a_prompt_without_experiments_needs_no_store() {
    let sandbox = sandbox();
    sandbox.write("broken.db", "this is no database, but it is long enough to be taken for one");
    let resolve = ["resolve", "greet", "--unit", "u2", "--store", "broken.db"];
    let unreadable = sandbox.run(&resolve);
    assert_eq!(unreadable.code, Some(4), "{}", unreadable.shown());
    std::fs::remove_file(sandbox.path("prompts/greet/experiments/trial.yaml")).unwrap();
    let served = sandbox.run(&resolve);
    assert_eq!(served.code, Some(0), "{}", served.shown());
    // It may have had one, though, and that is said.
    assert!(
        served.stderr.contains("whether an experiment of `greet` runs whose file is gone"),
        "{}",
        served.stderr
    );
}

#[test]
fn what_spreads_users_as_another_one_did_or_counts_nobody_before_its_end_is_said() {
    let sandbox = sandbox();
    let trial = sandbox.read(TRIAL);
    sandbox.write("prompts/greet/experiments/second.yaml", trial.replace("name: trial", "name: second"));
    assert_snapshot!(sandbox.clean(&sandbox.session(&[
        &["check"],
        &["experiment", "start", "second", "-q"],
        &["experiment", "stop", "second", "--reason", "enough"],
        &["check"],
    ])));
    sandbox.edit(TRIAL, "window: 1d", "window: 36500d");
    assert_snapshot!(sandbox.clean(&sandbox.session(&[&["experiment", "start", "trial"]])));
}
