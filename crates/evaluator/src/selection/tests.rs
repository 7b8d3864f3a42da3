use std::path::{Path, PathBuf};

use promptassay_registry::yaml::Document;
use proptest::prelude::*;

use super::*;
use crate::suite::Suite;
use crate::suite::tests::resolve_text;

const SUITE: &str = "\
models: [default, claude]
validators: [{max_words: 9}]
cases:
  - {name: refund_late, inputs: {company: A, query: One}, tags: [smoke, money]}
  - {name: refund_early, inputs: {company: A, query: Two}, tags: [money]}
  - {name: greeting, inputs: {company: A, query: Three}, models: [judge]}
  - {name: photo, inputs: {company: A, query: Four}, tags: [smoke], skip: later}
";

fn suite(text: &str) -> Suite {
    let (suite, problems) = resolve_text(text, &[]);
    suite.unwrap_or_else(|| panic!("{problems:?}"))
}

/// The names of the cases that are left, with their models where they have their own; then what narrowed them. Or the problem.
fn narrowed(selection: &Selection) -> String {
    match selection.narrow(vec![("support", suite(SUITE))]) {
        Ok(suites) => {
            let suite = &suites[0].1;
            let names: Vec<String> = suite.cases.iter().map(|case| case.name.clone()).collect();
            format!("{} on {:?} by {:?}", names.join(" "), suite.all_models(), suite.narrowed_by)
        }
        Err(problem) => problem.to_string(),
    }
}

fn cases(patterns: &[&str]) -> Selection {
    let cases = patterns.iter().map(|pattern| Regex::new(pattern).unwrap()).collect();
    Selection { cases, ..Selection::default() }
}

fn tags(tags: &[&str]) -> Selection {
    Selection { tags: tags.iter().map(|&tag| tag.to_owned()).collect(), ..Selection::default() }
}

fn models(models: &[&str]) -> Selection {
    Selection { models: models.iter().map(|&model| model.to_owned()).collect(), ..Selection::default() }
}

fn failed(cases: &[(&str, &str)]) -> Selection {
    let cases = cases.iter().map(|&(prompt, case)| (prompt.to_owned(), case.to_owned())).collect();
    Selection { failed_in: Some(FailedIn { run: "0192".to_owned(), cases }), ..Selection::default() }
}

#[test]
fn values_of_a_flag_widen_and_flags_narrow() {
    insta::assert_snapshot!(
        [
            Selection::default(),
            cases(&["refund"]),
            cases(&["late$", "^greet"]),
            cases(&["."]),
            tags(&["smoke"]),
            tags(&["smoke", "money"]),
            Selection { tags: vec!["smoke".into()], ..cases(&["refund"]) },
            models(&["claude"]),
            models(&["judge", "claude"]),
            failed(&[("support", "greeting"), ("other", "refund_late")]),
            Selection { sample: Some(Sample { size: 2, seed: 1 }), ..Selection::default() },
            Selection { sample: Some(Sample { size: 3, seed: 1 }), ..Selection::default() },
        ]
        .map(|selection| narrowed(&selection))
        .join("\n")
    );
}

#[test]
fn where_nothing_is_left_it_is_said_what_was_there() {
    insta::assert_snapshot!(
        [
            cases(&["^refnd"]),
            tags(&["smok"]),
            tags(&["zzz", "yyy"]),
            models(&["cluade"]),
            models(&["local"]),
            failed(&[("other", "greeting")]),
            Selection { tags: vec!["money".into()], ..cases(&["greeting"]) },
            cases(&["photo"]),
        ]
        .map(|selection| narrowed(&selection))
        .join("\n")
    );
}

#[test]
fn the_whole_name_of_a_case_means_that_case_alone() {
    let text = SUITE
        .replace("refund_early", "refund_late_again")
        .replace("greeting", "\"refund_late (old)\"")
        .replace("photo", "refund");
    // As a pattern, `refund (old)` finds the other one alone.
    let marked = SUITE.replace("refund_early", "refund old").replace("refund_late", "\"refund (old)\"");
    let of = |text: &str, patterns: &[&str]| match cases(patterns).narrow(vec![("support", suite(text))]) {
        Ok(suites) => {
            let names: Vec<&str> = suites[0].1.cases.iter().map(|case| case.name.as_str()).collect();
            format!("{} by {}", names.join(", "), suites[0].1.narrowed_by.join("; "))
        }
        Err(problem) => problem.to_string(),
    };
    let narrowed = |patterns: &[&str]| of(&text, patterns);
    insta::assert_snapshot!(
        [
            narrowed(&["refund_late"]),
            narrowed(&["refund_late.*"]),
            narrowed(&["late"]),
            narrowed(&["refund_late (old)"]),
            narrowed(&["refund_late", "again"]),
            // It is there, and skipped.
            narrowed(&["refund"]),
            of(&marked, &["refund (old)"]),
            of(&marked, &["refund old"]),
        ]
        .join("\n")
    );
}

