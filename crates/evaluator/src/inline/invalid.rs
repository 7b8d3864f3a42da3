//! Why nothing is asked.

use promptassay_registry::memory::RenderFailure;
use promptassay_registry::template::UnknownVariable;

/// Why a case is not asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Invalid {
    /// Two cases have one name.
    #[error("two cases have the name `{0}`")]
    SameName(String),
    /// Nothing would judge the reply.
    #[error("the case `{0}` has no check")]
    NoCheck(String),
    /// The prompt cannot be filled.
    #[error("the case `{case}` cannot be asked: {}", with_help(source))]
    NotRendered {
        /// The case.
        case: String,
        /// What its inputs lack.
        source: RenderFailure,
    },
    /// Values would go nowhere: the case would ask something else than it seems to.
    #[error("the case `{case}` has a value that no variable of the prompt takes: {}", listed(unknown))]
    UnknownInputs {
        /// The case.
        case: String,
        /// The values, each with the variable that may have been meant.
        unknown: Vec<UnknownVariable>,
    },
    /// The version's parameters or the form of its answer are none that a model is asked with.
    #[error("the prompt's `params` or `response_format`: {0}")]
    Unknown(String),
}

/// Why a suite is not asked at all: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", lines(problems))]
pub struct InvalidSuite {
    /// What is wrong, in the order of the cases; never empty.
    pub problems: Vec<Invalid>,
}

fn lines(problems: &[Invalid]) -> String {
    problems.iter().map(Invalid::to_string).collect::<Vec<_>>().join("\n")
}

fn with_help(source: &RenderFailure) -> String {
    let helped = |message: String, help: Option<&str>| match help {
        Some(help) => format!("{message} (help: {help})"),
        None => message,
    };
    match source {
        RenderFailure::Values(problems) => {
            let problems = problems.iter().map(|it| helped(it.message.clone(), it.help.as_deref()));
            problems.collect::<Vec<_>>().join("; ")
        }
        RenderFailure::Template(error) => helped(error.to_string(), error.help().as_deref()),
        RenderFailure::Lookup(error) => error.to_string(),
    }
}

fn listed(unknown: &[UnknownVariable]) -> String {
    let shown = unknown.iter().map(|value| match &value.suggestion {
        Some(meant) => format!("`{}` (did you mean `{meant}`?)", value.name),
        None => format!("`{}`", value.name),
    });
    shown.collect::<Vec<_>>().join(", ")
}
