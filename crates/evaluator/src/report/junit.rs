//! The report for machines that read JUnit: a suite for each prompt, version and model, a test case for each case, and a test case
//! named `gate` for each verdict.
//!
//! A failure or an error stands in it if and only if a gate did not pass. What a gate tolerates is a passing case whose output says
//! so. Names hold no positions, so that a case keeps its history when others are added.

use std::fmt::Write as _;

use junit_report::{Duration, ReportBuilder, TestCase, TestCaseBuilder, TestSuiteBuilder};

use super::{Evaluation, visible};
use crate::event::{Answer, TrialResult};
use crate::gate::{Gate, Verdict};
use crate::plan::{PromptPlan, Role};
use crate::suite::Case;
use crate::summary::{CaseSummary, VariantSummary};

/// The most bytes of a reply that are quoted.
const MAX_OUTPUT: usize = 64 * 1024;

/// The report as XML, without times: the same results give the same bytes.
pub fn junit(evaluation: &Evaluation<'_>) -> String {
    let mut report = ReportBuilder::new();
    for summary in evaluation.summaries {
        let plan = &evaluation.plan.prompts()[summary.prompt];
        let class = class_name(plan, summary.variant);
        let is_baseline = plan.variants[summary.variant].role == Role::Baseline;
        let name = if is_baseline { format!("{class} (baseline)") } else { class.clone() };
        let gate = evaluation
            .gates
            .iter()
            .find(|gate| gate.prompt == summary.prompt && gate.variant == summary.variant);
        let mut suite = TestSuiteBuilder::new(&attribute(&name));
        // The writer demands a time; a constant one keeps the report a function of the results.
        suite.set_timestamp(junit_report::OffsetDateTime::UNIX_EPOCH);
        for case in &summary.cases {
            suite.add_testcase(test_case(evaluation, plan, summary, case, gate, &class));
        }
        for case in plan.suite.cases.iter().filter(|case| case.skip.is_some()) {
            suite.add_testcase(skipped(case, &class));
        }
        if let Some(gate) = gate {
            suite.add_testcase(gate_case(evaluation, gate, &class));
        }
        report.add_testsuite(suite.build());
    }
    let mut bytes = Vec::new();
    // Writing to memory does not fail; a writer that does leaves an empty report, which no reader takes for a green one.
    if report.build().write_xml(&mut bytes).is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a case keeps its history under: the same whether its version is the baseline or a candidate.
fn class_name(plan: &PromptPlan, variant: usize) -> String {
    let variant = &plan.variants[variant];
    format!("{} {} {}", plan.name, variant.version, variant.model.name)
}

fn test_case(
    evaluation: &Evaluation<'_>,
    plan: &PromptPlan,
    summary: &VariantSummary,
    case: &CaseSummary,
    gate: Option<&Gate>,
    classname: &str,
) -> TestCase {
    let definition = &plan.suite.cases[case.case];
    let results: Vec<(u32, Option<TrialResult>)> = evaluation
        .plan
        .trials_of(summary.prompt, summary.variant, case.case)
        .map(|(_, trial)| (trial.repeat, evaluation.outputs.get(trial.id)))
        .collect();
    let all_passed = case.counts.passed == case.counts.asked;
    let body = body(&results, case.counts.asked, !all_passed);
    let counted = gate.is_some_and(|gate| gate.verdict != Verdict::Passed);
    let message = message(case);
    let mut builder = if all_passed {
        TestCaseBuilder::success(&attribute(&definition.name), Duration::ZERO)
    } else if !counted {
        let mut builder = TestCaseBuilder::success(&attribute(&definition.name), Duration::ZERO);
        let why = if gate.is_some() { "tolerated by the gate" } else { "the baseline; no gate stands on it" };
        builder.set_system_out(&cdata(&format!("not passed ({why}): {message}\n{body}")));
        builder
    } else if case.counts.failed > 0 {
        TestCaseBuilder::failure(&attribute(&definition.name), Duration::ZERO, "failed", &attribute(&message))
    } else {
        TestCaseBuilder::error(&attribute(&definition.name), Duration::ZERO, "error", &attribute(&message))
    };
    if !all_passed && counted {
        builder.set_trace(&cdata(&body));
    }
    builder.set_classname(&attribute(classname));
    builder.set_filepath(&attribute(&definition.place.file.display().to_string()));
    builder.build()
}

fn message(case: &CaseSummary) -> String {
    let counts = &case.counts;
    let mut parts = vec![format!("{} of {} passed", counts.passed, counts.asked)];
    for (count, word) in [
        (counts.errored, "could not be asked"),
        (counts.unscored, "unscored"),
        (counts.not_asked, "not asked"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(", ")
}

/// Every reason of every repeat, and the replies of those that did not pass.
fn body(results: &[(u32, Option<TrialResult>)], repeats: usize, with_output: bool) -> String {
    let mut out = String::new();
    for (repeat, result) in results {
        let prefix = if repeats > 1 { format!("repeat {repeat}: ") } else { String::new() };
        let Some(result) = result else {
            let _ = writeln!(out, "{prefix}not asked");
            continue;
        };
        if let Answer::Error(error) = &result.answer {
            let _ = writeln!(out, "{prefix}{}: {}", error.kind.as_str(), error.message);
            continue;
        }
        let mut any = false;
        for check in &result.checks {
            let Some(reason) = check.outcome.reason() else { continue };
            any = true;
            let warning = if check.warn { " (warning)" } else { "" };
            let _ = writeln!(out, "{prefix}{}{warning}: {}", check.name, reason.message);
            for (label, part) in [("expected", &reason.expected), ("got", &reason.got)] {
                if let Some(part) = part {
                    let _ = writeln!(out, "  {label}: {part}");
                }
            }
        }
        if any
            && with_output
            && let Some(text) = result.answer.shown_text()
        {
            let _ = writeln!(out, "  output:\n{}", cut(&text));
        }
    }
    out
}

fn cut(text: &str) -> String {
    if text.len() <= MAX_OUTPUT {
        return text.to_owned();
    }
    let mut end = MAX_OUTPUT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n… cut after 64 kB of {} bytes", &text[..end], text.len())
}

fn skipped(case: &Case, classname: &str) -> TestCase {
    let reason = case.skip.as_deref().unwrap_or_default();
    TestCaseBuilder::skipped_with_cause(&attribute(&case.name), "skipped", &attribute(reason))
        .set_classname(&attribute(classname))
        .set_filepath(&attribute(&case.place.file.display().to_string()))
        .build()
}

fn gate_case(evaluation: &Evaluation<'_>, gate: &Gate, classname: &str) -> TestCase {
    let text = format!("{}: {}; {}", gate.verdict.as_str(), gate.reason, evaluation.replies());
    let message = attribute(&text);
    let mut builder = match gate.verdict {
        Verdict::Passed => {
            let mut builder = TestCaseBuilder::success("gate", Duration::ZERO);
            builder.set_system_out(&cdata(&text));
            builder
        }
        Verdict::Failed => TestCaseBuilder::failure("gate", Duration::ZERO, "gate", &message),
        Verdict::Broken => TestCaseBuilder::error("gate", Duration::ZERO, "gate", &message),
    };
    builder.set_classname(&attribute(classname)).build()
}

/// Text for an attribute: one line, because readers fold line breaks there.
fn attribute(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// Text for a body. The writer puts it into CDATA as it is, so the end mark is split over two sections.
fn cdata(text: &str) -> String {
    visible(text).replace("]]>", "]]]]><![CDATA[>")
}
