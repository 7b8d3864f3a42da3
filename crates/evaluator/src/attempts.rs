//! How often the same questions were asked of the same texts: whoever asks again until the gate is open has chosen a result.
//!
//! A run that comes to a verdict leaves its number beside its journal, in `attempts.json`, and the next one counts on. It is a trace
//! and no refusal: what counts is left to whoever reads it. Runs that are not kept are not counted, so there were at least so many.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::{fmt, iter};

use promptassay_registry::digest::{Digest, canonical_json, canonical_text};
use promptassay_registry::name::PromptName;
use promptassay_registry::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::event::ReplySource;
use crate::gate::{Gate, Verdict, plural};
use crate::plan::Plan;
use crate::record::Record;
use crate::runs::{PlannedCase, PlannedPrompt, RunFile};

/// The name of the file in a run's directory.
pub const FILE_NAME: &str = "attempts.json";

/// The version of the file's shape.
const SCHEMA: u32 = 1;

/// Which attempt at the same questions a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u64,
    /// How many of the earlier ones a gate stopped.
    pub earlier_failed: u64,
}

/// The attempts of a run, a gate each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempts {
    schema: u32,
    gates: Vec<GateAttempt>,
}

/// The attempt of one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateAttempt {
    prompt: PromptName,
    version: Version,
    model: String,
    /// SHA-256 over everything that the questions to this prompt are made of, and over what was blessed.
    questions: Digest,
    attempt: Attempt,
    /// Whether a model was asked. What is known from an earlier attempt is no new roll of the dice.
    asked: bool,
    /// Whether the gate stood in the way.
    failed: bool,
}

/// What tells the questions to each prompt of a run from others.
#[derive(Debug, Clone, Default)]
pub struct Questions(BTreeMap<PromptName, Digest>);

impl Questions {
    /// Those of what was planned.
    pub fn of(file: &RunFile) -> Self {
        let of_prompt = |planned: &PlannedPrompt| {
            (planned.name.clone(), questions(planned, file.blessed.get(planned.name.as_str())))
        };
        Self(file.prompts.iter().map(of_prompt).collect())
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self { schema: SCHEMA, gates: Vec::new() }
    }
}

impl Attempts {
    /// Of a run that came to its end. `questions` is what it had planned, and `before` are the attempts of earlier runs, the oldest
    /// first. A gate that could not be judged showed nothing to choose, and what was recorded is the same every time: neither is an
    /// attempt.
    pub fn count(
        plan: &Plan,
        record: &Record,
        gates: &[Gate],
        questions: &Questions,
        before: &[Self],
    ) -> Self {
        let of_gate = |gate: &Gate| {
            let asked = replied(plan, record, gate.prompt, |source| source == ReplySource::Live);
            let is_cached = |source| matches!(source, ReplySource::Cached { .. });
            if gate.verdict == Verdict::Broken || !(asked || replied(plan, record, gate.prompt, is_cached)) {
                return None;
            }
            let new = GateAttempt::of(plan, gate, questions)?;
            let same: Vec<&GateAttempt> = before
                .iter()
                .filter_map(|run| run.gates.iter().find(|other| other.is_of(&new)))
                .filter(|other| other.questions == new.questions)
                .collect();
            let attempt = if asked { next(&same) } else { same.last()?.attempt };
            Some(GateAttempt { attempt, asked, ..new })
        };
        Self { schema: SCHEMA, gates: gates.iter().filter_map(of_gate).collect() }
    }

    /// Of a run that judges the answers of another one anew: what it shows is that one's attempt.
    pub fn inherited(source: &Self, plan: &Plan, gates: &[Gate], questions: &Questions) -> Self {
        let of_gate = |gate: &Gate| {
            let new = GateAttempt::of(plan, gate, questions)?;
            let attempt = source.gates.iter().find(|other| other.is_of(&new))?.attempt;
            Some(GateAttempt { attempt, ..new })
        };
        Self { schema: SCHEMA, gates: gates.iter().filter_map(of_gate).collect() }
    }

