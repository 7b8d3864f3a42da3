//! Taking cases and models out of suites.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use promptassay_registry::digest::Digest;
use promptassay_registry::problem::{Problem, did_you_mean, shell_word};
use regex::Regex;

use super::{FailedIn, Sample, Selection};
use crate::gate::plural;
use crate::suite::{Case, Suite, WholeUnits};

/// So many names are listed as what was there.
const SHOWN: usize = 5;

impl Selection {
    /// The suites with what this selection leaves of them, by the name of their prompt; a suite of which no question is left goes.
    /// What is taken out is noted in [`Suite::narrowed_by`]. Nothing left at all is a problem that says what was there.
    pub fn narrow<P: AsRef<str>>(
        &self,
        mut suites: Vec<(P, Suite)>,
    ) -> Result<Vec<(P, Suite)>, Box<Problem>> {
        let skipped = if self.cases.is_empty() { Vec::new() } else { skipped_cases(&suites) };
        let names = self.names(&suites);
        for filter in self.filters(&names) {
            let before = Questions::of(&suites);
            for (prompt, suite) in &mut suites {
                narrowed(suite, &filter.to_string(), |suite| filter.apply(prompt.as_ref(), suite));
            }
            suites.retain(|(_, suite)| suite.cases.iter().any(|case| case.skip.is_none()));
            if suites.is_empty() && before.count > 0 {
                let skipped = match filter {
                    Filter::Names(_) => Self::skipped(&names, &skipped),
                    _ => None,
                };
                return Err(Box::new(skipped.unwrap_or_else(|| filter.nothing(&before))));
            }
        }
        Ok(suites)
    }

    /// What to say where the cases that were asked for are there, and skipped.
    fn skipped(names: &[Named<'_>], skipped: &[(String, String)]) -> Option<Problem> {
        let named = |name: &str| names.iter().any(|pattern| pattern.takes(name));
        let mut found = skipped.iter().filter(|(name, _)| named(name));
        let (name, reason) = found.next()?;
        let more = match found.count() {
            0 => String::new(),
            more => format!(", and so {} {} more", if more == 1 { "is" } else { "are" }, more),
        };
        let message = format!("`{name}` is skipped: {}{more}", reason.trim().escape_debug());
        let help = "take `skip` out of the case to have it asked".to_owned();
        Some(Problem::error("selection::skipped", message).help(help))
    }

    /// The patterns for names of cases, each with what it means among these.
    pub(super) fn names<P>(&self, suites: &[(P, Suite)]) -> Vec<Named<'_>> {
        let all = || suites.iter().flat_map(|(_, suite)| &suite.cases);
        let named = |pattern| {
            let typed = Regex::as_str(pattern);
            let is_whole = |case: &&Case| case.name == typed;
            // What the remark names is to be typed, and has to find the case itself: `refund (old)` as a pattern does not.
            let longer = Regex::new(&longer(typed)).ok().filter(|longer| longer.is_match(typed));
            let is_other = |case: &&Case| {
                let finds = longer.as_ref().is_some_and(|longer| longer.is_match(&case.name));
                finds && case.skip.is_none() && !is_whole(case)
            };
            Named {
                pattern,
                is_whole: all().any(|case| is_whole(&case)),
                others: all().filter(is_other).count(),
            }
        };
        self.cases.iter().map(named).collect()
    }

    fn filters<'a>(&'a self, names: &'a [Named<'a>]) -> Vec<Filter<'a>> {
        let mut filters = Vec::new();
        if !self.cases.is_empty() {
            filters.push(Filter::Names(names));
        }
        if !self.tags.is_empty() {
            filters.push(Filter::Tags(&self.tags));
        }
        filters.extend(self.failed_in.as_ref().map(Filter::Failed));
        if !self.models.is_empty() {
            filters.push(Filter::Models(&self.models));
        }
        filters.extend(self.sample.map(Filter::Sample));
        filters
    }
}

/// Leaves these cases and models of a suite: what an earlier run asked, which `filter` calls by name.
#[expect(clippy::implicit_hasher, reason = "its callers have the standard one")]
pub fn narrow_to(suite: &mut Suite, cases: &HashSet<&str>, models: &HashSet<&str>, filter: &str) {
    narrowed(suite, filter, |suite| {
        suite.cases.retain(|case| case.skip.is_some() || cases.contains(case.name.as_str()));
        narrow_models(suite, |model| models.contains(model));
    });
}

