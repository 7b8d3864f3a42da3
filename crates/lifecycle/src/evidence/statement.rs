//! The shape of `evidence.json`, and how it becomes findings.
//!
//! As in-toto demands, what is not known is ignored everywhere but in what is bound to this program's own schema number.

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use serde::{Deserialize, Serialize};

use super::{Attempt, Baseline, Counts, EvaluatedModel, Evidence, Finding, Interval, Replies, Verdict};

/// The type of a statement.
pub const TYPE: &str = "https://in-toto.io/Statement/v1";

/// The type of the predicate.
pub const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// The format of [`Extension`].
pub const SCHEMA: u64 = 1;

/// The largest file that is read.
pub const MAX_EVIDENCE_BYTES: u64 = 64 << 20;

/// An in-toto Statement v1 about one version of one prompt on one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// [`TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// Exactly one: the version.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What was found.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `PROMPT@VERSION`, such as `customer_support@1.1.0`.
    pub name: String,
    /// Of the version's file.
    pub digest: DigestSet,
}

/// Digests by algorithm; only this one is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Digest,
}

/// The test-result predicate v0.1, with one extension field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Predicate {
    /// `PASSED` exactly where the verdict is `passed`.
    pub result: ResultWord,
    /// The digests of `interface`, `suite`, `gate` and `params`, each by that name.
    pub configuration: Vec<Configuration>,
    /// The names of cases that passed; for other tools, not read here.
    #[serde(rename = "passedTests", default, skip_serializing_if = "Vec::is_empty")]
    pub passed_tests: Vec<String>,
    /// The names of cases that did not; for other tools, not read here.
    #[serde(rename = "failedTests", default, skip_serializing_if = "Vec::is_empty")]
    pub failed_tests: Vec<String>,
    /// What the predicate has no field for.
    pub promptassay: Extension,
}

/// The words of the predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResultWord {
    /// It passed.
    Passed,
    /// Known to the predicate; no evaluation of ours ends so.
    Warned,
    /// It did not pass.
    Failed,
}

/// A resource descriptor of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// `interface`, `suite`, `gate` or `params`.
    pub name: String,
    /// Its digest.
    pub digest: DigestSet,
}

/// What the test-result predicate has no field for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// The format of this object: 1.
    pub schema: u64,
    /// The id of the run.
    pub run: String,
    /// When the last reply was judged.
    pub finished_at: Timestamp,
    /// The model that was asked.
    pub model: EvaluatedModel,
    /// Whether every planned question was asked.
    pub complete: bool,
    /// Whether the plan had every case of the suite.
    pub unfiltered: bool,
    /// Where replies came from, and how old they are.
    pub replies: Replies,
    /// What the version was compared with; null where it was judged alone.
    pub baseline: Option<Baseline>,
    /// What it ended with.
    pub verdict: Verdict,
    /// Cases, by how they ended.
    pub counts: Counts,
    /// The interval that decided, or the one that is printed; null where there is none.
    pub interval: Option<Interval>,
    /// Which attempt at the same questions it was; left out for the first, and by programs that do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// The file is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidEvidence {
    message: String,
    /// What to do.
    pub help: &'static str,
}

const HELP: &str =
    "evidence is the file `evidence.json` of a run, written when all cases of a suite were asked";

