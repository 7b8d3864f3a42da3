//! What a move needs: the section `lifecycle` of `registry.yaml`.

use jiff::SignedDuration;
use promptassay_registry::digest::Digest;
use promptassay_registry::duration;
use promptassay_registry::problem::{Problem, did_you_mean};
use promptassay_registry::yaml::{Document, Located};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::canonical::canonical_json;
use crate::evidence::ReplySource;
use crate::stage::Stage;

/// The section's name in `registry.yaml`.
pub const KEY: &str = "lifecycle";

/// What promotions need. Every key may be left out.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LifecyclePolicySpec")]
pub struct PolicySpec {
    /// The stages that need a passed evaluation: `testing`, `canary`, `production`. Default: canary and production.
    pub evidence_for: Option<Vec<GatedStage>>,
    /// The fewest cases that an evaluation must have had. Default: 1.
    pub min_cases: Option<Located<u64>>,
    /// The oldest that a reply of an evaluation may be, such as `7d`. Default: 7d.
    #[serde(default, deserialize_with = "promptassay_registry::yaml::spelled")]
    pub max_reply_age: Option<Located<String>>,
    /// Where replies may come from: `live`, `cached`, `recorded`. Default: live and cached.
    pub replies: Option<Located<Vec<ReplySource>>>,
    /// Rows of `models` that must each have passed. Default: none by name; every model that was evaluated must have passed.
    pub models: Option<Vec<Located<String>>>,
    /// Whether a version must be a canary before it replaces another. Default: required.
    pub canary: Option<CanaryRule>,
    /// How long a canary runs after it began or widened, such as `7d`. Default: 7d.
    #[serde(default, deserialize_with = "promptassay_registry::yaml::spelled")]
    pub canary_expires_after: Option<Located<String>>,
    /// Whether `--break-glass` may override evidence and canary. Default: refused.
    pub break_glass: Option<BreakGlassRule>,
    /// What may go wrong for a user of a canary, by the names under which failures are recorded, such as `error`. Default: none, and
    /// `canary check` cannot judge.
    pub guardrails: Option<Vec<Located<String>>>,
    /// The largest share of a canary's users, from 0 to 1, for whom a guardrail may fail before it is promoted. Default: none, and
    /// `canary check` never says promote.
    pub max_failure_rate: Option<Located<f64>>,
}

/// A stage that evidence can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatedStage {
    /// Before it is proposed.
    Testing,
    /// Before users see it.
    Canary,
    /// Before everybody sees it.
    Production,
}

/// Whether a canary comes before production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CanaryRule {
    /// A version that replaces another was a canary first.
    Required,
    /// A version may go from testing to production.
    Optional,
}

/// Whether the policy may be overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BreakGlassRule {
    /// With a reason, and for everybody to see.
    Allowed,
    /// Never.
    Refused,
}

/// The policy in force: every value is there and makes sense.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The stages that need evidence, sorted.
    pub evidence_for: Vec<GatedStage>,
    /// The fewest cases.
    pub min_cases: u64,
    /// The oldest that a reply may be.
    pub max_reply_age: SignedDuration,
    /// Where replies may come from, sorted; never empty.
    pub replies: Vec<ReplySource>,
    /// Rows that must each have passed.
    pub models: Vec<String>,
    /// Whether a canary comes before production.
    pub canary: CanaryRule,
    /// How long a canary runs; more than nothing.
    pub canary_expires_after: SignedDuration,
    /// Whether the policy may be overridden.
    pub break_glass: BreakGlassRule,
    /// What may go wrong for a canary's user, sorted.
    pub guardrails: Vec<String>,
    /// The largest bearable share of users for whom a guardrail fails, above 0 and at most 1.
    pub max_failure_rate: Option<f64>,
}

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Default for Policy {
    fn default() -> Self {
        Self {
            evidence_for: vec![GatedStage::Canary, GatedStage::Production],
            min_cases: 1,
            max_reply_age: WEEK,
            replies: vec![ReplySource::Live, ReplySource::Cached],
            models: Vec::new(),
            canary: CanaryRule::Required,
            canary_expires_after: WEEK,
            break_glass: BreakGlassRule::Refused,
            guardrails: Vec::new(),
            max_failure_rate: None,
        }
    }
}

