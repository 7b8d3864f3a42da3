//! Row 0 of the gate: what could not pass whatever the replies are is refused before the first question.

use std::fmt::Write as _;

use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem, shell_word};
use promptassay_registry::tree::Prompt;
use promptassay_registry::yaml::Document;
use promptassay_stats::feasibility::{is_feasible, margin_within_reach, units_needed};

use super::wording::{few, in_points, percent, plural};
use super::{Against, sides};
use crate::comparison::{Origin, Side, WithValidator, pairing_of, units_of, units_with};
use crate::plan::{Plan, Role};
use crate::policy::{Metric, OnInconclusive, Policy, Source};
use crate::record::Record;
use crate::selection::units_by_model;
use crate::suite::{Suite, document_of};

/// Every candidate of a plan that could not pass, with what would be accepted. Without a problem the plan may be asked.
pub fn preflight(plan: &Plan, against: Against<'_>) -> Vec<Problem> {
    let nothing = Record::new(plan);
    let mut problems = Vec::new();
    for (prompt, prompt_plan) in plan.prompts().iter().enumerate() {
        let policy = &prompt_plan.suite.policy;
        for (variant, definition) in prompt_plan.variants.iter().enumerate() {
            if definition.role != Role::Candidate {
                continue;
            }
            let name = format!("{} {} on {}", prompt_plan.name, definition.version, definition.model.name);
            let place = Place::whole_file(prompt_plan.suite.file.as_path());
            let (candidate, reference) = sides(plan, &nothing, prompt, variant, against);
            let refusal = match &reference {
                _ if candidate.cases.is_empty() => Some(no_case()),
                Some(baseline) => refused(baseline, &candidate, policy),
                None => None,
            };
            let refusal = match &reference {
                Some(baseline) => {
                    let model = &definition.model.name;
                    let refusal = refusal.map(|refusal| of_the_whole(refusal, &prompt_plan.suite, model));
                    refusal.map(|refusal| edited_since(refusal, baseline, &candidate, &prompt_plan.name))
                }
                None => refusal,
            };
            if let Some(Refusal { code, message, mut help, metric }) = refusal {
                help += &where_it_only_warns(metric.as_deref(), &prompt_plan.suite);
                if let Source::SuiteAt(reference) | Source::RegistryAt(reference) = &policy.margin.source {
                    // Writing to a string cannot fail.
                    let _ = write!(
                        help,
                        "; the gate is that of {reference}: what is written here counts for the next change, so merge a change of the suite alone first"
                    );
                }
                if !prompt_plan.suite.narrowed_by.is_empty() {
                    help.push_str("; to look at these few cases alone: `--margin none`");
                }
                let problem = Problem::error(code, format!("{name}: {message}")).help(help);
                // What the command line asks for stands in no file.
                let is_typed = policy.margin.source == Source::Flag && code == OUT_OF_REACH;
                problems.push(if is_typed { problem } else { problem.at(place) });
            }
        }
    }
    problems
}

/// A warning for a suite whose margin no version could pass, whatever its replies, that names the place at which the margin is written: so it is known
/// before a change of a text meets it.
pub fn margin_out_of_reach(prompt: &Prompt, suite: &Suite, registry: Option<&Document>) -> Option<Problem> {
    let models = units_by_model(suite);
    let is_one_of_several = models.len() > 1;
    let (model, Refusal { code, message, help, metric }) =
        models.into_iter().find_map(|(model, whole)| {
            let of_metric = |name: &str| whole.of_metrics.get(name).copied().unwrap_or_default();
            Some((model, refused_for(whole.all, of_metric, &suite.policy, Written::InFiles)?))
        })?;
    let place = |document: &Document| document.place_at(&["gate", "margin"]);
    let place = if suite.policy.margin.source == Source::Registry {
        registry.map(place)
    } else {
        // What is wrong with it was said when it was read.
        document_of(prompt, &mut Vec::new()).as_ref().map(place)
    };
    let place = place.unwrap_or_else(|| Place::whole_file(suite.file.as_path()));
    let prompt = prompt.name();
    let on = if is_one_of_several { format!(" on {model}") } else { String::new() };
    let message =
        format!("{prompt}: no version can pass the margin of the gate{on} once it is compared: {message}");
    let help = help + &where_it_only_warns(metric.as_deref(), suite);
    Some(Problem::warning(code, message).at(place).help(help))
}

