use std::collections::BTreeSet;
use std::fmt::Write as _;

use promptassay_registry::problem::Problem;
use promptassay_registry::tree::Tree;
use proptest::prelude::*;

use super::*;
use crate::settings::Settings;
use crate::suite::tests::{fixtures, resolve_text};

/// A plan of the fixture's prompt: `baseline` against `candidates`, each as text.
pub(crate) fn plan_of(
    suite: &str,
    baseline: Option<&str>,
    candidates: &[&str],
) -> Result<Plan, Vec<Problem>> {
    let tree = Tree::load(fixtures().join("prompts")).tree;
    let mut problems = Vec::new();
    let settings = Settings::read(tree.registry().document.as_ref().unwrap(), &mut problems);
    let (suite, found) = resolve_text(suite, &[]);
    let version = |text: &&str| text.parse().unwrap();
    let versions = ChosenVersions {
        baseline: baseline.as_ref().map(version),
        candidates: candidates.iter().map(version).collect(),
        why: "these were asked for".to_owned(),
    };
    let suite = suite.unwrap_or_else(|| panic!("{found:?}"));
    let input = PromptInput { prompt: tree.prompt("support").unwrap(), suite, versions };
    build(vec![input], &settings, &mut problems).ok_or(problems)
}

const SUITE: &str = "\
models: [default, claude]
repeat: 2
validators: [{max_words: 9}]
cases:
  - {name: one, inputs: {company: A, query: One?}}
  - {name: two, inputs: {company: A, query: Two?}, models: [claude]}
  - {name: three, inputs: {company: A, query: Three?}, skip: later}
  - {name: four, inputs: {company: A, query: Four?}, models: [judge, default]}
";

fn trials(plan: &Plan) -> String {
    let mut text = String::new();
    for trial in plan.trials() {
        let variant = plan.variant(trial);
        writeln!(
            text,
            "{} #{} {} {}",
            plan.case(trial).name,
            trial.repeat,
            variant.version,
            variant.model.name
        )
        .unwrap();
    }
    text
}

#[test]
fn a_case_is_asked_on_its_own_models() {
    let plan = plan_of(SUITE, Some("1.0.0"), &["1.1.0"]).unwrap();
    insta::assert_snapshot!(trials(&plan));
    let names = |variant| -> Vec<&str> {
        plan.cases_of(0, variant).map(|case| plan.prompts()[0].suite.cases[case].name.as_str()).collect()
    };
    let by_model: Vec<_> = plan.prompts()[0].variants.iter().enumerate().collect();
    for (index, variant) in by_model {
        let expected: &[&str] = match variant.model.name.as_str() {
            "default" => &["one", "four"],
            "claude" => &["one", "two"],
            _ => &["four"],
        };
        assert_eq!(names(index), expected, "{}", variant.model.name);
    }
}

#[test]
fn trials_are_found_by_variant_and_case() {
    let plan = plan_of(SUITE, Some("1.0.0"), &["1.1.0"]).unwrap();
    let mut found = BTreeSet::new();
    for variant in 0..plan.prompts()[0].variants.len() {
        for case in 0..plan.prompts()[0].suite.cases.len() {
            for (repeat, (index, trial)) in (1..).zip(plan.trials_of(0, variant, case)) {
                assert_eq!((trial.variant, trial.case, trial.repeat), (variant, case, repeat));
                assert_eq!(plan.index_of(trial.id), Some(index));
                assert!(found.insert(index));
            }
        }
    }
    assert_eq!(found.len(), plan.trials().len());
}

#[test]
fn the_id_of_a_trial_is_that_of_its_question() {
    let plan = plan_of(SUITE, None, &["1.0.0"]).unwrap();
    let version = plan.prompts()[0].variants[0].digest;
    let mut bytes = Vec::new();
    for field in ["support", "1.0.0", &version.to_string(), "default", "one", "2"] {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field.bytes());
    }
    let expected = Digest::of(&bytes).to_string()[..16].to_owned();
    let trial = plan.trials().iter().find(|trial| trial.repeat == 2).unwrap();
    assert_eq!(trial.id.to_string(), expected);
}

const TALK: &str = "\
validators: [{max_words: 9}]
cases:
  - name: one
    inputs: {company: A, query: And then?}
    messages: [{role: system, content: '{company}'}, {role: user, content: First?}, {role: assistant, content: Yes.}]
";

#[test]
fn a_conversation_goes_before_the_question_and_its_braces_are_data() {
    let said = |version| {
        let plan = plan_of(TALK, None, &[version]).unwrap();
        let request = plan.request(&plan.trials()[0]).unwrap();
        let lines: Vec<String> =
            request.messages.iter().map(|said| format!("{:?}: {}", said.role, said.content)).collect();
        lines.join("\n")
    };
    // One text is the question itself.
    insta::assert_snapshot!(said("1.0.0"));
    // The instructions stay in front.
    insta::assert_snapshot!(said("1.1.0"));
}

