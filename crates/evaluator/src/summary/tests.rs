//! What a record comes to, recomputed by hand.

use std::time::Duration;

use promptassay_llm::{FinishReason, Reply, Usage};

use super::*;
use crate::event::{Answer, AskError, AskErrorKind, Event, ReplySource, TrialResult};
use crate::outcome::{CheckOutcome, CheckResult, Reason};
use crate::plan::tests::plan_of;

const SUITE: &str = "\
repeat: 3
validators: [{max_words: 9}]
cases:
  - {name: one, inputs: {company: A, query: One?}, tags: [a, b]}
  - {name: two, inputs: {company: A, query: Two?}, cluster: c, tags: [a]}
  - {name: three, inputs: {company: A, query: Three?}, cluster: c}
  - {name: four, inputs: {company: A, query: Four?}, tags: [b]}
";

/// The summary of a candidate whose repeats came to these letters, in the suite's order: p passed, f failed, e errored, j errored with a
/// reply, whose judge could not be asked, n never asked. The model takes a tenth of a second longer each time.
fn summary(letters: &str, served: bool) -> VariantSummary {
    let plan = plan_of(SUITE, None, &["1.1.0"]).unwrap();
    let mut record = Record::new(&plan);
    let letters: Vec<char> = letters.chars().filter(|letter| !letter.is_whitespace()).collect();
    assert_eq!(letters.len(), plan.trials().len());
    for ((index, trial), letter) in plan.trials().iter().enumerate().zip(letters) {
        let outcome = match letter {
            'p' => RepeatOutcome::Passed,
            'f' => RepeatOutcome::Failed,
            'e' | 'j' => RepeatOutcome::Errored,
            _ => continue,
        };
        let check = CheckResult {
            name: "max_words".into(),
            outcome: if letter == 'p' { CheckOutcome::Pass } else { CheckOutcome::Fail(Reason::new("no")) },
            score: if letter == 'p' { 1.0 } else { 0.25 },
            weight: 1.0,
            warn: false,
        };
        // Recorded replies cost nothing, whatever they took.
        let usage = if served {
            Usage::default()
        } else {
            Usage { input: Some(30), output: Some(20), ..Usage::default() }
        };
        let reply = Reply {
            text: "Hello".into(),
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason: FinishReason::Stop,
            usage,
            served_model: None,
            request_id: None,
            latency: Duration::from_millis(100 * (index as u64 + 1)),
            redacted: Vec::new(),
        };
        let source = if served { ReplySource::Live } else { ReplySource::Recorded };
        let answer = if letter == 'e' {
            Answer::Error(AskError { kind: AskErrorKind::NoRecordedReply, message: "none".into() })
        } else {
            Answer::Reply { reply: Box::new(reply), source }
        };
        let checks = if letter == 'e' || letter == 'j' { Vec::new() } else { vec![check] };
        let result =
            TrialResult { trial: trial.id, answer, checks, outcome, answered_before: false, judging: None };
        record.apply(&plan, &Event::TrialFinished(Box::new(result)));
    }
    summarise(&plan, &record).remove(0)
}

fn close(got: Option<f64>, wanted: f64) {
    assert!(got.is_some_and(|got| (got - wanted).abs() < 1e-12), "{got:?} is not {wanted}");
}

#[test]
fn a_cluster_counts_once_and_repeats_are_averaged_within_their_case() {
    let summary = summary("ppp ppf fff ppp", false);
    // Two units alone with 1, one cluster of 2/3 and 0.
    assert_eq!(summary.units.len(), 3);
    close(summary.pass_rate, (1.0 + 1.0 + (2.0 / 3.0) / 2.0) / 3.0);
    close(summary.score, (1.0 + 1.0 + 0.5) / 3.0);
    assert_eq!(summary.flaky().map(|case| case.case).collect::<Vec<_>>(), [1]);
    close(summary.pass_hat_k, 0.5);
    let tags: Vec<_> =
        summary.tags.iter().map(|tag| (tag.tag.as_str(), tag.cases, tag.units.len())).collect();
    assert_eq!(tags, [("a", 2, 2), ("b", 2, 2)]);
    close(summary.tags[0].pass_rate, 5.0 / 6.0);
    assert_eq!(
        (summary.latency.is_none(), summary.cost),
        (true, Cost::Nothing),
        "recorded replies take neither"
    );
}

#[test]
fn what_is_missing_is_counted_and_left_out_of_means() {
    let summary = summary("ppp ppe nnn fff", true);
    assert_eq!((summary.counts.missing(), summary.gaps), (4, 1));
    close(summary.pass_rate, (1.0 + 1.0 + 0.0) / 3.0);
    close(summary.pass_hat_k, 0.5);
    assert_eq!(summary.flaky().count(), 0, "a missing repeat is no failure");
    assert_eq!(summary.cost, Cost::Unpriced, "nobody said what a token costs");
}

#[test]
fn tokens_are_those_of_all_replies_also_of_those_whose_judge_could_not_be_asked() {
    let judged = summary("ppp ppp ppp ppp", false);
    let failed = summary("ppp pjj jjj ppe", false);
    assert_eq!((judged.replies, judged.tokens), (12, Some(600)));
    assert_eq!((failed.replies, failed.tokens), (11, Some(550)));
    let unjudged = summary("jjj eee nnn nnn", false);
    assert_eq!((unjudged.replies, unjudged.tokens), (3, Some(150)));
}

#[test]
fn latency_is_described_by_order_statistics() {
    let latency = summary("ppp ppp ppp ppp", true).latency.unwrap();
    assert_eq!(latency.median.count, 12);
    assert!((latency.median.estimate - 0.65).abs() < 1e-12);
    // P(Bin(12, ½) ≤ 2) = 79/4096 ≤ 0.05 < P(≤ 3), so the third and the tenth value bound the median.
    assert!((latency.median.lower.unwrap() - 0.3).abs() < 1e-12);
    assert!((latency.median.upper.unwrap() - 1.0).abs() < 1e-12);
    assert!(latency.p95.upper.is_err(), "twelve values bound no 95th percentile from above");
}
