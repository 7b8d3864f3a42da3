//! Dividing a plan among machines that know nothing of each other.

use std::fmt;
use std::str::FromStr;

use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use serde::{Deserialize, Serialize};

use super::Plan;

/// One of several parts of a plan: part `index` of `count`, from 1. Written `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    index: u32,
    count: u32,
}

/// The text names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard is written `2/5`: a number from 1 up to the number of shards")]
pub struct InvalidShard;

impl Shard {
    /// Which part, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are; at least 1.
    pub fn count(self) -> u32 {
        self.count
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let number = |text: &str| -> Option<u32> {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let (index, count) = text.split_once('/').ok_or(InvalidShard)?;
        let shard = number(index).zip(number(count)).map(|(index, count)| Self { index, count });
        shard.filter(|shard| (1..=shard.count).contains(&shard.index)).ok_or(InvalidShard)
    }
}

impl TryFrom<String> for Shard {
    type Error = InvalidShard;

    fn try_from(text: String) -> Result<Self, InvalidShard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl From<Shard> for crate::runs::Shard {
    fn from(shard: Shard) -> Self {
        Self { index: shard.index, of: shard.count }
    }
}

impl Plan {
    /// The part of this plan. All its (prompt, case) are ranked by SHA-256(prompt ‖ 0 ‖ case); part i of n has those of which the
    /// rank modulo n is i − 1. So every version, model and repeat of a case stays together, the parts are of nearly one size, and
    /// each machine finds its own without asking. A part may be empty; prompts without a case in it stay, with nothing to ask. Skipped
    /// cases have their rank, and are in no part.
    pub fn shard(self, shard: Shard) -> Self {
        let Self { mut prompts, digests, remarks, .. } = self;
        let mut ranked = Vec::new();
        for (prompt, plan) in prompts.iter().enumerate() {
            let cases = plan.suite.cases.iter().enumerate();
            ranked.extend(cases.map(|(case, of)| (rank(&plan.name, &of.name), prompt, case)));
        }
        ranked.sort_unstable();
        let mut kept: Vec<Vec<bool>> =
            prompts.iter().map(|plan| vec![false; plan.suite.cases.len()]).collect();
        let (first, step) = (shard.index as usize - 1, shard.count as usize);
        for (_, prompt, case) in ranked.into_iter().skip(first).step_by(step) {
            kept[prompt][case] = true;
        }
        for (plan, kept) in prompts.iter_mut().zip(kept) {
            let mut kept = kept.into_iter();
            plan.suite.cases.retain(|case| kept.next().unwrap_or_default() && case.skip.is_none());
        }
        Self::laid_out(prompts, digests, Some(shard)).with_remarks(remarks)
    }
}

fn rank(prompt: &PromptName, case: &str) -> Digest {
    Digest::of([prompt.as_str().as_bytes(), &[0], case.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_part_of_a_whole_is_a_shard() {
        assert_eq!("2/5".parse::<Shard>().unwrap().to_string(), "2/5");
        for wrong in ["", "2", "0/5", "6/5", "1/0", "-1/5", "+1/5", "1/ 5", "a/b", "1/2/3", "1/4294967296"] {
            assert_eq!(wrong.parse::<Shard>(), Err(InvalidShard), "{wrong}");
        }
    }
}