/// The refusal of the whole suite in place of that of a part, where both are: a selection is not what is wrong.
fn of_the_whole(refusal: Refusal, suite: &Suite, model: &str) -> Refusal {
    let policy = &suite.policy;
    let whole = suite.whole_units.as_ref().filter(|_| policy.margin.source != Source::Flag);
    let Some(whole) = whole.and_then(|whole| whole.get(model)) else { return refusal };
    // A metric that the command line names was not counted.
    if policy.validator_metrics().any(|metric| !whole.of_metrics.contains_key(metric)) {
        return refusal;
    }
    let of_metric = |metric: &str| whole.of_metrics.get(metric).copied().unwrap_or_default();
    match refused_for(whole.all, of_metric, policy, Written::InFiles) {
        Some(of_all) => {
            Refusal { message: format!("not even the whole suite is enough: {}", of_all.message), ..of_all }
        }
        None => refusal,
    }
}

/// Whoever sees a check in more cases than are counted learns why.
fn where_it_only_warns(metric: Option<&str>, suite: &Suite) -> String {
    let asked = || suite.cases.iter().filter(|case| case.skip.is_none());
    let metric = metric.filter(|metric| asked().any(|case| case.only_warns(metric)));
    metric
        .map(|metric| format!("; a case in which `{metric}` only warns (`warn: true`) does not have it"))
        .unwrap_or_default()
}

/// Why a gate is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
    /// The metric that too few units have, where it is not all of them that are too few.
    pub(super) metric: Option<String>,
}

fn no_case() -> Refusal {
    Refusal {
        code: "gate::no_case",
        message: "no case is asked, so nothing could pass".to_owned(),
        help: "name this model row in `models:` of the suite or of a case, or select more cases".to_owned(),
        metric: None,
    }
}

/// The same refusal, where other cases were blessed than those of today: the edit is the reason, and not the number.
fn edited_since(refusal: Refusal, baseline: &Side, candidate: &Side, prompt: &PromptName) -> Refusal {
    let Origin::Blessed { run, .. } = &baseline.label.origin else { return refusal };
    let pairing = pairing_of(baseline, candidate);
    let list = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", few(names)));
    let parts: Vec<String> =
        [list("edited", &pairing.edited), list("removed", &pairing.removed)].into_iter().flatten().collect();
    if parts.is_empty() {
        return refusal;
    }
    let version = &baseline.label.version;
    Refusal {
        code: "gate::other_cases_blessed",
        message: format!(
            "the suite is not the one that was blessed ({}): {} of {} blessed cases can be compared, too few for its margin",
            parts.join("; "),
            pairing.cases,
            pairing.unpaired().of
        ),
        help: format!(
            "bless today's cases: `promptassay eval {prompt} --version {version}`, or free of charge `promptassay rescore {run}` where that run is kept; then `promptassay baseline bless latest {prompt}`"
        ),
        metric: None,
    }
}

/// Whether so many units can show a margin: identical replies would. The gate refuses what cannot, and `power` does not offer it.
pub(super) fn can_show(units: u64, margin: f64, confidence: f64) -> bool {
    is_feasible(units, margin, confidence) == Ok(true)
}

/// Why not even identical replies would prove anything, where that is so. The sides are those of a plan, or of what was blessed.
pub(super) fn refused(baseline: &Side, candidate: &Side, policy: &Policy) -> Option<Refusal> {
    let of_metric = |name: &str| units_with(baseline, candidate, name).known;
    refused_for(units_of(baseline, candidate).len() as u64, of_metric, policy, Written::InFiles)
}

/// The same of two kept runs. Their sides know of a case's checks by its answers alone: one without any may have every metric, and what is
/// missing is for the other rows to judge. The policy is one that a run has kept, so what would be accepted is typed.
pub(super) fn refused_by_answers(baseline: &Side, candidate: &Side, policy: &Policy) -> Option<Refusal> {
    let of_metric = |name: &str| {
        let WithValidator { known, unknown } = units_with(baseline, candidate, name);
        known + unknown
    };
    refused_for(units_of(baseline, candidate).len() as u64, of_metric, policy, Written::AsOptions)
}

