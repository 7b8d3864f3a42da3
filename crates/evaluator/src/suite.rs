//! A suite: the cases of a prompt, resolved. Whoever has a [`Suite`] knows that every case has a name of its own, inputs that the
//! prompt accepts, and at least one validator.

mod case;
mod dataset;
mod digest;
#[cfg(test)]
mod judge_tests;
mod of_prompt;
mod origin;
mod resolve;
mod row;
mod spec;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promptassay_llm::{Message, Params, Target};
use promptassay_registry::digest::Digest;
use promptassay_registry::problem::Place;
use promptassay_registry::template::Values;

use crate::policy::Policy;
use crate::program_words::paths_among;
use crate::settings::Settings;
use crate::validator::Validator;

pub use dataset::{DatasetFile, Files, files_beside, no_files};
pub(crate) use of_prompt::document_of;
pub use of_prompt::{datasets_named_by, of_prompt, programs_named_by};
pub use resolve::resolve;
pub use spec::{CaseSpec, SuiteSpec};

pub(crate) use digest::{canonical_model, canonical_values};
pub(crate) use resolve::resolve_what_can_be;

/// The cases of one prompt and how they are asked.
#[derive(Debug)]
pub struct Suite {
    /// The cases, in the file's order; those of datasets after it.
    pub cases: Vec<Case>,
    /// The names of the model rows that cases without models of their own are asked on; never empty.
    pub models: Vec<String>,
    /// How often each case is asked; at least 1.
    pub repeat: u32,
    /// Whether nobody wrote how often: then a comparison under a margin asks more often.
    pub repeat_is_default: bool,
    /// Parameters that go before those of versions and model rows.
    pub params: Params,
    /// What the gate asks for.
    pub policy: Policy,
    /// The file that it was read from.
    pub file: PathBuf,
    /// What narrowed its cases or models since it was read, in the words of a selection. The digest stays that of the whole.
    pub narrowed_by: Vec<String>,
    /// How many units its cases had on each model row before anything narrowed it; `None` where nothing did.
    pub whole_units: Option<BTreeMap<String, WholeUnits>>,
    /// The files that datasets were read from.
    pub datasets: Vec<PathBuf>,
    /// The patterns that they were found by, as the suite writes them: relative to it.
    pub dataset_patterns: Vec<String>,
    /// SHA-256 of everything that is asked and how it is judged, as canonical JSON:
    /// `{cases, judge?, models, params, repeat}`, where a case is `{name, digest, cluster?, models?, must_pass, skip, tags}` with
    /// [`Case::digest`]. Cases stand in the order of their names, models and tags sorted: an order changes nothing, nor does a
    /// comment, or whether a case stands in the suite or in a dataset. The gate's rules are not part of it.
    pub digest: Digest,
}

/// One question, and what its answer must be like.
#[derive(Debug)]
pub struct Case {
    /// Unique in the suite; its identity from run to run.
    pub name: String,
    /// SHA-256 of everything that its answers and their judgement depend on, as canonical JSON:
    /// `{inputs, judge?, messages, reference?, validators}`, with defaults filled in, properties inlined, and the judge's model
    /// where one judges. A comment changes nothing; a byte of a rubric does. Name, tags and cluster are no part of it.
    pub digest: Digest,
    /// Where it stands. That of a dataset's row has no text to show.
    pub place: Place,
    /// The values that fill the prompt, defaults included.
    pub inputs: Values,
    /// The answer that a person would have given, for validators that compare.
    pub reference: Option<String>,
    /// What was said before the prompt's question: see [`crate::plan::Plan::request`].
    pub messages: Vec<Message>,
    /// The model rows that it is asked on in place of those of the suite; never empty.
    pub models: Option<Vec<String>>,
    /// What the answer must be like; never empty. Those of the suite come first and are shared.
    pub validators: Vec<Arc<Validator>>,
    /// Words to select by.
    pub tags: BTreeSet<String>,
    /// Cases of one cluster share a source and count as one unit.
    pub cluster: Option<String>,
    /// Whether every repeat must pass, whatever the gate's rate is.
    pub must_pass: bool,
    /// Why it is not asked, where it is not.
    pub skip: Option<String>,
}

/// How often each case is asked where a margin is set, a baseline is there, and nobody says otherwise: repeats tell a flaky case
/// from a broken one, and help more than a wider margin.
const REPEAT_UNDER_A_MARGIN: u32 = 3;

/// How many units a suite has of a model row: cases, those of a cluster as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeUnits {
    /// With or without a certain check.
    pub all: u64,
    /// Those of which a case has the check, for each check that the gate looks at.
    pub of_metrics: BTreeMap<String, u64>,
}