#[test]
fn what_the_provider_does_not_have_is_found_before_the_first_call() {
    let suite = SUITE.replace("repeat: 2", "params: {seed: 3, temperature: 0.1}");
    let problems = plan_of(&suite, None, &["1.0.0", "1.1.0"]).unwrap_err();
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn parameters_of_the_suite_go_before_those_of_the_version_and_the_row() {
    let suite = SUITE.replace("repeat: 2", "params: {top_p: 0.5}");
    let plan = plan_of(&suite, None, &["1.1.0"]).unwrap();
    let params = |suite: &str| {
        let plan = plan_of(suite, None, &["1.1.0"]).unwrap();
        serde_json::to_string(&plan.request(&plan.trials()[0]).unwrap().params).unwrap()
    };
    assert_eq!(params(SUITE), r#"{"max_output_tokens":400,"temperature":0.5}"#);
    let suite = suite.replace("top_p: 0.5", "top_p: 0.5, temperature: 0.2, max_output_tokens: 9");
    assert_eq!(params(&suite), r#"{"max_output_tokens":9,"temperature":0.2,"top_p":0.5}"#);
    assert!(plan.is_complete());
}

#[test]
fn a_plan_says_what_it_stands_on() {
    let plan = |suite: &str, baseline| plan_of(suite, baseline, &["1.1.0"]).unwrap();
    let first = plan(SUITE, Some("1.0.0"));
    insta::assert_snapshot!(first.digests.keys().cloned().collect::<Vec<_>>().join("\n"));
    assert_eq!(first.digest(), plan(&format!("# again\n{SUITE}"), Some("1.0.0")).digest());
    let differs = |suite: &str, baseline| -> Vec<String> {
        let second = plan(suite, baseline);
        assert_ne!(first.digest(), second.digest());
        let names: BTreeSet<_> = first.digests.keys().chain(second.digests.keys()).cloned().collect();
        names.into_iter().filter(|name| first.digests.get(name) != second.digests.get(name)).collect()
    };
    assert_eq!(differs(&SUITE.replace("One?", "Uno?"), Some("1.0.0")), ["support suite"]);
    assert_eq!(differs(&SUITE.replace("one", "uno"), Some("1.0.0")), ["support cases", "support suite"]);
    let params = SUITE.replace("repeat: 2", "repeat: 2\nparams: {top_p: 0.5}");
    assert_eq!(differs(&params, Some("1.0.0")).len(), 7);
    assert_eq!(differs(SUITE, None).len(), 4);
}

#[test]
fn a_plan_is_printed_with_estimates_and_never_as_free() {
    let plan = plan_of(SUITE, Some("1.0.0"), &["1.1.0"]).unwrap();
    insta::assert_snapshot!(plan.describe().to_string());
    let priced = plan_of(
        &SUITE
            .replace("[default, claude]", "[default]")
            .replace(", models: [claude]", "")
            .replace(", models: [judge, default]", ""),
        None,
        &["1.1.0"],
    )
    .unwrap();
    insta::assert_snapshot!(priced.shard("1/2".parse().unwrap()).describe().to_string());
}

#[test]
fn judges_are_a_part_of_what_a_plan_asks() {
    let suite = "\
judge: judge
repeat: 2
cases:
  - name: one
    inputs: {company: A, query: One?}
    validators: [{any_of: [{judge: {value: Is polite, samples: 3}}, {max_words: 1}]}]
  - {name: two, inputs: {company: A, query: Two?}, validators: [{max_words: 9}]}
";
    let plan = plan_of(suite, Some("1.0.0"), &["1.1.0"]).unwrap();
    let described = plan.describe();
    assert_eq!(described.questions, 8);
    assert_eq!(described.prompts[0].judges[0].questions, 12, "two versions, two repeats, three samples");
    insta::assert_snapshot!(described.to_string());
}

#[test]
fn a_plan_is_data_for_programs() {
    let plan = plan_of(SUITE, None, &["1.1.0"]).unwrap();
    let json = serde_json::to_value(plan.describe()).unwrap();
    let variant = &json["prompts"][0]["variants"][1];
    assert_eq!(variant["model"], "claude");
    assert_eq!(variant["estimate"]["input_cost"], serde_json::Value::Null);
    assert_eq!(variant["default_max_output_tokens"], 4096);
    assert_eq!(json["questions"], plan.trials().len());
}

fn many(cases: usize) -> String {
    let mut text = "validators: [{max_words: 9}]\nrepeat: 2\nmodels: [default, claude]\ncases:\n".to_owned();
    for case in 0..cases {
        writeln!(text, "  - {{name: case_{case}, inputs: {{company: A, query: Q}}}}").unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shards_partition_a_plan_and_keep_cases_together(cases in 1_usize..12, count in 1_u32..6) {
        let whole = plan_of(&many(cases), Some("1.0.0"), &["1.1.0"]).unwrap();
        let ids: BTreeSet<TrialId> = whole.trials().iter().map(|trial| trial.id).collect();
        let mut seen = BTreeSet::new();
        let mut sizes = Vec::new();
        for index in 1..=count {
            let shard: Shard = format!("{index}/{count}").parse().unwrap();
            let part = plan_of(&many(cases), Some("1.0.0"), &["1.1.0"]).unwrap().shard(shard);
            prop_assert_eq!(part.digest(), whole.digest());
            prop_assert!(!part.is_complete());
            let names: BTreeSet<&str> = part.trials().iter().map(|trial| part.case(trial).name.as_str()).collect();
            prop_assert_eq!(names.len() * 8, part.trials().len());
            sizes.push(names.len());
            for trial in part.trials() {
                prop_assert!(seen.insert(trial.id));
            }
        }
        prop_assert_eq!(seen, ids);
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        prop_assert!(most - least <= 1);
    }
}

#[test]
fn the_rank_of_a_case_is_that_of_its_name() {
    let names = |index: u32| -> BTreeSet<String> {
        let part = plan_of(&many(9), None, &["1.0.0"]).unwrap().shard(format!("{index}/3").parse().unwrap());
        part.trials().iter().map(|trial| part.case(trial).name.clone()).collect()
    };
    let mut ranked: Vec<String> = (0..9).map(|case| format!("case_{case}")).collect();
    ranked.sort_by_key(|case| Digest::of(format!("support\0{case}")).to_string());
    for index in 1..=3 {
        let expected = ranked.iter().skip(index as usize - 1).step_by(3).cloned().collect();
        assert_eq!(names(index), expected);
    }
}
