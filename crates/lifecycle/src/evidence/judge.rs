//! Holds evidence against what is there today: whatever voids it is named.

mod fault;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::version::Version;

use super::{Evidence, EvidenceSummary, Finding, ModelSummary, Passed, ReplySource, Verdict};
use crate::duration::in_words;
use crate::policy::Policy;
use crate::state::{Mark, State, Tenure};

pub use fault::EvidenceFault;

/// Evidence may be this much in the future: clocks of machines differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is there today, of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Today {
    /// The prompt.
    pub prompt: PromptName,
    /// SHA-256 of the version's file.
    pub sha256: Digest,
    /// Of the variables and the template format.
    pub interface: Digest,
    /// Of the resolved suite; `None` where the caller cannot tell, which is then said.
    pub suite: Option<Digest>,
    /// Of what its gate asks for; `None` where the caller cannot tell, which is then said.
    pub gate: Option<Digest>,
    /// Whether its gate has a margin, and so asks how much worse it is than what it replaces. Where the caller cannot tell, it may.
    pub has_margin: bool,
    /// The models of `registry.yaml`, by row.
    pub models: BTreeMap<String, ModelToday>,
}

/// What is there today, of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelToday {
    /// The model that the row names.
    pub model: String,
    /// Of the effective parameters of the version on this model; `None` where the caller cannot tell, which is then said.
    pub params: Option<Digest>,
}

/// Evidence that is good enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// For the ledger.
    pub summary: EvidenceSummary,
    /// What could not be compared, because today's value is not known here.
    pub not_compared: Vec<&'static str>,
}

/// Holds the evidence on `version` against today; all faults at once.
pub fn judge(
    evidence: &Evidence,
    version: &Version,
    today: &Today,
    state: &State,
    policy: &Policy,
    now: Timestamp,
) -> Result<Judged, Vec<EvidenceFault>> {
    let findings: Vec<&Finding> = evidence
        .findings
        .iter()
        .filter(|finding| finding.prompt == today.prompt && finding.version == *version)
        .collect();
    let Some(first) = findings.first() else {
        let mut about: Vec<String> = evidence
            .findings
            .iter()
            .map(|finding| format!("{} {}", finding.prompt, finding.version))
            .collect();
        about.dedup();
        let run = evidence.findings.first().map(|finding| finding.details.run.clone()).unwrap_or_default();
        let (version, about) = (version.clone(), about.join(", "));
        return Err(vec![EvidenceFault::OtherVersion { run, version, about }]);
    };
    let mut faults = Vec::new();
    for finding in &findings {
        faults.extend(of_content(finding, today));
        faults.extend(of_result(finding, policy, now));
        faults.extend(of_history(finding, today, state));
    }
    for row in &policy.models {
        if !findings.iter().any(|finding| finding.details.model.row == *row) {
            faults.push(EvidenceFault::ModelMissing { row: row.clone() });
        }
    }
    // Several models have most faults in common; each is said once.
    let mut distinct = Vec::new();
    for fault in faults {
        if !distinct.contains(&fault) {
            distinct.push(fault);
        }
    }
    if !distinct.is_empty() {
        return Err(distinct);
    }
    Ok(Judged { summary: summary(evidence, first, &findings), not_compared: not_compared(&findings, today) })
}

fn of_content(finding: &Finding, today: &Today) -> Vec<EvidenceFault> {
    let mut faults = Vec::new();
    if finding.sha256 != today.sha256 {
        faults.push(EvidenceFault::Text {
            version: finding.version.clone(),
            evaluated: finding.sha256,
            now: today.sha256,
        });
    }
    let mut compare = |what: &str, evaluated: Digest, now: Option<Digest>| {
        if let Some(now) = now.filter(|now| *now != evaluated) {
            faults.push(EvidenceFault::Changed { what: what.to_owned(), evaluated, now });
        }
    };
    compare("the variables or the template format", finding.interface, Some(today.interface));
    compare("the suite", finding.suite, today.suite);
    compare("what the gate asks for", finding.gate, today.gate);
    let model = &finding.details.model;
    match today.models.get(&model.row) {
        None => faults.push(EvidenceFault::ModelGone { row: model.row.clone() }),
        Some(row) => {
            compare(&format!("the parameters on `{}`", model.row), finding.params, row.params);
            if row.model != model.model {
                faults.push(EvidenceFault::Model {
                    row: model.row.clone(),
                    evaluated: model.model.clone(),
                    now: row.model.clone(),
                });
            }
        }
    }
    faults
}

fn of_result(finding: &Finding, policy: &Policy, now: Timestamp) -> Vec<EvidenceFault> {
    let mut faults = Vec::new();
    let details = &finding.details;
    let row = details.model.row.clone();
    if details.verdict != Verdict::Passed {
        faults.push(EvidenceFault::NotPassed { row: row.clone(), verdict: details.verdict });
    }
    if !details.complete {
        faults.push(EvidenceFault::Incomplete);
    }
    if !details.unfiltered {
        faults.push(EvidenceFault::Filtered);
    }
    if details.counts.cases < policy.min_cases {
        let least = policy.min_cases;
        faults.push(EvidenceFault::TooFewCases { row, cases: details.counts.cases, least });
    }
    if details.finished_at.duration_since(now) > CLOCK_SKEW {
        faults.push(EvidenceFault::FromTheFuture { at: details.finished_at });
    }
    let source = details.replies.source;
    if !policy.replies.contains(&source) {
        let allowed: Vec<&str> = policy.replies.iter().map(|source| source.name()).collect();
        faults.push(EvidenceFault::Replies { source_of_replies: source, allowed: allowed.join(", ") });
    } else if source != ReplySource::Recorded {
        // Recorded replies are as old as their review; where the policy allows them, age is no question.
        match details.replies.oldest_at {
            None => faults.push(EvidenceFault::AgeUnknown),
            Some(oldest_at) if now.duration_since(oldest_at) > policy.max_reply_age => {
                faults.push(EvidenceFault::TooOld { oldest_at, allowed: in_words(policy.max_reply_age) });
            }
            Some(_) => {}
        }
    }
    faults
}