impl Evidence {
    /// Reads the text of a file: an array of statements, or one.
    pub fn parse(text: &str) -> Result<Self, InvalidEvidence> {
        let invalid = |message: String| InvalidEvidence { message, help: HELP };
        let is_one = text.trim_start().starts_with('{');
        let statements: Vec<Statement> = if is_one {
            serde_json::from_str(text).map(|statement| vec![statement])
        } else {
            serde_json::from_str(text)
        }
        .map_err(|error| invalid(format!("this is no evidence: {error}")))?;
        if statements.is_empty() {
            return Err(invalid("this is no evidence: there is no statement in it".to_owned()));
        }
        let findings = statements
            .into_iter()
            .enumerate()
            .map(|(index, statement)| {
                finding(statement).map_err(|message| invalid(format!("statement {}: {message}", index + 1)))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { sha256: Digest::of(text), findings })
    }
}

fn finding(statement: Statement) -> Result<Finding, String> {
    if statement.kind != TYPE {
        return Err(format!("its type is `{}` and not `{TYPE}`", statement.kind.escape_debug()));
    }
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(format!(
            "its predicate is `{}` and not `{PREDICATE_TYPE}`",
            statement.predicate_type.escape_debug()
        ));
    }
    let [subject] = statement.subject.as_slice() else {
        return Err(format!("it has {} subjects and not one", statement.subject.len()));
    };
    let name = subject.name.escape_debug();
    let (prompt, version) = subject
        .name
        .split_once('@')
        .and_then(|(prompt, version)| Some((prompt.parse().ok()?, version.parse().ok()?)))
        .ok_or_else(|| format!("its subject `{name}` is not PROMPT@VERSION"))?;
    let details = statement.predicate.promptassay;
    if details.schema != SCHEMA {
        return Err(format!("it has the format {}; this promptassay reads format {SCHEMA}", details.schema));
    }
    if (statement.predicate.result == ResultWord::Passed) != (details.verdict == Verdict::Passed) {
        return Err(format!("its result contradicts its verdict `{}`", details.verdict));
    }
    let counts = &details.counts;
    if counts.passed.checked_add(counts.failed).and_then(|sum| sum.checked_add(counts.incomplete))
        != Some(counts.cases)
    {
        return Err("its counts do not add up".to_owned());
    }
    let configuration = |name: &str| {
        let mut found = statement.predicate.configuration.iter().filter(|part| part.name == name);
        match (found.next(), found.next()) {
            (Some(part), None) => Ok(part.digest.sha256),
            _ => Err(format!("its configuration does not have `{name}` exactly once")),
        }
    };
    Ok(Finding {
        prompt,
        version,
        sha256: subject.digest.sha256,
        interface: configuration("interface")?,
        suite: configuration("suite")?,
        gate: configuration("gate")?,
        params: configuration("params")?,
        details,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing;

    const FIXTURE: &str = include_str!("../../../../fixtures/evidence/evidence.json");

    #[test]
    fn the_fixture_is_read_and_written_back_the_same() {
        let evidence = Evidence::parse(FIXTURE).unwrap();
        assert_eq!(evidence.findings.len(), 2);
        assert_eq!(evidence.sha256, Digest::of(FIXTURE));
        let statements: Vec<Statement> = serde_json::from_str(FIXTURE).unwrap();
        let written: Value = serde_json::to_value(&statements).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(FIXTURE).unwrap());
    }

    #[test]
    fn one_statement_is_evidence_too_and_unknown_fields_are_ignored() {
        let mut statement = testing::statement("1.1.0", testing::text_digest("1.1.0"));
        statement["annotations"] = json!({"x": 1});
        statement["predicate"]["url"] = json!("https://example.com/run/1");
        assert_eq!(Evidence::parse(&statement.to_string()).unwrap().findings.len(), 1);
    }

    #[test]
    fn what_is_no_evidence_says_why() {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut statement = testing::statement("1.1.0", testing::text_digest("1.1.0"));
            change(&mut statement);
            Evidence::parse(&json!([statement]).to_string()).unwrap_err().to_string()
        };
        let shown = [
            with(&|statement| statement["_type"] = json!("https://in-toto.io/Statement/v0.1")),
            with(&|statement| statement["predicateType"] = json!("https://slsa.dev/provenance/v1")),
            with(&|statement| statement["subject"] = json!([])),
            with(&|statement| statement["subject"][0]["name"] = json!("support-1.1.0")),
            with(&|statement| statement["predicate"]["promptassay"]["schema"] = json!(2)),
            with(&|statement| statement["predicate"]["result"] = json!("FAILED")),
            with(&|statement| statement["predicate"]["result"] = json!("passed")),
            with(&|statement| statement["predicate"]["configuration"][1]["name"] = json!("interface")),
            with(&|statement| statement["predicate"]["promptassay"]["counts"]["passed"] = json!(1)),
            Evidence::parse("[]").unwrap_err().to_string(),
            Evidence::parse("<html>").unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(shown.join("\n"));
    }
}
