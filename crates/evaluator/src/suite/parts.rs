//! What a case that must pass is made of, part by part: the digest of the whole does not say what of it is another.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use promptassay_registry::digest::Digest;

use super::digest::{Checked, canonical_model};
use crate::validator::{Validator, ValidatorSpec};

/// A part of a case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its inputs, what was said before it, and its reference.
    Question,
    /// Its checks, those for all cases among them; neither properties nor judges.
    Checks,
    /// What judges are asked, with what it counts.
    Rubrics,
    /// Which properties it expects, and which not.
    Expected,
    /// A property that it names.
    Property(String),
    /// A model row that judges it.
    Judge(String),
}

/// The parts of a case, and a digest of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseParts(BTreeMap<Part, Digest>);

/// What a check adds to the parts of each case that it judges.
#[derive(Debug)]
pub(super) struct CheckParts {
    kind: Kind,
    /// Of the check itself, without the model that judges.
    digest: Digest,
    judges: Vec<(String, Digest)>,
}

#[derive(Debug)]
enum Kind {
    Check,
    Rubric,
    Property { name: String, holds: bool },
}

impl CheckParts {
    pub(super) fn of_check(spec: &ValidatorSpec, validator: &Validator) -> Self {
        Self::new(if spec.asks_judge() { Kind::Rubric } else { Kind::Check }, spec, validator)
    }

    pub(super) fn of_property(name: &str, holds: bool, spec: &ValidatorSpec, validator: &Validator) -> Self {
        Self::new(Kind::Property { name: name.to_owned(), holds }, spec, validator)
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { kind: Kind::Check, digest: Digest::of(""), judges: Vec::new() }
    }

    fn new(kind: Kind, spec: &ValidatorSpec, validator: &Validator) -> Self {
        let judges = validator.judges().into_iter();
        let judges = judges.map(|row| (row.name.clone(), Digest::of_json(&canonical_model(row)))).collect();
        Self { kind, digest: Digest::of_json(&spec.canonical()), judges }
    }
}

impl CaseParts {
    /// Those of a case with this question, in canonical form, and these checks.
    pub(super) fn of(question: &str, checked: &[Checked]) -> Self {
        let mut parts = BTreeMap::from([(Part::Question, Digest::of(question))]);
        let (mut checks, mut rubrics, mut expected) = (String::new(), String::new(), String::new());
        for CheckParts { kind, digest, judges } in checked.iter().map(|checked| &*checked.parts) {
            match kind {
                Kind::Check => checks.push_str(&digest.to_string()),
                Kind::Rubric => rubrics.push_str(&digest.to_string()),
                Kind::Property { name, holds } => {
                    // Writing to a `String` cannot fail.
                    let _ = write!(expected, "{name}\0{holds}\0");
                    parts.insert(Part::Property(name.clone()), *digest);
                }
            }
            parts.extend(judges.iter().map(|(name, digest)| (Part::Judge(name.clone()), *digest)));
        }
        let own = [(Part::Checks, checks), (Part::Rubrics, rubrics), (Part::Expected, expected)];
        parts.extend(own.map(|(part, written)| (part, Digest::of(written))));
        Self(parts)
    }

    /// A digest of a part; `None` where the case has no such part.
    pub fn digest(&self, part: &Part) -> Option<Digest> {
        self.0.get(part).copied()
    }

    /// The parts that are not those of another day. A property that was not expected then is no other property: that it is expected is
    /// another part.
    pub fn unlike(&self, then: &Self) -> impl Iterator<Item = &Part> {
        let is_other = |part: &Part, digest: &Digest| match then.digest(part) {
            Some(before) => before != *digest,
            None => !matches!(part, Part::Property(_)),
        };
        self.0.iter().filter(move |(part, digest)| is_other(part, digest)).map(|(part, _)| part)
    }
}