impl Policy {
    /// Reads the section of a registry document; everything that is wrong with it is added to `problems`.
    pub fn read(document: &Document, problems: &mut Vec<Problem>) -> Self {
        let mut policy = Self::default();
        let Some(reading) = document.read_at::<Option<PolicySpec>>(&[KEY]) else { return policy };
        problems.extend(reading.problems);
        let spec = reading.value.flatten().unwrap_or_default();
        if let Some(mut stages) = spec.evidence_for {
            stages.sort();
            stages.dedup();
            policy.evidence_for = stages;
        }
        if let Some(least) = spec.min_cases {
            policy.min_cases = least.value;
        }
        if let Some(mut sources) = spec.replies {
            sources.value.sort();
            sources.value.dedup();
            if sources.value.is_empty() {
                problems.push(
                    Problem::error("lifecycle::no_replies", "no reply would ever be allowed")
                        .at(document.place(sources.span))
                        .help("name at least one of `live`, `cached`, `recorded`"),
                );
            } else {
                policy.replies = sources.value;
            }
        }
        if let Some(age) = read_duration(document, spec.max_reply_age.as_ref(), problems) {
            policy.max_reply_age = age;
        }
        if let Some(time) = read_duration(document, spec.canary_expires_after.as_ref(), problems) {
            policy.canary_expires_after = time;
        }
        policy.canary = spec.canary.unwrap_or(policy.canary);
        policy.break_glass = spec.break_glass.unwrap_or(policy.break_glass);
        policy.models = read_models(document, spec.models.unwrap_or_default(), problems);
        policy.guardrails = read_guardrails(document, spec.guardrails.unwrap_or_default(), problems);
        policy.max_failure_rate = spec.max_failure_rate.and_then(|rate| read_rate(document, rate, problems));
        policy
    }

    /// Whether moving to this stage needs a passed evaluation.
    pub fn needs_evidence(&self, stage: Stage) -> bool {
        self.evidence_for.iter().any(|gated| match gated {
            GatedStage::Testing => stage == Stage::Testing,
            GatedStage::Canary => stage == Stage::Canary,
            GatedStage::Production => stage == Stage::Production,
        })
    }

    /// SHA-256 of the policy in force, defaults included, so that the same rules have the same digest however they are written.
    pub fn digest(&self) -> Digest {
        Digest::of(canonical_json(&json!({
            "evidence_for": self.evidence_for,
            "min_cases": self.min_cases,
            "max_reply_age_seconds": self.max_reply_age.as_secs(),
            "replies": self.replies,
            "models": self.models,
            "canary": self.canary,
            "canary_expires_after_seconds": self.canary_expires_after.as_secs(),
            "break_glass": self.break_glass,
            "guardrails": self.guardrails,
            "max_failure_rate": self.max_failure_rate.map(|rate| rate.to_string()),
        })))
    }
}

fn read_duration(
    document: &Document,
    written: Option<&Located<String>>,
    problems: &mut Vec<Problem>,
) -> Option<SignedDuration> {
    let written = written?;
    let parsed = duration::parse(written).filter(|duration| duration.as_secs() > 0);
    if parsed.is_none() {
        problems.push(
            Problem::error("lifecycle::duration", format!("`{written}` is no duration of a second or more"))
                .at(document.place(written.span))
                .help("write an integer with a unit, such as `12h` or `7d`"),
        );
    }
    parsed
}

/// The rows, sorted; each must be one of `models`.
fn read_models(
    document: &Document,
    written: Vec<Located<String>>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let known = document.keys_at(&["models"]);
    let mut models = Vec::new();
    for row in written {
        if known.iter().any(|(name, _)| *name == row.value) {
            models.push(row.value);
        } else {
            let help = did_you_mean(&row, known.iter().map(|(name, _)| *name), "models");
            problems.push(
                Problem::error("lifecycle::unknown_model", format!("there is no model `{row}`"))
                    .at(document.place(row.span))
                    .help(help),
            );
        }
    }
    models.sort();
    models.dedup();
    models
}

