//! The report for machines that read JUnit: a suite for each prompt, version and model, a test case for each case, and a test case
//! named `gate` for each verdict.
//!
//! A failure or an error stands in it if and only if the process does not end with 0. What a gate tolerates is a passing case whose
//! output says so. Names hold no positions, so that a case keeps its history when others are added; repeats are one test case.

#[cfg(test)]
mod tests;
mod texts;

use std::io;
use std::path::Path;

use jiff::Timestamp;
use junit_report::{
    Duration, OffsetDateTime, Report, TestCase, TestCaseBuilder, TestSuite, TestSuiteBuilder,
};

use super::compared::sentences;
use super::reasons::{Quoted, counts_in_words, has_reasons, reasons};
use super::visible::WithoutCommands;
use super::{Evaluation, narrowed, redacted, to_open, visible, warnings};
use crate::gate::{Gate, Verdict};
use crate::plan::{PromptPlan, Remark, Role};
use crate::suite::Case;
use crate::summary::{CaseSummary, VariantSummary};
use texts::{WithTexts, mark};

/// What a JUnit report takes in beside the evaluation.
#[derive(Debug, Clone, Copy, Default)]
pub struct JunitLook<'a> {
    /// Whether everything that a model may have said is left out: outputs, reasons, expected and got, messages of errors.
    pub redact: bool,
    /// When the run began. A report of no run at all has no suite that would say it.
    pub began: Timestamp,
    /// What keeps the process from ending with 0 whatever the gates say, such as an interruption: each is an error of its own.
    pub troubles: &'a [String],
}

/// Writes the report as XML: the same run gives the same bytes, whenever it is reported. The time of a case is what the models took for
/// all of its repeats; 0 where its replies were recorded, and nobody waited. It fails where `out` does.
pub fn junit(evaluation: &Evaluation<'_>, look: JunitLook<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let quoted = if look.redact { Quoted::Nothing } else { Quoted::Outputs };
    let text = |summary: usize, case: usize| {
        let summary = &evaluation.summaries[summary];
        cdata(&reasons(evaluation, summary, &summary.cases[case], quoted))
    };
    let mut with_texts = WithTexts::new(WithoutCommands::new(out), text);
    report(evaluation, look).write_xml(&mut with_texts).map_err(io::Error::other)?;
    with_texts.into_inner().finish()
}

/// The report with a mark in the place of each text of a case, so that what is held does not grow with what models said.
fn report(evaluation: &Evaluation<'_>, look: JunitLook<'_>) -> Report {
    let mut report = Report::new();
    for index in 0..evaluation.summaries.len() {
        report.add_testsuite(variant(evaluation, index, look));
    }
    let of_nobody: Vec<&Remark> = evaluation
        .plan
        .remarks()
        .iter()
        .filter(|remark| !evaluation.plan.prompts().iter().any(|plan| is_about(remark, plan)))
        .collect();
    let of_replies = redacted::remarks(evaluation.record);
    if !look.troubles.is_empty() || !of_nobody.is_empty() || !of_replies.is_empty() {
        let mut suite = run(look);
        suite.add_testcases(to_know("change", of_nobody));
        suite.add_testcases(to_know("replies", &of_replies));
        report.add_testsuite(suite);
    }
    report
}

fn variant(evaluation: &Evaluation<'_>, index: usize, look: JunitLook<'_>) -> TestSuite {
    let summary = &evaluation.summaries[index];
    let plan = &evaluation.plan.prompts()[summary.prompt];
    let class = class_name(plan, summary.variant);
    let is_baseline = plan.variants[summary.variant].role == Role::Baseline;
    let name = if is_baseline { format!("{class} (baseline)") } else { class.clone() };
    let mut suite = suite(&name, look.began);
    let gate =
        evaluation.gates.iter().find(|gate| gate.prompt == summary.prompt && gate.variant == summary.variant);
    for (case, text) in summary.cases.iter().zip((0..).map(|case| mark(index, case))) {
        suite.add_testcase(test_case(evaluation, (summary, case, &text), gate, &class));
    }
    for (case, reason) in to_open::skipped(plan) {
        suite.add_testcase(skipped(case, reason, &class, &evaluation.files.name(&case.place.file)));
    }
    if let Some(gate) = gate {
        suite.add_testcase(gate_case(evaluation, gate, &class));
    }
    // Taken out, not built: building copies every case, and of these there may be many.
    suite.testsuite
}

