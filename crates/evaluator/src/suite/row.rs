//! The shape of a dataset's row: known columns, and inputs.

use std::fmt;

use indexmap::IndexMap;
use promptassay_registry::problem::{Problem, closest, did_you_mean, one_edit_away};
use promptassay_registry::yaml::{Located, error_with_help};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use super::spec::{CaseSpec, Reason};
use crate::unique_keys::UniqueKeys;

/// The columns that are no inputs. An input of one of these names is written `inputs.name` in a table, and within `inputs` in JSON.
pub(super) const KNOWN_COLUMNS: [&str; 8] =
    ["name", "inputs", "expected", "reference", "tags", "cluster", "must_pass", "skip"];

/// The code of a problem: nobody reads this column, and it is nearly a known one. What it was to say, such as `must_pass`, would be lost.
pub(super) const MISSPELT: &str = "suite::misspelt_column";

/// The code of a problem: only a case that is written in the suite has this key.
pub(super) const OF_A_SUITE: &str = "suite::key_of_a_suite";

/// What a case of a suite may have, and a row of a dataset may not. Whoever moves cases into a dataset would lose it.
const ONLY_IN_A_SUITE: [&str; 3] = ["validators", "messages", "models"];

/// The columns without which the gate would be weaker, and nobody would see it.
const WEAKENING: [&str; 3] = ["must_pass", "expected", "cluster"];

/// Words that are one letter away from such a column, and mean something else.
const WORDS_OF_THEIR_OWN: [&str; 3] = ["clutter", "bluster", "luster"];

/// Whether a name is nearly that of a column and yet another one: what has two letters or more before it, as `unexpected` has, is no slip.
fn is_of_its_own(name: &str) -> bool {
    let longer = |column: &str| {
        name.strip_suffix(column)
            .is_some_and(|before| before.chars().filter(|char| char.is_alphabetic()).count() >= 2)
    };
    WORDS_OF_THEIR_OWN.contains(&name) || WEAKENING.into_iter().any(longer)
}

/// The column without which the gate would be weaker, where a name is nearly that or is guessed to be meant for it: whoever is asked "did
/// you mean `expected`?" and overlooks it has a gate that is green by accident.
fn misspelt(name: &str, known: &[&str]) -> Option<&'static str> {
    let name = name.to_lowercase().replace([' ', '-'], "_");
    if is_of_its_own(&name) {
        return None;
    }
    one_edit_away(&name, WEAKENING).or_else(|| {
        let guess = closest(&name, known.iter().copied())?;
        WEAKENING.into_iter().find(|column| *column == guess)
    })
}

/// A column that nobody reads: an error where one must have been meant without which the gate would be weaker, and for a key of cases in
/// suites, else a warning with
/// `message`. `columns` are those that are known here.
pub(super) fn unknown_column<'a>(
    name: &str,
    message: String,
    code: &'static str,
    variables: impl Iterator<Item = &'a str>,
    columns: &[&str],
) -> Problem {
    let variables: Vec<&str> = variables.filter(|variable| !columns.contains(variable)).collect();
    let known: Vec<&str> = variables.iter().chain(columns).copied().collect();
    if let Some(meant) = misspelt(name, &known) {
        let problem = Problem::error(MISSPELT, message);
        return problem
            .help(format!("did you mean `{meant}`? A column with another purpose needs another name"));
    }
    if ONLY_IN_A_SUITE.contains(&name) {
        let checks = match name {
            "validators" => ", or make the checks `properties` of the suite, which rows name in `expected`",
            _ => "",
        };
        let help = format!(
            "only a case that stands in the suite has `{name}`: write it there{checks}; a column with another purpose needs another name"
        );
        return Problem::error(OF_A_SUITE, message).help(help);
    }
    // Every guess at one of those that would weaken the gate is an error by now; what is left is another word.
    let guessed = known.into_iter().filter(|known| !WEAKENING.contains(known));
    let help = match closest(name, guessed) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            format!("{}; {}", did_you_mean(name, variables, "variables"), columns_about_the_case(columns))
        }
    };
    Problem::warning(code, message).help(help)
}

fn columns_about_the_case(columns: &[&str]) -> String {
    let names: Vec<String> = columns.iter().map(|name| format!("`{name}`")).collect();
    format!("known columns about the case: {}", names.join(", "))
}

/// A row as it is written. Every other column is an input.
#[derive(Debug, Clone, Default)]
pub(super) struct RowSpec {
    pub(super) name: Option<Located<String>>,
    pub(super) inputs: IndexMap<Located<String>, Located<Value>>,
    pub(super) expected: IndexMap<Located<String>, bool>,
    pub(super) reference: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) cluster: Option<String>,
    pub(super) must_pass: bool,
    pub(super) skip: Option<String>,
}

