//! Reports: pure functions from the values of a run to text. One file each; they print nothing and open nothing. Those that grow
//! with the number of cases are handed on as they are made, to whatever writes.

mod beside;
mod compared;
mod cost;
mod csv;
mod endings;
mod file_names;
mod github;
mod json;
mod junit;
mod markdown;
mod reasons;
mod redacted;
mod repeats;
mod safe_json;
mod served;
mod taken;
mod tally;
mod terminal;
mod to_open;
mod visible;
mod warnings;

use crate::attempts::{Attempt, Attempts};
use crate::event::ReplySource;
use crate::gate::Gate;
use crate::outputs::Outputs;
use crate::plan::{Plan, PromptPlan, Remark};
use crate::record::Record;
use crate::summary::VariantSummary;

pub use compared::{comparison_json, comparison_text};
pub use csv::csv;
pub use file_names::FileNames;
pub use github::github;
pub use json::{Nothing, json, json_schema};
pub use junit::{JunitLook, junit};
pub use markdown::{MARKDOWN_MARK, markdown, markdown_of_nothing};
pub use terminal::{Look, terminal, terminal_case};
pub use visible::{visible, visible_in_line, without_commands};

/// Everything that a report may show.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// What was to be asked.
    pub plan: &'a Plan,
    /// What happened.
    pub record: &'a Record,
    /// The numbers of each variant, in the plan's order.
    pub summaries: &'a [VariantSummary],
    /// The verdicts of the candidates, in the plan's order.
    pub gates: &'a [Gate],
    /// The replies.
    pub outputs: &'a Outputs,
    /// Which attempts at the same questions these are; `None` where nobody counts.
    pub attempts: Option<&'a Attempts>,
    /// How reports that are kept name files; the terminal's names them from where its reader stands.
    pub files: &'a FileNames,
}

impl<'a> Evaluation<'a> {
    /// The gate that stands on a variant; none on a baseline.
    pub fn gate_of(&self, summary: &VariantSummary) -> Option<&'a Gate> {
        self.gates.iter().find(|gate| gate.prompt == summary.prompt && gate.variant == summary.variant)
    }

    /// What is to be known of the run before its numbers are read, as programs read it: what weighs most first.
    pub fn remarks(&self) -> Vec<Remark> {
        let mut remarks = self.files.remarks(self.plan);
        remarks.extend(redacted::remarks(self.record));
        warnings::by_weight(remarks)
    }

    /// Which attempt at the same questions a gate's answers are, where they are not the first.
    pub fn repeated(&self, gate: &Gate) -> Option<Attempt> {
        self.attempts?.repeated(self.plan, gate)
    }

    /// Where the replies came from, in a few words.
    pub fn replies(&self) -> String {
        let sources: Vec<String> = self.record.sources().iter().map(in_words).collect();
        if sources.is_empty() {
            "no replies".to_owned()
        } else {
            format!("replies {}", sources.join(" and "))
        }
    }
}

/// What narrowed the cases or models that were asked, in a few words, with the seed of a sample; `None` where all of them were.
fn narrowed(plan: &PromptPlan) -> Option<String> {
    let filters = &plan.suite.narrowed_by;
    (!filters.is_empty()).then(|| format!("narrowed by {}", filters.join(" ")))
}

/// A source, and the date of the oldest where that matters.
fn in_words(source: &ReplySource) -> String {
    match source {
        ReplySource::Live | ReplySource::Shared | ReplySource::Recorded | ReplySource::Scripted => {
            source.as_str().to_owned()
        }
        ReplySource::Cached { at } => format!("cached (oldest {})", at.strftime("%Y-%m-%d")),
    }
}