/// Narrows a suite. Where no question goes, nothing was narrowed; where one does, skipped cases go as well, so that what is left is
/// what is asked.
fn narrowed(suite: &mut Suite, filter: &str, narrow: impl FnOnce(&mut Suite)) {
    let before = size(suite);
    let whole = suite.whole_units.clone().unwrap_or_else(|| units_by_model(suite));
    narrow(suite);
    if size(suite) != before {
        suite.whole_units = Some(whole);
        suite.cases.retain(|case| case.skip.is_none());
        suite.narrowed_by.push(filter.to_owned());
    }
}

/// The cases that are skipped, with the reason.
fn skipped_cases<P>(suites: &[(P, Suite)]) -> Vec<(String, String)> {
    let cases = suites.iter().flat_map(|(_, suite)| &suite.cases);
    cases.filter_map(|case| Some((case.name.clone(), case.skip.clone()?))).collect()
}

/// What was there before a filter: for whoever finds nothing behind it.
#[derive(Default)]
struct Questions {
    count: usize,
    names: Vec<String>,
    tags: BTreeSet<String>,
    models: BTreeSet<String>,
}

impl Questions {
    fn of<P>(suites: &[(P, Suite)]) -> Self {
        let mut questions = Self::default();
        for (_, suite) in suites {
            for case in suite.cases.iter().filter(|case| case.skip.is_none()) {
                questions.count += 1;
                if questions.names.len() < SHOWN {
                    questions.names.push(case.name.clone());
                }
                questions.tags.extend(case.tags.iter().cloned());
            }
            questions.models.extend(suite.all_models().into_iter().map(str::to_owned));
        }
        questions
    }
}

/// A pattern for names of cases. One that is the whole name of a case means that case, and none that has more in its name.
pub(super) struct Named<'a> {
    pub(super) pattern: &'a Regex,
    is_whole: bool,
    /// How many cases are left out for that.
    others: usize,
}

/// The pattern of the names that begin or go on with this one.
fn longer(name: &str) -> String {
    format!("{name}.*")
}

impl Named<'_> {
    pub(super) fn takes(&self, name: &str) -> bool {
        if self.is_whole { self.pattern.as_str() == name } else { self.pattern.is_match(name) }
    }
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pattern = self.pattern.as_str();
        write!(formatter, "--case {pattern}")?;
        if self.is_whole && self.others > 0 {
            let (all, others) = (longer(pattern), plural(self.others, "other case"));
            write!(
                formatter,
                " (the case of this name alone; `--case {}` takes {others} too)",
                shell_word(&all)
            )?;
        }
        Ok(())
    }
}

enum Filter<'a> {
    Names(&'a [Named<'a>]),
    Tags(&'a [String]),
    Failed(&'a FailedIn),
    Models(&'a [String]),
    Sample(Sample),
}

impl std::fmt::Display for Filter<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let flags = |flag: &str, values: &mut dyn Iterator<Item = &str>| {
            values.map(|value| format!("{flag} {value}")).collect::<Vec<_>>().join(" ")
        };
        formatter.write_str(&match self {
            Self::Names(names) => names.iter().map(Named::to_string).collect::<Vec<_>>().join(" "),
            Self::Tags(tags) => flags("--tag", &mut tags.iter().map(String::as_str)),
            Self::Failed(failed) => format!("--failed-in {}", failed.run),
            Self::Models(models) => flags("--model", &mut models.iter().map(String::as_str)),
            Self::Sample(sample) => format!("--sample {} --seed {}", sample.size, sample.seed),
        })
    }
}

