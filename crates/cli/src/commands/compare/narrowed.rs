//! Runs that asked a part of their suites: what was left out on purpose was neither removed nor added since, and may be too little for a
//! margin.

use std::collections::HashSet;

use promptassay_evaluator::comparison::Side;
use promptassay_evaluator::gate::without_margin_out_of_reach;
use promptassay_evaluator::policy::Policy;
use promptassay_evaluator::runs::PlannedPrompt;

/// A prompt of the first run on a model, as far as the second run can be compared with it.
pub(super) struct Before<'a> {
    planned: &'a PlannedPrompt,
    /// All that the first run asked.
    all: &'a Side,
    /// What of it the second run would have asked.
    pub(super) side: Side,
}

impl<'a> Before<'a> {
    pub(super) fn of(planned: &'a PlannedPrompt, all: &'a Side, now: (&PlannedPrompt, &Side)) -> Self {
        let (planned_now, candidate) = now;
        let mut side = all.clone();
        if leaves_cases_out(planned_now) {
            // What was left out on purpose was not removed.
            let asked: HashSet<&str> = candidate.cases.iter().map(|case| case.name.as_str()).collect();
            side.cases.retain(|case| asked.contains(case.name.as_str()));
        }
        Self { planned, all, side }
    }

    /// Whether what the second run has more was perhaps left out on purpose.
    pub(super) fn is_a_selection(&self) -> bool {
        leaves_cases_out(self.planned)
    }

    /// The policy by which a candidate is judged: where the first run was narrowed, without a margin of the files that its cases are too few
    /// for. That of a second run that was narrowed is for the run itself to leave out.
    pub(super) fn judged_by(&self, candidate: &Side, policy: Policy) -> Policy {
        if self.is_a_selection() {
            without_margin_out_of_reach((self.all, &self.side), candidate, policy)
        } else {
            policy
        }
    }
}

/// Whether a run left out cases of its suite on purpose. Who chooses models alone asks every case of those.
fn leaves_cases_out(planned: &PlannedPrompt) -> bool {
    planned.narrowed_by.iter().any(|filter| !chooses_models_alone(filter))
}

/// Of a filter in the words of the selection, or of a run whose answers are judged anew: that names cases first.
fn chooses_models_alone(filter: &str) -> bool {
    let of_run = filter.strip_prefix("run ").and_then(|run| run.split_once(", which did not ask "));
    filter.starts_with("--model ") || of_run.is_some_and(|(_, what)| what.starts_with("model `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_alone_are_no_selection_of_cases() {
        for filter in ["--model default", "--model a --model b", "run 019b, which did not ask model `other`"]
        {
            assert!(chooses_models_alone(filter), "{filter}");
        }
        for filter in [
            "--case c0",
            "--case '--model a'",
            "--sample 3 --seed 0",
            "--failed-in 019b",
            "run 019b, which did not ask `c01`, model `other`",
            "run 019b, which did not ask `model `x`",
        ] {
            assert!(!chooses_models_alone(filter), "{filter}");
        }
    }
}