/// The names, sorted; each is one that failures can be recorded under.
fn read_guardrails(
    document: &Document,
    written: Vec<Located<String>>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let mut names = Vec::new();
    for name in written {
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
            names.push(name.value);
        } else {
            problems.push(
                Problem::error(
                    "lifecycle::guardrail",
                    format!("`{}` cannot name a guardrail", name.escape_debug()),
                )
                .at(document.place(name.span))
                .help("use 1 to 64 letters, digits, `_`, `-` and `.`"),
            );
        }
    }
    names.sort();
    names.dedup();
    names
}

fn read_rate(document: &Document, written: Located<f64>, problems: &mut Vec<Problem>) -> Option<f64> {
    let rate = written.value;
    if rate > 0.0 && rate <= 1.0 {
        return Some(rate);
    }
    problems.push(
        Problem::error("lifecycle::max_failure_rate", format!("{rate} is no share of users above 0"))
            .at(document.place(written.span))
            .help("write 0.02 where a failure for up to 2 % of the users is bearable"),
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Policy, String) {
        let mut problems = Vec::new();
        let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
        let policy = Policy::read(&document, &mut problems);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        (policy, shown.join("\n"))
    }

    #[test]
    fn what_is_not_said_has_a_safe_default() {
        for text in ["", "schema: 1\n", "lifecycle:\n", "lifecycle: {}\n"] {
            assert_eq!(read(text), (Policy::default(), String::new()), "{text}");
        }
        let policy = Policy::default();
        assert!(policy.needs_evidence(Stage::Production) && !policy.needs_evidence(Stage::Testing));
    }

    #[test]
    fn every_key_is_read() {
        let (policy, problems) = read(
            "models: {a: {}, b: {}}\nlifecycle:\n  evidence_for: [production, testing, testing]\n  min_cases: 40\n  max_reply_age: 12h\n  replies: [recorded, live]\n  models: [b, a]\n  canary: optional\n  canary_expires_after: 2d\n  break_glass: allowed\n  guardrails: [thumbs_down, error, error]\n  max_failure_rate: 0.02\n",
        );
        assert_eq!(problems, "");
        let expected = Policy {
            evidence_for: vec![GatedStage::Testing, GatedStage::Production],
            min_cases: 40,
            max_reply_age: SignedDuration::from_hours(12),
            replies: vec![ReplySource::Live, ReplySource::Recorded],
            models: vec!["a".to_owned(), "b".to_owned()],
            canary: CanaryRule::Optional,
            canary_expires_after: SignedDuration::from_hours(48),
            break_glass: BreakGlassRule::Allowed,
            guardrails: vec!["error".to_owned(), "thumbs_down".to_owned()],
            max_failure_rate: Some(0.02),
        };
        assert_eq!(policy, expected);
    }

    #[test]
    fn every_mistake_is_reported_at_its_place() {
        insta::assert_snapshot!(read(
            "models: {default: {}}\nlifecycle:\n  evidence_fro: [canary]\n  evidence_for: [Canary, archived]\n  min_cases: -1\n  max_reply_age: 7 days\n  replies: []\n  models: [defualt]\n  canary: no\n  canary_expires_after: 0d\n  guardrails: [error, 'an error']\n  max_failure_rate: 2\n"
        ).1);
    }

    #[test]
    fn the_digest_is_that_of_the_rules_and_not_of_their_text() {
        let digest = |text: &str| read(text).0.digest();
        assert_eq!(digest("lifecycle: {max_reply_age: 7d}"), Policy::default().digest());
        assert_eq!(digest("lifecycle: {max_reply_age: 168h}"), Policy::default().digest());
        assert_ne!(digest("lifecycle: {max_reply_age: 6d}"), Policy::default().digest());
    }
}