#[test]
fn a_case_that_is_asked_for_and_skipped_is_called_skipped() {
    assert!(narrowed(&cases(&["^photo$"])).starts_with("`photo` is skipped: later (help: "));
    assert!(narrowed(&cases(&["^foto$"])).contains("matches none of 3 cases"));
    assert!(narrowed(&cases(&["photo", "greeting"])).starts_with("greeting on"));
}

#[test]
fn the_digest_of_a_suite_stays_that_of_the_whole() {
    let whole = suite(SUITE);
    let narrowed = cases(&["greeting"]).narrow(vec![("support", suite(SUITE))]).unwrap();
    assert_eq!(narrowed[0].1.digest, whole.digest);
}

#[test]
fn a_suite_of_which_nothing_is_left_goes_and_others_stay() {
    let other = "- {name: other, inputs: {company: A, query: B}, validators: [{max_words: 3}]}\n";
    let suites = vec![("a", suite(SUITE)), ("b", suite(other))];
    let left = cases(&["other"]).narrow(suites).unwrap();
    assert_eq!(left.iter().map(|(prompt, _)| *prompt).collect::<Vec<_>>(), ["b"]);
    // All of it is left, so nothing narrowed it.
    assert!(left[0].1.narrowed_by.is_empty());
}

#[test]
fn prompts_are_named_by_pattern_and_tag() {
    let all = ["billing", "support_de", "support_en"];
    let names = |patterns: &[&str]| {
        let prompts = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        match (Selection { prompts, ..Selection::default() }).prompt_names(&all) {
            Ok(names) => names.into_iter().collect::<Vec<_>>().join(" "),
            Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        }
    };
    let facts = [("a", vec!["prod".to_owned()]), ("b", vec!["draft".to_owned()]), ("c", vec![])];
    let facts: Vec<PromptFacts<'_>> = facts.iter().map(|(name, tags)| PromptFacts { name, tags }).collect();
    let tagged = |tags: &[&str]| {
        let prompt_tags = tags.iter().map(|&tag| tag.to_owned()).collect();
        match (Selection { prompt_tags, ..Selection::default() }).tagged_prompts(&facts) {
            Ok(names) => names.into_iter().collect::<Vec<_>>().join(" "),
            Err(problem) => problem.to_string(),
        }
    };
    insta::assert_snapshot!(
        [
            names(&[]),
            names(&["support_*"]),
            names(&["billing", "*_de", "billing"]),
            names(&["suport_de", "x*"]),
            tagged(&[]),
            tagged(&["prod", "draft"]),
            tagged(&["prd"]),
        ]
        .join("\n")
    );
}

