//! What the command line says of the gate, and what a commit says of it.

use clap::{Args, ValueEnum};
use promptassay_evaluator::plan::PromptInput;
use promptassay_evaluator::policy::{Margin, Metric, OnInconclusive, Policy, PolicyOverrides, ServedModel};
use promptassay_registry::problem::Problem;

use crate::shares::{parse_level, parse_share};

/// What the gate asks for, where it is not what the files say. Each goes before the suite and before registry.yaml.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct PolicyArguments {
    /// By how much a candidate may be worse than its baseline: a share such as `0.1` (10 points), `auto`, or `none`.
    #[arg(long, value_name = "SHARE")]
    margin: Option<Margin>,
    /// The smallest share of passed trials that passes, 0 to 1; a trial is a case asked once.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    min_pass_rate: Option<f64>,
    /// What must not be worse: `pass_rate`, `score` or the name of a validator; may be given several times.
    #[arg(long = "metric", value_name = "NAME", value_parser = metric)]
    metrics: Vec<Metric>,
    /// What a comparison does that cannot tell: block, or let through what does not look worse than the margin.
    #[arg(long, value_name = "WHAT", value_enum)]
    inconclusive: Option<Inconclusive>,
    /// How sure each end of an interval is, above 0.5 and below 1.
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    confidence: Option<f64>,
    /// The largest share of trials that may lack a verdict, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = parse_share)]
    max_missing: Option<f64>,
    /// Whether both sides of a comparison must have been answered and judged by the same models.
    #[arg(long, value_name = "WHICH", value_enum)]
    served_model: Option<Served>,
}

// No documentation on the variants: `clap` would print a line for each in the help of every command.

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Inconclusive {
    Fail,
    Pass,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Served {
    Same,
    Any,
}

impl PolicyArguments {
    fn overrides(&self) -> PolicyOverrides {
        PolicyOverrides {
            min_pass_rate: self.min_pass_rate,
            margin: self.margin,
            confidence: self.confidence,
            max_missing: self.max_missing,
            inconclusive: self.inconclusive.map(|inconclusive| match inconclusive {
                Inconclusive::Fail => OnInconclusive::Fail,
                Inconclusive::Pass => OnInconclusive::Pass,
            }),
            metrics: self.metrics.clone(),
            served_model: self.served_model.map(|served| match served {
                Served::Same => ServedModel::Same,
                Served::Any => ServedModel::Any,
            }),
        }
    }

    /// Whether the command line says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.overrides() == PolicyOverrides::default()
    }

    /// A policy with what the command line says before it.
    pub(crate) fn over(&self, policy: Policy) -> Policy {
        policy.overridden(&self.overrides())
    }

    /// Puts what the command line says before what the files say. A metric that a suite does not have is added to `problems`.
    pub(crate) fn apply_to(&self, inputs: &mut [PromptInput<'_>], problems: &mut Vec<Problem>) {
        let overrides = self.overrides();
        for input in inputs {
            let suite = &mut input.suite;
            suite.policy = suite.policy.clone().overridden(&overrides);
            problems.extend(suite.policy.unknown_metrics(suite).into_iter().map(|problem| {
                let message = format!("{}: {}", input.prompt.name(), problem.message);
                Problem { message, ..problem }
            }));
        }
    }
}

fn metric(text: &str) -> Result<Metric, String> {
    if text.is_empty() {
        return Err("name `pass_rate`, `score` or a validator".to_owned());
    }
    Ok(Metric::from(text.to_owned()))
}