impl Case {
    /// Whether a check of this name judges its replies, so that a gate can look at its score: one that only warns has none.
    pub fn has_metric(&self, name: &str) -> bool {
        self.validators.iter().any(|validator| validator.name() == name && !validator.is_warning())
    }

    /// Whether checks of this name do no more than warn.
    pub(crate) fn only_warns(&self, name: &str) -> bool {
        self.validators.iter().any(|validator| validator.name() == name) && !self.has_metric(name)
    }
}

impl Suite {
    /// The files that programs which judge its replies may be made of, each once: see `command` in the list of checks. What they load
    /// beside is not known.
    pub fn program_files(&self) -> BTreeSet<PathBuf> {
        self.distinct_validators().flat_map(|validator| validator.program_files()).collect()
    }

    /// The names of the model rows that judge its replies.
    pub fn judges(&self) -> BTreeSet<&str> {
        let judges = self.distinct_validators().flat_map(|validator| validator.judges());
        judges.map(|row| row.name.as_str()).collect()
    }

    fn distinct_validators(&self) -> impl Iterator<Item = &Arc<Validator>> {
        // Validators of the suite are shared by all of its cases.
        let mut seen = HashSet::new();
        let validators = self.cases.iter().flat_map(|case| &case.validators);
        validators.filter(move |validator| seen.insert(Arc::as_ptr(validator)))
    }

    /// The files that programs which answer may be made of, each once: those of the model rows that its cases are asked on, and of its
    /// judges'. They run in `repository`.
    pub fn model_program_files(&self, settings: &Settings, repository: &Path) -> BTreeSet<PathBuf> {
        let named = self.cases.iter().filter_map(|case| case.models.as_ref()).chain([&self.models]).flatten();
        let rows = named.collect::<BTreeSet<_>>().into_iter().filter_map(|name| settings.models.get(name));
        let judges = self.distinct_validators().flat_map(|validator| validator.judges());
        let words = rows.chain(judges).filter_map(|row| match &row.target {
            Target::Command(words) => Some(words),
            Target::Http(_) => None,
        });
        words.flat_map(|words| paths_among(words)).map(|path| repository.join(path)).collect()
    }

    /// Asks each case three times where a margin is set and nobody wrote how often; for suites whose candidates are compared.
    /// Returns why, in a sentence, where that changes something.
    pub fn repeat_under_a_margin(&mut self) -> Option<String> {
        if !self.repeat_is_default || !self.policy.margin.value.is_set() {
            return None;
        }
        self.repeat = REPEAT_UNDER_A_MARGIN;
        self.repeat_is_default = false;
        Some(format!("each case is asked {REPEAT_UNDER_A_MARGIN} times, because a margin is set"))
    }

    /// The most often that a plan asks each case: where nobody wrote how often, a margin may come from the command line, or from a
    /// baseline.
    pub fn most_repeats(&self) -> u32 {
        if self.repeat_is_default { self.repeat.max(REPEAT_UNDER_A_MARGIN) } else { self.repeat }
    }

    /// The model rows that a case is asked on.
    pub fn models_of<'a>(&'a self, case: &'a Case) -> &'a [String] {
        case.models.as_deref().unwrap_or(&self.models)
    }

    /// Every model row that some case is asked on: those of the suite first, then in the order of the cases.
    pub fn all_models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        let asked = self.cases.iter().filter(|case| case.skip.is_none());
        let suite = asked.clone().any(|case| case.models.is_none()).then_some(&self.models);
        let own = asked.filter_map(|case| case.models.as_ref());
        for model in suite.into_iter().chain(own).flatten() {
            if !models.contains(&model.as_str()) {
                models.push(model);
            }
        }
        models
    }
}

/// The names of validators as a gate sees them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetricNames<'a> {
    /// Those whose scores it can look at.
    pub(crate) judging: BTreeSet<&'a str>,
    /// Others, which do no more than warn wherever they are.
    pub(crate) only_warning: BTreeSet<&'a str>,
}

/// The names of the validators of these cases.
pub(crate) fn metric_names(cases: &[Case]) -> MetricNames<'_> {
    let mut names = MetricNames::default();
    for validator in cases.iter().flat_map(|case| &case.validators) {
        let names = if validator.is_warning() { &mut names.only_warning } else { &mut names.judging };
        names.insert(validator.name());
    }
    names.only_warning.retain(|name| !names.judging.contains(name));
    names
}

#[cfg(test)]
pub(crate) mod tests;