fn changed(paths: &[&str], fork: Option<&str>, now: &str, reference: Option<&str>) -> String {
    let v = |text: &str| text.parse::<Version>().unwrap();
    let now = v(now);
    let found_by = ["data/*.csv".to_owned()];
    let prompt = |name: &'static str, directory: &'static str, datasets: &'static [PathBuf]| PromptFiles {
        name,
        directory: Path::new(directory),
        files: datasets,
        dataset_patterns: if datasets.is_empty() { &[] } else { &found_by },
        active: Some(&now),
        active_at_fork: fork.map(v),
        active_at_reference: reference.map(v),
        reread: &[],
    };
    let shared: &'static [PathBuf] = Box::leak(Box::new([PathBuf::from("data/shared.csv")]));
    let mut other = prompt("other", "prompts/other", &[]);
    other.active_at_fork = Some(now.clone());
    let prompts = [prompt("support", "prompts/support", shared), other];
    let (submodules, files): (Vec<&str>, Vec<&str>) = paths.iter().partition(|path| path.ends_with('/'));
    let registry: &[String] =
        if paths.iter().any(|path| path.ends_with("registry.yaml")) { &["gate".to_owned()] } else { &[] };
    let all = |paths: Vec<&str>| paths.into_iter().map(PathBuf::from).collect();
    let paths = Paths { files: all(files), submodules: all(submodules) };
    match changed_prompts(&paths, registry, &prompts) {
        Changed::Nothing => "nothing".to_owned(),
        Changed::Prompts(prompts) => {
            let shown = |(name, change): (&String, &crate::plan::PromptChange)| {
                let versions: Vec<String> = change.versions.iter().map(ToString::to_string).collect();
                let before = change.active_before.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{name}: [{}] against {before:?} for {:?}", versions.join(" "), change.reasons)
            };
            prompts.iter().map(shown).collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn of_the_registry_only_what_is_asked_or_judged_by_counts() {
    let changes = |then: &str, now: &str| {
        let read = |text: &str| Document::parse("registry.yaml", text.to_owned(), &mut Vec::new());
        registry_changes(read(then).as_ref(), read(now).as_ref()).join(" ")
    };
    let models = "models: {default: {provider: openai, model: m}}\n";
    assert_eq!(changes(models, &format!("{models}lifecycle: {{canary: optional}}\nstore: a.db\n")), "");
    let spread = "# a remark\nmodels:\n  default:\n    model: m\n    provider: openai\n";
    assert_eq!(changes(models, spread), "", "the same in other words");
    assert_eq!(changes(models, &models.replace("model: m", "model: n")), "models");
    assert_eq!(
        changes(models, &format!("{models}gate: {{confidence: 0.9}}\nproperties: {{}}\n")),
        "gate properties"
    );
    assert_eq!(changes(&format!("{models}replies: a\n"), models), "replies");
    let lifecycle = format!("{models}lifecycle: {{canary: required}}\ngate: {{margin: auto}}\n");
    assert_eq!(changes(&lifecycle, &lifecycle.replace("required", "optional")), "");
    assert_eq!(changes(&lifecycle, &lifecycle.replace("auto", "0.5")), "gate");
    // What a later version may have is taken to count.
    assert_eq!(changes(models, &format!("{models}new: 1\n")), "new");
    let read = Document::parse("registry.yaml", models.to_owned(), &mut Vec::new());
    assert_eq!(registry_changes(None, read.as_ref()), ["models"]);
    assert_eq!(registry_changes(None, None), [""; 0]);
}

#[test]
fn changes_select_prompts_and_versions() {
    let same = |paths: &[&str]| changed(paths, Some("1.0.0"), "1.0.0", Some("1.0.0"));
    insta::assert_snapshot!(
        [
            same(&[]),
            same(&[
                "README.md",
                "prompts/support/README.md",
                "prompts/support/prompt.lock",
                "src/v1.0.0.txt"
            ]),
            same(&[
                "prompts/support/v1.2.0.txt",
                "prompts/support/v1.10.0-rc.1.yaml",
                "prompts/support/vnext.txt"
            ]),
            same(&["prompts/support/tests/cases/a.jsonl"]),
            same(&["data/shared.csv"]),
            same(&["data/gone.csv", "data/deeper/gone.csv", "other/gone.csv"]),
            same(&["data/"]),
            same(&["dat/", "prompts/support/tests/", "data/deeper/"]),
            same(&["prompts/support/prompt.yaml"]),
            same(&["prompts/registry.yaml"]),
            same(&["prompts/support/experiments/x.yaml", "prompts/support/lifecycle.jsonl"]),
            // The pointer moved here; then only there.
            changed(&["prompts/support/prompt.yaml"], Some("1.0.0"), "1.1.0", Some("1.0.0")),
            changed(&[], Some("1.0.0"), "1.0.0", Some("1.1.0")),
            // New.
            changed(&["prompts/support/v1.0.0.txt", "prompts/support/prompt.yaml"], None, "1.0.0", None),
        ]
        .join("\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_sample_is_stable_and_grows(count in 2_usize..14, size in 1_usize..8, seed: u64, dropped in 0_usize..14) {
        let text = |without: Option<usize>| -> String {
            let cases = (0..count).filter(|case| Some(*case) != without).map(|case| {
                format!("- {{name: case_{case}, inputs: {{company: A, query: B}}, validators: [{{max_words: 3}}]}}\n")
            });
            cases.collect()
        };
        let sample = |text: &str, size| -> BTreeSet<String> {
            let selection = Selection { sample: Some(Sample { size, seed }), ..Selection::default() };
            let narrowed = selection.narrow(vec![("p", suite(text))]).unwrap();
            narrowed[0].1.cases.iter().map(|case| case.name.clone()).collect()
        };
        let whole = text(None);
        let taken = sample(&whole, size);
        prop_assert_eq!(taken.len(), size.min(count));
        prop_assert!(sample(&whole, size + 1).is_superset(&taken));
        // Without one of the cases, at most that one is replaced.
        let less = text(Some(dropped));
        let kept = sample(&less, size);
        let gone = format!("case_{dropped}");
        prop_assert!(taken.iter().filter(|name| **name != gone).all(|name| kept.contains(name)));
    }
}
