//! Comparisons of sides that are written down as letters.

use promptassay_registry::digest::Digest;

use super::*;

/// A side of cases, a word each: `name:letters`, one letter a repeat: p passed, f failed, anything else missing. A name with a dot
/// names its cluster first: `cluster.name:letters`. A name with `~` is edited: it has another digest.
pub(crate) fn side(words: &str) -> Side {
    let case = |word: &str| {
        let (name, letters) = word.split_once(':').unwrap();
        let (cluster, name) = match name.split_once('.') {
            Some((cluster, name)) => (Some(cluster.to_owned()), name),
            None => (None, name),
        };
        let count = |letter| u32::try_from(letters.matches(letter).count()).unwrap();
        let (passed, failed) = (count('p'), count('f'));
        let judged = passed + failed;
        CaseResult {
            name: name.trim_end_matches('~').to_owned(),
            digest: Digest::of(name),
            cluster,
            asked: u32::try_from(letters.len()).unwrap(),
            passed,
            failed,
            score: (judged > 0).then(|| f64::from(passed) / f64::from(judged)),
            validators: std::collections::BTreeMap::new(),
        }
    };
    Side {
        label: SideLabel {
            version: "1.0.0".parse().unwrap(),
            model: "default".to_owned(),
            origin: Origin::ThisRun,
        },
        served_models: BTreeSet::new(),
        judges: BTreeSet::new(),
        cases: words.split_whitespace().map(case).collect(),
    }
}

fn pass_rate(baseline: &str, candidate: &str) -> MetricComparison {
    compare(&side(baseline), &side(candidate), &Policy::default()).metrics.remove(0)
}

#[test]
fn cases_are_paired_by_name_and_digest() {
    let comparison = compare(
        &side("same:p edited:p gone:p other_gone:p"),
        &side("new:p edited~:p same:f"),
        &Policy::default(),
    );
    let pairing = &comparison.pairing;
    assert_eq!(pairing.cases, 1);
    assert_eq!(
        (&pairing.added[..], &pairing.edited[..]),
        (&["new".to_owned()][..], &["edited".to_owned()][..])
    );
    assert_eq!(pairing.removed, ["gone", "other_gone"]);
    assert_eq!(pairing.unpaired(), Unpaired { cases: 3, of: 4 });
    assert!(pairing.unpaired().is_too_much());
    assert!(!Unpaired { cases: 1, of: 5 }.is_too_much(), "a fifth is not more than a fifth");
    assert_eq!(comparison.broken, ["same"]);
    assert_eq!(comparison.units, 1);
}

#[test]
fn a_cluster_is_one_unit() {
    let comparison = compare(
        &side("c.one:p c.two:p c.three:p alone:p"),
        &side("c.one:f c.two:p c.three:p alone:p"),
        &Policy::default(),
    );
    assert_eq!(comparison.units, 2);
    let metric = comparison.metric(&Metric::PassRate).unwrap();
    let difference = metric.difference.as_ref().unwrap();
    assert!((difference.estimate - (-1.0 / 3.0) / 2.0).abs() < 1e-15);
    assert_eq!((metric.units_worse, metric.units_better), (1, 0));
    assert_eq!(comparison.mcnemar.unwrap_err().code, "clustered");
}

#[test]
fn what_is_missing_is_imputed_both_ways_and_left_out_of_the_estimate() {
    // One of four trials of the candidate is missing, and all of the baseline's of another case.
    let metric = pass_rate("a:pppp b:nn c:pp", "a:ppfn b:pf c:pp");
    let estimate = |interval: &Result<promptassay_stats::score::ScoreInterval, NoValue>| {
        interval.as_ref().unwrap().estimate
    };
    assert!((estimate(&metric.difference) - (2.0 / 3.0 - 1.0) / 2.0).abs() < 1e-15);
    assert_eq!(metric.difference.as_ref().unwrap().units, 2);
    let pessimistic = ((0.5 - 1.0) + (0.5 - 1.0) + 0.0) / 3.0;
    assert!((estimate(&metric.pessimistic) - pessimistic).abs() < 1e-15);
    let optimistic = ((0.75 - 1.0) + (0.5 - 0.0) + 0.0) / 3.0;
    assert!((estimate(&metric.optimistic) - optimistic).abs() < 1e-15);
}

#[test]
fn what_is_not_defined_has_a_reason() {
    let nothing = pass_rate("a:n", "a:p");
    assert_eq!(nothing.difference.unwrap_err().code, "no_data");
    assert_eq!(nothing.p.unwrap_err().code, "no_data");
    assert_eq!(nothing.call, Call::Inconclusive);
    let comparison = compare(&side("a:pp b:pp"), &side("a:pp b:pf"), &Policy::default());
    assert_eq!(comparison.mcnemar.unwrap_err().code, "repeated");
    let comparison = compare(&side("a:p b:p"), &side("a:p b:p"), &Policy::default());
    assert_eq!(comparison.mcnemar.unwrap_err().code, "no_discordant_pairs");
    assert_eq!(compare(&side(""), &side(""), &Policy::default()).repeats, None);
}