impl RowSpec {
    /// The case that it describes, under the name that it has or else is given.
    pub(super) fn into_case(self, name: Located<String>) -> CaseSpec {
        CaseSpec {
            name,
            inputs: self.inputs,
            expected: self.expected,
            reference: self.reference,
            tags: self.tags,
            cluster: self.cluster,
            must_pass: self.must_pass,
            skip: self.skip,
            validators: Vec::new(),
            messages: Vec::new(),
            models: None,
        }
    }

    /// Adds an input; a second value for it is refused, wherever it stands.
    fn add_input<E: serde::de::Error>(
        &mut self,
        name: Located<String>,
        value: Located<Value>,
    ) -> Result<(), E> {
        if self.inputs.keys().any(|given| given.value == name.value) {
            let message = format!("the input `{}` is given twice", name.value);
            return Err(error_with_help(message, "keep one of the two"));
        }
        self.inputs.insert(name, value);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for RowSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = RowSpec;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a row: a map from columns to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RowSpec, A::Error> {
        let mut row = RowSpec::default();
        let mut seen = [false; KNOWN_COLUMNS.len()];
        while let Some(key) = map.next_key::<Located<String>>()? {
            if let Some(known) = KNOWN_COLUMNS.iter().position(|known| *known == key.value)
                && std::mem::replace(&mut seen[known], true)
            {
                return Err(A::Error::custom(format_args!("the key `{}` stands twice", key.value)));
            }
            match key.value.as_str() {
                "name" => row.name = map.next_value()?,
                "expected" => {
                    let expected = map.next_value::<Option<UniqueKeys<Located<String>, bool>>>()?;
                    row.expected =
                        expected.map(|entries| entries.0.into_iter().collect()).unwrap_or_default();
                }
                "reference" => row.reference = map.next_value()?,
                "tags" => row.tags = map.next_value::<Option<Vec<_>>>()?.unwrap_or_default(),
                "cluster" => row.cluster = map.next_value()?,
                "must_pass" => row.must_pass = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "skip" => row.skip = map.next_value::<Option<Reason>>()?.map(|reason| reason.0),
                "inputs" => {
                    for (name, value) in map.next_value::<UniqueKeys<Located<String>, Located<Value>>>()?.0 {
                        row.add_input(name, value)?;
                    }
                }
                _ => {
                    let value = map.next_value()?;
                    row.add_input(key, value)?;
                }
            }
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_misspelt_only_where_the_gate_would_be_weaker() {
        for (name, meant) in [
            ("must_pas", Some("must_pass")),
            ("must_apss", Some("must_pass")),
            ("must_pasd", Some("must_pass")),
            ("mustpass", Some("must_pass")),
            ("must-pass", Some("must_pass")),
            ("Must Pass", Some("must_pass")),
            ("MUST_PASS", Some("must_pass")),
            ("expectd", Some("expected")),
            ("Expected", Some("expected")),
            ("exepcted", Some("expected")),
            ("clusters", Some("cluster")),
            ("clutser", Some("cluster")),
            ("clustr", Some("cluster")),
            ("  must_pass", Some("must_pass")),
            ("xexpected", Some("expected")),
            ("clutter", None),
            ("Luster", None),
            ("unexpected", None),
            ("Unexpected", None),
            ("is_expected", None),
            ("subcluster", None),
            ("expect", Some("expected")),
            ("expects", Some("expected")),
            ("pass", None),
            ("game", None),
            ("names", None),
            ("tag", None),
            ("page", None),
            ("ship", None),
            ("skin", None),
            ("Skip", None),
            ("input", None),
            ("references", None),
            ("", None),
        ] {
            assert_eq!(misspelt(name, &KNOWN_COLUMNS), meant, "{name}");
        }
    }

    #[test]
    fn a_column_of_which_the_message_guesses_that_the_gate_would_be_weaker_is_an_error() {
        let told = |name| {
            let variables = ["clusters", "query"].into_iter();
            let problem = unknown_column(name, String::new(), "code", variables, &KNOWN_COLUMNS);
            (problem.is_error(), problem.help.unwrap())
        };
        for name in ["expect", "expects", "Expects", "Expect"] {
            let help = "did you mean `expected`? A column with another purpose needs another name";
            assert_eq!(told(name), (true, help.to_owned()), "{name}");
        }
        for name in ["skipped", "reference_", "querys", "remark", "unexpected", "clutter"] {
            let (is_error, help) = told(name);
            assert!(
                !is_error && !help.contains("mean `expected`") && !help.contains("mean `cluster`"),
                "{name}: {help}"
            );
        }
    }
}