/// Where what would be accepted is to be written, so that it counts. What was typed is typed otherwise in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    InFiles,
    AsOptions,
}

const OUT_OF_REACH: &str = "gate::margin_out_of_reach";

/// `of_metric` says how many of the units have a check of this name: those of the gate's metrics are all that decides by it.
fn refused_for(
    units: u64,
    of_metric: impl Fn(&str) -> u64,
    policy: &Policy,
    written: Written,
) -> Option<Refusal> {
    let confidence = policy.confidence.value;
    let help = |needed: u64, units: u64| help(needed, units, policy, written);
    let refusal = |message: String, help: String| Refusal { code: OUT_OF_REACH, message, help, metric: None };
    let margin = match policy.margin.value.at(units) {
        Ok(margin) => margin?,
        Err(too_few) => return Some(refusal(too_few.to_string(), help(too_few.needed(), units))),
    };
    // Whoever lets an inconclusive comparison through does not need it to be conclusive.
    if policy.inconclusive.value == OnInconclusive::Pass {
        return None;
    }
    let needed = units_needed(margin, confidence).unwrap_or(u64::MAX);
    if !can_show(units, margin, confidence) {
        let message = too_few(&counted(units), units, margin, confidence);
        return Some(refusal(message, help(needed, units)));
    }
    policy.validator_metrics().find_map(|metric| {
        let with_metric = of_metric(metric);
        if can_show(with_metric, margin, confidence) {
            return None;
        }
        let who = format!("{} of {units} have `{metric}`, a metric of the gate, and", counted(with_metric));
        let message = too_few(&who, with_metric, margin, confidence);
        let is_typed = written == Written::AsOptions || policy.metrics.source == Source::Flag;
        let others = match policy.metrics.value.len() {
            _ if is_typed => {
                let has_enough = |metric: &&Metric| match metric {
                    Metric::PassRate | Metric::Score => true,
                    Metric::Validator(name) => can_show(of_metric(name), margin, confidence),
                };
                // Without any the files would say which, and they may say the same.
                format!(
                    "; or gate by what has enough: `{}`",
                    options(policy.metrics.value.iter().filter(has_enough))
                )
            }
            1 => "; or gate by another metric: `metrics: [pass_rate]`".to_owned(),
            _ => format!("; or leave `{metric}` out of `metrics:`"),
        };
        let refusal = refusal(message, help(needed, with_metric) + &others);
        Some(Refusal { metric: Some(metric.to_owned()), ..refusal })
    })
}

/// Metrics as they are typed; none is the pass rate.
fn options<'a>(metrics: impl Iterator<Item = &'a Metric>) -> String {
    let typed: Vec<String> =
        metrics.map(|metric| format!("--metric {}", shell_word(metric.as_str()))).collect();
    if typed.is_empty() { format!("--metric {}", Metric::PassRate.as_str()) } else { typed.join(" ") }
}

fn too_few(who: &str, units: u64, margin: f64, confidence: f64) -> String {
    format!(
        "{who} cannot show a margin of {}: a version that is worse by as much would break none of them in {} of runs, and {} is the most",
        in_points(margin),
        percent((units as f64 * (-margin).ln_1p()).exp()),
        percent(1.0 - confidence),
    )
}

/// Nobody is advised to let a version pass that may be worse by more than this.
const MOST_ADVISED: f64 = 0.3;

fn help(needed: u64, units: u64, policy: &Policy, written: Written) -> String {
    let confidence = policy.confidence.value;
    let is_typed = written == Written::AsOptions || policy.margin.source == Source::Flag;
    // Rounded up, so that what is written here is accepted.
    let reach = margin_within_reach(units, confidence).map(|reach| (reach * 1000.0).ceil() / 1000.0);
    let reach = match reach.ok().filter(|reach| *reach <= MOST_ADVISED) {
        Some(reach) => {
            let option = if is_typed { "--margin " } else { "margin: " };
            format!("; with {units} a margin of {} is within reach: `{option}{reach}`", in_points(reach))
        }
        None => String::new(),
    };
    let alone = if is_typed {
        "`--min-pass-rate 0.9 --margin none`"
    } else {
        "`min_pass_rate: 0.9` and `margin: none`"
    };
    format!(
        "{} are needed at a confidence of {confidence}{reach}; or let the pass rate alone decide: {alone}",
        counted(needed)
    )
}