fn suite(name: &str, began: Timestamp) -> TestSuiteBuilder {
    let mut suite = TestSuiteBuilder::new(&attribute(name));
    // The writer would take the time of day.
    suite.set_timestamp(
        OffsetDateTime::from_unix_timestamp(began.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH),
    );
    suite
}

/// How long the models took for all repeats of a case, in microseconds: what a journal keeps, so that a report of it has the same bytes.
fn took(evaluation: &Evaluation<'_>, summary: &VariantSummary, case: &CaseSummary) -> Duration {
    let trials = evaluation.plan.trials_of(summary.prompt, summary.variant, case.case);
    let latencies = trials.filter_map(|(index, _)| evaluation.record.trial(index)?.latency);
    #[expect(clippy::cast_possible_truncation, reason = "rounded; casts saturate")]
    let microseconds = |latency: std::time::Duration| (latency.as_secs_f64() * 1e6).round() as i64;
    Duration::microseconds(latencies.map(microseconds).sum())
}

/// What a case keeps its history under: the same whether its version is the baseline or a candidate.
fn class_name(plan: &PromptPlan, variant: usize) -> String {
    let variant = &plan.variants[variant];
    format!("{} {} {}", plan.name, variant.version, variant.model.name)
}

fn test_case(
    evaluation: &Evaluation<'_>,
    (summary, case, text): (&VariantSummary, &CaseSummary, &str),
    gate: Option<&Gate>,
    class: &str,
) -> TestCase {
    let definition = &evaluation.plan.prompts()[summary.prompt].suite.cases[case.case];
    let name = attribute(&definition.name);
    let all_passed = case.counts.passed == case.counts.asked;
    let message = match counts_in_words(&case.counts) {
        // Whoever opens one case of many that failed should know that it decides alone.
        counts if definition.must_pass && !all_passed => format!("must pass: {counts}"),
        counts => counts,
    };
    let took = took(evaluation, summary, case);
    let tolerated = match gate {
        None => Some("the baseline; no gate stands on it"),
        Some(gate) if !gate.blocks => Some("tolerated by the gate"),
        Some(_) => None,
    };
    let mut builder = match tolerated {
        _ if all_passed => {
            let mut builder = TestCaseBuilder::success(&name, took);
            // Repeats are worth a line, and so are warnings.
            if case.counts.asked > 1 || has_reasons(evaluation, summary, case) {
                builder.set_system_out(&format!("{}\n{text}", cdata(&message)));
            }
            builder
        }
        Some(why) => {
            let mut builder = TestCaseBuilder::success(&name, took);
            builder.set_system_out(&format!("{}\n{text}", cdata(&format!("not passed ({why}): {message}"))));
            builder
        }
        None if case.counts.failed > 0 => {
            TestCaseBuilder::failure(&name, took, "failed", &attribute(&message))
        }
        None => TestCaseBuilder::error(&name, took, "error", &attribute(&message)),
    };
    if !all_passed && tolerated.is_none() {
        builder.set_trace(text);
    }
    builder.set_classname(&attribute(class));
    builder.set_filepath(&attribute(&evaluation.files.name(&definition.place.file)));
    builder.testcase
}

fn skipped(case: &Case, reason: &str, class: &str, file: &str) -> TestCase {
    TestCaseBuilder::skipped_with_cause(&attribute(&case.name), "skipped", &attribute(reason))
        .set_classname(&attribute(class))
        .set_filepath(&attribute(file))
        .build()
}