    /// The attempt of a candidate, where it is not the first.
    pub fn repeated(&self, plan: &Plan, gate: &Gate) -> Option<Attempt> {
        let prompt = &plan.prompts()[gate.prompt];
        let variant = &prompt.variants[gate.variant];
        let is_of = |one: &&GateAttempt| {
            (&one.prompt, &one.version, &one.model) == (&prompt.name, &variant.version, &variant.model.name)
        };
        self.gates.iter().find(is_of).map(|one| one.attempt).filter(|attempt| attempt.number > 1)
    }

    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        self.gates.is_empty()
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let attempts: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match attempts.schema {
            SCHEMA => Ok(attempts),
            other => Err(format!("it has the format {other}; this promptassay reads format {SCHEMA}")),
        }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        // Nothing in it can fail to be written: there is no map.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl GateAttempt {
    /// The first attempt, from nowhere. `None` where the gate's prompt was not planned.
    fn of(plan: &Plan, gate: &Gate, questions: &Questions) -> Option<Self> {
        let prompt = &plan.prompts()[gate.prompt];
        let variant = &prompt.variants[gate.variant];
        Some(Self {
            prompt: prompt.name.clone(),
            version: variant.version.clone(),
            model: variant.model.name.clone(),
            questions: *questions.0.get(&prompt.name)?,
            attempt: Attempt { number: 1, earlier_failed: 0 },
            asked: false,
            failed: gate.blocks,
        })
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.prompt, &self.version, &self.model) == (&other.prompt, &other.version, &other.model)
    }
}

/// The attempt after these. Each knows how many were before it: also where those are gone.
fn next(same: &[&GateAttempt]) -> Attempt {
    let asked = || same.iter().filter(|one| one.asked);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let earlier = asked().map(|one| one.attempt.number).max().unwrap_or(0).max(count(asked().count()));
    let known = asked().map(|one| one.attempt.earlier_failed + u64::from(one.failed)).max().unwrap_or(0);
    let failed = known.max(count(asked().filter(|one| one.failed).count()));
    Attempt { number: earlier.saturating_add(1), earlier_failed: failed }
}

/// Whether a reply to one of the prompt's questions came from there.
fn replied(plan: &Plan, record: &Record, prompt: usize, from: impl Fn(ReplySource) -> bool) -> bool {
    let trials = plan.trials().iter().enumerate().filter(|(_, trial)| trial.prompt == prompt);
    trials.filter_map(|(index, _)| record.trial(index)?.source).any(from)
}

/// SHA-256 over what the questions are made of, as JSON. The gate's rules are not in it: other rules for the same answers are no other
/// question. Case by case: all of them together as JSON would take more memory than anything else of the run.
fn questions(planned: &PlannedPrompt, blessed: Option<&Digest>) -> Digest {
    let others = canonical_json(&json!({
        "interface": planned.interface,
        "suite": planned.suite,
        "repeat": planned.repeat,
        "variants": planned.variants,
    }));
    // `blessed` and `cases` come first in the order of the keys.
    let begin = format!("{{\"blessed\":{},\"cases\":[", canonical_json(&json!(blessed)));
    let commas = iter::once("").chain(iter::repeat(","));
    let cases = planned.cases.iter().zip(commas);
    let cases = cases.map(|(case, comma)| canonical_case(case, comma));
    let end = format!("],{}", &others[1..]);
    Digest::of_pieces(iter::once(begin).chain(cases).chain(iter::once(end)))
}

/// A case as canonical JSON, put together in the order of its keys.
fn canonical_case(case: &PlannedCase, comma: &str) -> String {
    let mut text = format!("{comma}{{");
    // Writing to a `String` cannot fail.
    if let Some(cluster) = &case.cluster {
        let _ = write!(text, "\"cluster\":{},", canonical_text(cluster));
    }
    let _ = write!(text, "\"digest\":\"{}\"", case.digest);
    if let Some(models) = &case.models {
        let _ = write!(text, ",\"models\":{}", canonical_json(&json!(models)));
    }
    let (name, question, sha256) = (canonical_text(&case.name), case.question, case.sha256);
    let _ = write!(text, ",\"name\":{name},\"question\":\"{question}\",\"sha256\":\"{sha256}\"}}");
    text
}

impl fmt::Display for Attempt {
    /// `the 4th attempt; 3 earlier runs failed`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let earlier = self.number.saturating_sub(1);
        let runs = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "earlier run");
        let (number, ending) = (self.number, ordinal(self.number));
        write!(formatter, "the {number}{ending} attempt; ")?;
        match self.earlier_failed {
            0 if earlier == 1 => formatter.write_str("the earlier run passed"),
            0 if earlier == 2 => formatter.write_str("both earlier runs passed"),
            0 => write!(formatter, "all {} passed", runs(earlier)),
            failed if failed >= earlier => write!(formatter, "{} failed", runs(earlier)),
            failed => write!(formatter, "{failed} of {} failed", runs(earlier)),
        }
    }
}