fn counted(units: u64) -> String {
    plural(usize::try_from(units).unwrap_or(usize::MAX), "unit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::MetricMean;
    use crate::comparison::tests::side;
    use crate::policy::{Margin, Sourced};

    fn check(units: usize, margin: Margin, inconclusive: OnInconclusive) -> String {
        let words: Vec<String> = (0..units).map(|unit| format!("c{unit}:ppp")).collect();
        let side = side(&words.join(" "));
        let policy = Policy {
            margin: Sourced::default(margin),
            inconclusive: Sourced::default(inconclusive),
            ..Policy::default()
        };
        match refused(&side, &side, &policy) {
            Some(refusal) => format!("{}\nhelp: {}", refusal.message, refusal.help),
            None => "accepted".to_owned(),
        }
    }

    #[test]
    fn what_identical_replies_could_not_show_is_refused_with_what_could() {
        use OnInconclusive::{Fail, Pass};
        insta::assert_snapshot!(check(28, Margin::Share(0.1), Fail));
        insta::assert_snapshot!(check(19, Margin::Auto, Fail));
        insta::assert_snapshot!(check(0, Margin::Share(0.1), Fail));
        assert_eq!(check(29, Margin::Share(0.1), Fail), "accepted");
        assert_eq!(check(20, Margin::Auto, Fail), "accepted");
        assert_eq!(check(3, Margin::None, Fail), "accepted");
        assert_eq!(check(3, Margin::Share(0.1), Pass), "accepted", "nothing need be conclusive");
        assert_ne!(check(19, Margin::Auto, Pass), "accepted", "there is no margin at all");
    }

    #[test]
    fn the_margin_that_is_named_is_accepted() {
        for units in 1..120 {
            let text = check(units, Margin::Share(0.001), OnInconclusive::Fail);
            let named = text.split_once("is within reach: `margin: ");
            assert_eq!(
                named.is_some(),
                units >= 9,
                "{units}: nobody is advised to take a margin of 95 points"
            );
            let Some((_, rest)) = named else { continue };
            let reach: f64 = rest.split('`').next().unwrap().parse().unwrap();
            assert_eq!(
                check(units, Margin::Share(reach), OnInconclusive::Fail),
                "accepted",
                "{units}: {reach}"
            );
        }
    }

    #[test]
    fn a_metric_that_few_units_have_is_refused_as_a_suite_of_so_few_is() {
        let of_source = |metrics: &[&str], with_hours: usize, source: Source| {
            let words: Vec<String> = (0..32).map(|unit| format!("c{unit}:p")).collect();
            let mut side = side(&words.join(" "));
            for case in side.cases.iter_mut().take(with_hours) {
                case.validators.insert("hours".to_owned(), MetricMean { mean: 0.0, trials: 0 });
            }
            let metrics = metrics.iter().map(|metric| Metric::from((*metric).to_owned())).collect();
            let policy = Policy {
                margin: Sourced::default(Margin::Share(0.15)),
                metrics: Sourced { value: metrics, source },
                ..Policy::default()
            };
            refused(&side, &side, &policy)
                .map(|refusal| format!("{}\nhelp: {}", refusal.message, refusal.help))
        };
        let of = |metrics: &[&str], with_hours: usize| of_source(metrics, with_hours, Source::Suite);
        let ends = |metrics: &[&str], source: Source| {
            let text = of_source(metrics, 11, source).unwrap();
            text.rsplit_once("; or ").unwrap().1.to_owned()
        };
        assert_eq!(ends(&["hours"], Source::Suite), "gate by another metric: `metrics: [pass_rate]`");
        // What is left out of the command line alone is that of the files again.
        assert_eq!(ends(&["hours"], Source::Flag), "gate by what has enough: `--metric pass_rate`");
        assert_eq!(
            ends(&["score", "hours", "pass_rate", "tone of it"], Source::Flag),
            "gate by what has enough: `--metric score --metric pass_rate`"
        );
        insta::assert_snapshot!(of(&["pass_rate", "hours"], 11).unwrap());
        assert_eq!(of(&["pass_rate", "hours"], 19), None);
        assert_eq!(of(&["pass_rate"], 11), None);
    }
}