fn gate_case(evaluation: &Evaluation<'_>, gate: &Gate, class: &str) -> TestCase {
    let plan = &evaluation.plan.prompts()[gate.prompt];
    let mut verdict = format!("{}: {}; {}", gate.verdict.as_str(), gate.reason, evaluation.replies());
    if let Some(narrowed) = narrowed(plan) {
        verdict = format!("{verdict}; {narrowed}");
    }
    if let Some(attempt) = evaluation.repeated(gate) {
        verdict = format!("{verdict}; {attempt}");
    }
    let compared = gate.comparison.as_ref().map(|comparison| sentences(comparison, &plan.suite.policy));
    let remarks = evaluation.plan.remarks().iter().filter(|remark| is_about(remark, plan));
    let beside =
        super::beside::beside(evaluation, gate).into_iter().map(|remark| format!("remark: {remark}"));
    let compared: Vec<String> =
        remarks.map(warning).chain(beside).chain(compared.unwrap_or_default()).collect();
    let compared = compared.join("\n");
    let message = attribute(&verdict);
    // A name is there once in a class, whatever the cases are called.
    let name =
        if plan.suite.cases.iter().any(|case| case.name == "gate") { "gate of the suite" } else { "gate" };
    let mut builder = match gate.verdict {
        _ if !gate.blocks => {
            let mut builder = TestCaseBuilder::success(name, Duration::ZERO);
            builder.set_system_out(&cdata(format!("{verdict}\n{compared}").trim_end()));
            builder
        }
        Verdict::Broken => TestCaseBuilder::error(name, Duration::ZERO, "gate", &message),
        Verdict::Passed | Verdict::Failed | Verdict::Inconclusive => {
            TestCaseBuilder::failure(name, Duration::ZERO, "gate", &message)
        }
    };
    if gate.blocks && !compared.is_empty() {
        builder.set_trace(&cdata(&compared));
    }
    builder.set_classname(&attribute(class)).build()
}

/// Whether a remark is about a prompt: it says so, or is about its directory or a file in it.
fn is_about(remark: &Remark, plan: &PromptPlan) -> bool {
    if let Some(prompt) = &remark.prompt {
        return prompt == plan.name.as_str();
    }
    let directory = plan.suite.file.parent().and_then(Path::parent);
    let (Some(file), Some(directory)) = (&remark.file, directory) else { return false };
    Path::new(file).starts_with(directory)
}

fn warning(remark: &Remark) -> String {
    let help = remark.help.as_ref().map(|help| format!("\n  {help}")).unwrap_or_default();
    format!("warning: {}{help}", warnings::said(remark))
}

/// What concerns no variant: why the process does not end with 0 whatever the gates say.
fn run(look: JunitLook<'_>) -> TestSuite {
    let mut suite = suite("promptassay", look.began).build();
    for (index, trouble) in look.troubles.iter().enumerate() {
        let name = if index == 0 { "run".to_owned() } else { format!("run {}", index + 1) };
        let mut case = TestCaseBuilder::error(&name, Duration::ZERO, "run", &attribute(trouble));
        suite.add_testcase(case.set_classname("promptassay").build());
    }
    suite
}

/// What is to be known of the run, as a case that passes; `None` where there is nothing.
fn to_know<'a>(name: &str, remarks: impl IntoIterator<Item = &'a Remark>) -> Option<TestCase> {
    let text = remarks.into_iter().map(warning).collect::<Vec<_>>().join("\n");
    let mut case = TestCaseBuilder::success(name, Duration::ZERO);
    (!text.is_empty()).then(|| case.set_system_out(&cdata(&text)).set_classname("promptassay").build())
}

/// Text for an attribute: one line, because readers fold line breaks there.
fn attribute(text: &str) -> String {
    visible(text).replace(['\n', '\t'], " ")
}

/// Text for a body. The writer puts it into CDATA as it is, so the end mark is split over two sections.
fn cdata(text: &str) -> String {
    visible(text).replace("]]>", "]]]]><![CDATA[>")
}
