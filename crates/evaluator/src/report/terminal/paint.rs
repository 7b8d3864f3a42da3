//! Colours, lines and names.

use super::Report;
use crate::plan::PromptPlan;
use crate::policy::Policy;
use crate::report::visible_in_line;
use crate::suite::Case;

/// Colours by meaning. They support what the words say, and carry nothing alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Quiet,
    Strong,
}

impl Report {
    pub(super) fn tone(&self, tone: Tone, text: &str) -> String {
        if !self.look.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubtful => "33",
            Tone::Quiet => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// A variant's version, and its model where there are several.
pub(super) fn label(plan: &PromptPlan, variant: usize) -> String {
    let variant = &plan.variants[variant];
    if plan.has_several_models() {
        format!("{} {}", variant.version, variant.model.name)
    } else {
        variant.version.to_string()
    }
}

/// How sure the printed pair of ends is together: each end alone is surer.
pub(super) fn both_ends(policy: &Policy) -> String {
    let percent = 200.0 * policy.confidence.value - 100.0;
    let rounded = (percent * 10.0).round() / 10.0;
    format!("{rounded} %")
}

/// Text broken at spaces so that no line is longer than `width` characters, where its words allow it; further lines begin with
/// `indent`.
pub(in crate::report) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

pub(super) fn models(plan: &PromptPlan) -> String {
    let mut names: Vec<String> = Vec::new();
    for variant in &plan.variants {
        let name = format!("{} ({})", variant.model.name, variant.model.model);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    format!("model{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
}

pub(super) fn place(case: &Case) -> String {
    format!("{}:{}", visible_in_line(&case.place.file.display().to_string()), case.place.line)
}