impl Filter<'_> {
    fn apply(&self, prompt: &str, suite: &mut Suite) {
        let mut retain = |keep: &dyn Fn(&Case) -> bool| {
            suite.cases.retain(|case| case.skip.is_some() || keep(case));
        };
        match self {
            Self::Names(names) => retain(&|case| names.iter().any(|name| name.takes(&case.name))),
            Self::Tags(tags) => retain(&|case| tags.iter().any(|tag| case.tags.contains(tag))),
            Self::Failed(failed) => {
                retain(&|case| failed.cases.contains(&(prompt.to_owned(), case.name.clone())));
            }
            Self::Models(models) => narrow_models(suite, |model| models.iter().any(|kept| kept == model)),
            Self::Sample(sample) => take_sample(prompt, suite, *sample),
        }
    }

    fn nothing(&self, before: &Questions) -> Problem {
        let known = |typed: &[String], known: &BTreeSet<String>, noun: &str| {
            let typed = typed.first().map_or("", String::as_str);
            did_you_mean(typed, known.iter().map(String::as_str), noun)
        };
        let cases = plural(before.count, "case");
        let (message, help) = match self {
            Self::Names(_) => (format!("`{self}` matches none of {cases}"), names(before)),
            Self::Tags(tags) => {
                (format!("`{self}` matches none of {cases}"), known(tags, &before.tags, "tags of cases"))
            }
            Self::Failed(failed) => (
                format!("none of {cases} failed in run {}", failed.run),
                "leave `--failed-in` out to ask them all".to_owned(),
            ),
            Self::Models(models) => (
                format!("no suite asks model {}", quoted(models)),
                format!(
                    "{}; `models:` of a suite says what it asks",
                    known(models, &before.models, "models of the suites").trim_end_matches('?')
                ),
            ),
            Self::Sample(_) => (format!("`{self}` leaves none of {cases}"), "take at least one".to_owned()),
        };
        Problem::error("selection::nothing", message).help(help)
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn names(before: &Questions) -> String {
    let names: Vec<String> = before.names.iter().map(|name| format!("`{name}`")).collect();
    let more = if before.count > names.len() { ", …" } else { "" };
    format!("cases are called {}{more}", names.join(", "))
}

/// How much a suite asks: what a filter makes smaller, if it does anything.
fn size(suite: &Suite) -> (usize, usize) {
    let asked = suite.cases.iter().filter(|case| case.skip.is_none());
    (asked.clone().count(), asked.map(|case| suite.models_of(case).len()).sum())
}

/// How many units its cases of this kind make, of those that are asked: each is one, and all of a cluster together.
fn units(suite: &Suite, is_of_kind: impl Fn(&Case) -> bool) -> u64 {
    let asked = || suite.cases.iter().filter(|case| case.skip.is_none() && is_of_kind(case));
    let clusters: BTreeSet<&str> = asked().filter_map(|case| case.cluster.as_deref()).collect();
    (asked().filter(|case| case.cluster.is_none()).count() + clusters.len()) as u64
}

/// The same of each model row that some case is asked on.
pub(crate) fn units_by_model(suite: &Suite) -> BTreeMap<String, WholeUnits> {
    let on = |model: &str, is_of_kind: &dyn Fn(&Case) -> bool| {
        units(suite, |case| suite.models_of(case).iter().any(|asked| asked == model) && is_of_kind(case))
    };
    let whole = |model: &str| WholeUnits {
        all: on(model, &|_| true),
        of_metrics: suite
            .policy
            .validator_metrics()
            .map(|metric| (metric.to_owned(), on(model, &|case| case.has_metric(metric))))
            .collect(),
    };
    suite.all_models().into_iter().map(|model| (model.to_owned(), whole(model))).collect()
}

fn narrow_models(suite: &mut Suite, keep: impl Fn(&str) -> bool) {
    suite.models.retain(|model| keep(model));
    for case in &mut suite.cases {
        if let Some(own) = &mut case.models {
            own.retain(|model| keep(model));
        }
    }
    let shared = suite.models.is_empty();
    suite.cases.retain(|case| case.models.as_ref().map_or(!shared, |own| !own.is_empty()));
}

fn take_sample(prompt: &str, suite: &mut Suite, sample: Sample) {
    let rank = |case: &Case| {
        let seed = sample.seed.to_string();
        Digest::of([seed.as_bytes(), &[0], prompt.as_bytes(), &[0], case.name.as_bytes()].concat())
    };
    let asked = suite.cases.iter().enumerate().filter(|(_, case)| case.skip.is_none());
    let mut ranked: Vec<(Digest, usize)> = asked.map(|(index, case)| (rank(case), index)).collect();
    if ranked.len() <= sample.size {
        return;
    }
    ranked.sort_unstable();
    let taken: BTreeSet<usize> = ranked.into_iter().take(sample.size).map(|(_, index)| index).collect();
    let mut index = 0;
    suite.cases.retain(|_| {
        index += 1;
        taken.contains(&(index - 1))
    });
}
