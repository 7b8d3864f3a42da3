//! Which cases of two sides are the same: those of one name and one digest.

use std::collections::HashMap;

use super::{CaseResult, Side};

/// Which cases were compared, and which could not be. Names, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairing {
    /// How many cases are the same on both sides.
    pub cases: usize,
    /// Only the candidate has them.
    pub added: Vec<String>,
    /// Only the baseline has them.
    pub removed: Vec<String>,
    /// Both have a case of this name, and it asks or judges something else.
    pub edited: Vec<String>,
}

/// How much of the baseline has no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpaired {
    /// Cases of the baseline that were removed or edited.
    pub cases: usize,
    /// All cases of the baseline.
    pub of: usize,
}

impl Pairing {
    /// How much of the baseline has no partner.
    pub fn unpaired(&self) -> Unpaired {
        let cases = self.removed.len() + self.edited.len();
        Unpaired { cases, of: self.cases + cases }
    }
}

impl Unpaired {
    /// Whether more than a fifth has none: too much to still speak of the same cases.
    pub fn is_too_much(self) -> bool {
        5 * self.cases > self.of
    }
}

/// A case on both sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) baseline: &'a CaseResult,
    pub(super) candidate: &'a CaseResult,
}

/// The pairs in the order of their names.
pub(super) fn pair<'a>(baseline: &'a Side, candidate: &'a Side) -> (Vec<Pair<'a>>, Pairing) {
    let mut before: HashMap<&str, &CaseResult> = HashMap::with_capacity(baseline.cases.len());
    before.extend(baseline.cases.iter().map(|case| (case.name.as_str(), case)));
    let mut pairs = Vec::with_capacity(candidate.cases.len());
    let mut pairing = Pairing::default();
    for case in &candidate.cases {
        match before.remove(case.name.as_str()) {
            Some(partner) if partner.digest == case.digest => {
                pairs.push(Pair { baseline: partner, candidate: case });
            }
            Some(_) => pairing.edited.push(case.name.clone()),
            None => pairing.added.push(case.name.clone()),
        }
    }
    pairing.removed.extend(before.into_keys().map(str::to_owned));
    pairing.cases = pairs.len();
    pairs.sort_unstable_by(|one, other| one.candidate.name.cmp(&other.candidate.name));
    for names in [&mut pairing.added, &mut pairing.removed, &mut pairing.edited] {
        names.sort_unstable();
    }
    (pairs, pairing)
}

/// How often the cases were asked of the baseline and of the candidate, where that is the same for all.
pub(super) fn repeats(pairs: &[Pair<'_>]) -> Option<(u32, u32)> {
    let asked = |pair: &Pair<'_>| (pair.baseline.asked, pair.candidate.asked);
    let first = asked(pairs.first()?);
    pairs.iter().all(|pair| asked(pair) == first).then_some(first)
}