/// What else happened since.
fn of_history(finding: &Finding, today: &Today, state: &State) -> Option<EvidenceFault> {
    let details = &finding.details;
    let mark = state.versions().get(&finding.version).and_then(|known| known.mark.as_ref());
    if let Some(fault) = mark.and_then(|mark| of_rollback(finding, mark)) {
        return Some(fault);
    }
    let production = state.production();
    let Some(baseline) = &details.baseline else {
        // A rate that is reached says nothing of what is there today, which may be far better.
        let production = production.filter(|_| today.has_margin)?.clone();
        return Some(EvidenceFault::NoBaseline { production });
    };
    let version = &baseline.version;
    if production == Some(version) {
        let recorded = state.versions().get(version)?.sha256;
        let is_same = recorded == baseline.sha256;
        let what = format!("the text of {version}, which it was compared with,");
        return (!is_same).then_some(EvidenceFault::Changed {
            what,
            evaluated: baseline.sha256,
            now: recorded,
        });
    }
    // Within the same second, and within what clocks differ by, the other one is taken to have been faster: to evaluate again against
    // what is there now is the right answer to both.
    let was_faster = |tenure: &&Tenure| {
        let until = tenure.until.is_none_or(|until| details.finished_at.duration_since(until) <= CLOCK_SKEW);
        tenure.version == *version && until
    };
    if state.tenures().iter().any(|tenure| was_faster(&tenure)) {
        return Some(EvidenceFault::ProductionMoved { from: version.clone(), to: production.cloned() });
    }
    // Before anything is in production, whatever it was compared with is as good.
    let production = production?.clone();
    Some(EvidenceFault::OtherBaseline { baseline: version.clone(), production })
}

/// What was said before somebody rolled back says nothing of why: every reply must be younger, not only the run that counts them.
fn of_rollback(finding: &Finding, mark: &Mark) -> Option<EvidenceFault> {
    let (details, version, at) = (&finding.details, finding.version.clone(), mark.at);
    // Of a machine whose clock is slow the ledger has a time that is too early: what stands before that line was before it.
    let is_before = |time: Timestamp| !is_surely_after(time, mark.at.max(mark.latest));
    if is_before(details.finished_at) {
        return Some(EvidenceFault::BeforeRollback { finished_at: details.finished_at, version, at });
    }
    match (details.replies.source, details.replies.oldest_at) {
        (ReplySource::Recorded, _) | (_, None) => Some(EvidenceFault::UndatedSinceRollback {
            source_of_replies: details.replies.source,
            version,
            at,
        }),
        (_, Some(oldest_at)) if is_before(oldest_at) => {
            Some(EvidenceFault::RepliesBeforeRollback { oldest_at, version, at })
        }
        (_, Some(_)) => None,
    }
}

/// Whether a time of a run is after one of the ledger for sure. Earlier versions cut both to the second: a run that says a second may have
/// begun when that second did, and what the ledger says so may have happened until it ended.
fn is_surely_after(of_run: Timestamp, of_ledger: Timestamp) -> bool {
    let is_cut = of_ledger.subsec_nanosecond() == 0;
    let next = of_ledger.checked_add(SignedDuration::from_secs(1)).unwrap_or(of_ledger);
    if is_cut { of_run >= next } else { of_run > of_ledger }
}

/// Whether all of it, each reply too, is younger than the end of the version's canary.
pub(crate) fn is_since(evidence: &Evidence, version: &Version, today: &Today, ended: &Mark) -> bool {
    let mut findings = evidence
        .findings
        .iter()
        .filter(|finding| finding.prompt == today.prompt && finding.version == *version)
        .peekable();
    findings.peek().is_some() && findings.all(|finding| of_rollback(finding, ended).is_none())
}

fn not_compared(findings: &[&Finding], today: &Today) -> Vec<&'static str> {
    let mut parts = Vec::new();
    if today.suite.is_none() {
        parts.push("the suite");
    }
    if today.gate.is_none() {
        parts.push("the gate");
    }
    let unknown = |finding: &&Finding| {
        today.models.get(&finding.details.model.row).is_some_and(|row| row.params.is_none())
    };
    if findings.iter().any(unknown) {
        parts.push("the parameters");
    }
    parts
}

fn summary(evidence: &Evidence, first: &Finding, findings: &[&Finding]) -> EvidenceSummary {
    let replies = findings.iter().map(|finding| finding.details.replies);
    let source = replies.clone().map(|replies| replies.source).max().unwrap_or(ReplySource::Live);
    let oldest: Option<Vec<Timestamp>> = replies.map(|replies| replies.oldest_at).collect();
    EvidenceSummary {
        run: first.details.run.clone(),
        sha256: evidence.sha256,
        verdict: Passed::Passed,
        replies: source,
        oldest_reply_at: oldest.and_then(|times| times.into_iter().min()),
        suite: first.suite,
        models: findings
            .iter()
            .map(|finding| ModelSummary {
                row: finding.details.model.row.clone(),
                model: finding.details.model.model.clone(),
                served: finding.details.model.served.clone(),
                cases: finding.details.counts.cases,
                passed: finding.details.counts.passed,
                interval: finding.details.interval,
                attempt: finding.details.attempt,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