/// `st`, `nd`, `rd` or `th`.
fn ordinal(number: u64) -> &'static str {
    match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    #[test]
    fn the_digest_in_pieces_is_that_of_the_whole() {
        let case = |name: &str| PlannedCase {
            name: name.to_owned(),
            sha256: Digest::of(name),
            digest: Digest::of("digest"),
            cluster: (name == "b").then(|| "c".to_owned()),
            models: (name == "a").then(|| vec!["m".to_owned(), "l\"".to_owned()]),
            question: Digest::of("question"),
        };
        for cases in [vec![], vec![case("a")], vec![case("a"), case("b\"\n")]] {
            let planned = PlannedPrompt {
                name: "greet".parse().unwrap(),
                chosen: "the newest".to_owned(),
                interface: Digest::of("interface"),
                suite: Digest::of("suite"),
                narrowed_by: Vec::new(),
                repeat: 3,
                policy: Policy::default(),
                variants: Vec::new(),
                cases,
            };
            for blessed in [None, Some(Digest::of("blessed"))] {
                let whole = Digest::of_json(&json!({
                    "interface": planned.interface,
                    "suite": planned.suite,
                    "repeat": planned.repeat,
                    "variants": planned.variants,
                    "cases": planned.cases,
                    "blessed": blessed,
                }));
                assert_eq!(questions(&planned, blessed.as_ref()), whole);
            }
        }
    }

    fn earlier(number: u64, earlier_failed: u64, asked: bool, failed: bool) -> GateAttempt {
        GateAttempt {
            prompt: "greet".parse().unwrap(),
            version: "1.1.0".parse().unwrap(),
            model: "default".to_owned(),
            questions: Digest::of("questions"),
            attempt: Attempt { number, earlier_failed },
            asked,
            failed,
        }
    }

    fn after(runs: &[GateAttempt]) -> String {
        next(&runs.iter().collect::<Vec<_>>()).to_string()
    }

    #[test]
    fn an_attempt_says_how_many_were_before_it() {
        let failed = |number| earlier(number, number - 1, true, true);
        assert_eq!(after(&[failed(1)]), "the 2nd attempt; 1 earlier run failed");
        assert_eq!(after(&[failed(1), failed(2), failed(3)]), "the 4th attempt; 3 earlier runs failed");
        assert_eq!(after(&[earlier(1, 0, true, false)]), "the 2nd attempt; the earlier run passed");
        let passed = [earlier(1, 0, true, false), earlier(2, 0, true, false)];
        assert_eq!(after(&passed), "the 3rd attempt; both earlier runs passed");
        assert_eq!(
            after(&[failed(1), earlier(2, 1, true, false)]),
            "the 3rd attempt; 1 of 2 earlier runs failed"
        );
        assert_eq!(ordinal(11), "th");
        assert_eq!(ordinal(21), "st");
        assert_eq!(ordinal(112), "th");
    }

    #[test]
    fn what_is_gone_is_remembered_by_what_came_after_it() {
        assert_eq!(after(&[earlier(5, 3, true, true)]), "the 6th attempt; 4 of 5 earlier runs failed");
    }

    #[test]
    fn two_at_the_same_time_are_both_counted() {
        let both = [earlier(1, 0, true, true), earlier(1, 0, true, true)];
        assert_eq!(after(&both), "the 3rd attempt; 2 earlier runs failed");
    }

    #[test]
    fn what_was_shown_again_is_not_counted_twice() {
        let runs = [earlier(1, 0, true, true), earlier(1, 0, false, true), earlier(1, 0, false, true)];
        assert_eq!(after(&runs), "the 2nd attempt; 1 earlier run failed");
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let attempts = Attempts { gates: vec![earlier(4, 3, true, false)], ..Attempts::default() };
        assert_eq!(Attempts::parse(&attempts.to_json()).unwrap(), attempts);
        let newer = attempts.to_json().replace("\"schema\": 1", "\"schema\": 2");
        assert_eq!(
            Attempts::parse(&newer).unwrap_err(),
            "it has the format 2; this promptassay reads format 1"
        );
    }
}