#[test]
fn better_and_worse_need_four_units_that_changed() {
    let words = |letters: &str, more: usize| {
        let letters = letters.chars().chain("p".repeat(more).chars()).collect::<Vec<_>>();
        let words = letters.iter().enumerate().map(|(index, letter)| format!("c{index}:{letter}"));
        words.collect::<Vec<_>>().join(" ")
    };
    for (changed, call) in [(3, Call::Inconclusive), (4, Call::Better)] {
        let before = words(&"f".repeat(changed), 6);
        let after = words(&"p".repeat(changed), 6);
        assert_eq!(pass_rate(&before, &after).call, call, "{changed}");
        let worse = pass_rate(&after, &before).call;
        assert_eq!(worse, if call == Call::Better { Call::Worse } else { Call::Inconclusive });
    }
}

/// Blessed results of a side, and whom they are from.
fn blessed(before: &Side) -> Baseline {
    let run: crate::runs::RunId = "019aae2f-3000-7000-8000-000000000001".parse().unwrap();
    let at: jiff::Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    Baseline {
        schema: Baseline::SCHEMA,
        prompt: "support".parse().unwrap(),
        run: run.clone(),
        blessed_at: at,
        replies: "replies live".to_owned(),
        interface: Digest::of("interface"),
        suite: Digest::of("suite"),
        first: FirstBlessed {
            run,
            blessed_at: at,
            means: [("default".to_owned(), (Some(0.5), None))].into(),
        },
        variants: vec![BlessedVariant::of(before, Digest::of("text"))],
    }
}

#[test]
fn what_was_blessed_is_compared_as_it_was() {
    let mut before = side("c.one:ppn two:pff three:nnn");
    before.served_models = BTreeSet::from(["luna-1".to_owned()]);
    before.judges = BTreeSet::from(["opus".to_owned()]);
    before.cases[0].validators.insert("tone".to_owned(), MetricMean { mean: 0.75, trials: 2 });
    let after = side("c.one:ppp two:ppp three:ppp");
    let baseline = blessed(&before);
    let text = baseline.to_json();
    insta::assert_snapshot!(text);
    let read = Baseline::parse(&text).unwrap();
    assert_eq!(read, baseline);
    let blessed = read.side("default").unwrap();
    assert_eq!(read.side("other"), None);
    let Baseline { run, blessed_at: at, .. } = read.clone();
    assert_eq!(blessed.label.origin, Origin::Blessed { at, run });
    let mut expected = before.clone();
    expected.label = blessed.label.clone();
    let by_name = |mut side: Side| {
        side.cases.sort_by(|one, other| one.name.cmp(&other.name));
        side
    };
    assert_eq!(by_name(blessed.clone()), by_name(expected));
    let policy = Policy::default();
    let (one, other) = (compare(&before, &after, &policy), compare(&blessed, &after, &policy));
    assert_eq!((one.metrics, one.fixed, one.pairing), (other.metrics, other.fixed, other.pairing));
}

/// As a merge leaves it where somebody keeps both sides of a conflict.
#[test]
fn a_case_that_stands_twice_in_a_blessed_file_is_refused() {
    let text = blessed(&side("one:ppn two:pff")).to_json();
    let line = text.lines().find(|line| line.trim_start().starts_with("\"one\"")).unwrap();
    let twice = text.replacen(line, &format!("{line}\n{line}"), 1);
    assert_ne!(twice, text);
    let error = Baseline::parse(&twice).unwrap_err().to_string();
    assert!(error.contains("stands twice at line"), "{error}");
}

#[test]
fn a_blessed_file_that_no_run_could_have_written_is_refused() {
    let refused = |text: &str| Baseline::parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(
        [refused("{}"), refused("[]"), refused(r#"{"schema": 2}"#), refused("{\"schema\": 1}")].join("\n")
    );
    let mut before = side("one:ppn two:pff");
    before.cases[0].validators.insert("tone".to_owned(), MetricMean { mean: 0.75, trials: 3 });
    let mut twice = blessed(&before);
    twice.variants.push(twice.variants[0].clone());
    insta::assert_snapshot!(refused(&twice.to_json()), @"it is not a blessed baseline: the model `default` stands twice under `variants`");
    let text = blessed(&before).to_json().replace("[0.75,3]", "[0.75,99]");
    insta::assert_snapshot!(refused(&text), @"it is not a blessed baseline: the case `one`: `tone` has a score of 99 repeats, of 3");
}
