//! A described plan as text for people.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use crate::gate::{grouped, plural};

use super::{Estimate, JudgeDescription, PlanDescription, PromptDescription, VariantDescription};

impl fmt::Display for PlanDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for prompt in &self.prompts {
            write_prompt(formatter, prompt)?;
            writeln!(formatter)?;
        }
        if let Some(shard) = &self.shard {
            writeln!(formatter, "this is shard {shard}: it reports no verdict; `merge` does")?;
        }
        if !self.filters.is_empty() {
            writeln!(formatter, "narrowed by {}: no evidence for a promotion", self.filters.join(" "))?;
        }
        write!(formatter, "{}", plural(self.questions, "question"))?;
        let judged: usize =
            self.prompts.iter().flat_map(|prompt| &prompt.judges).map(|judge| judge.questions).sum();
        if judged > 0 {
            write!(formatter, " and {} to judges", grouped(judged as u64))?;
        }
        writeln!(formatter, " in all, {}", amounts(&self.total()))?;
        writeln!(formatter, "  {}", self.cost())?;
        writeln!(formatter, "plan {}; nothing was asked", self.digest.get(..12).unwrap_or(&self.digest))?;
        writeln!(formatter, "tokens are estimated: 4 bytes of text for one, and 4 more for each message")
    }
}

impl PlanDescription {
    fn total(&self) -> Estimate {
        let mut total = Estimate {
            input_tokens: 0,
            max_output_tokens: Some(0),
            input_cost: Some(0.0),
            max_cost: Some(0.0),
        };
        let asked = self.prompts.iter().flat_map(|prompt| &prompt.variants).map(|variant| &variant.estimate);
        let judges = self.prompts.iter().flat_map(|prompt| &prompt.judges).map(|judge| &judge.estimate);
        for estimate in asked.chain(judges) {
            let sum = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a + b);
            total.input_tokens += estimate.input_tokens;
            let limits = total.max_output_tokens.zip(estimate.max_output_tokens);
            total.max_output_tokens = limits.and_then(|(a, b)| a.checked_add(b));
            total.input_cost = sum(total.input_cost, estimate.input_cost);
            total.max_cost = sum(total.max_cost, estimate.max_cost);
        }
        total
    }

    fn estimates(&self) -> impl Iterator<Item = (&str, &Estimate)> {
        let variants = self.prompts.iter().flat_map(|prompt| &prompt.variants);
        let asked = variants.filter(|variant| variant.questions > 0);
        let judges = self.prompts.iter().flat_map(|prompt| &prompt.judges);
        let asked = asked.map(|variant| (variant.model.as_str(), &variant.estimate));
        asked.chain(judges.map(|judge| (judge.model.as_str(), &judge.estimate)))
    }

    /// The models whose answers nothing limits, each once.
    fn unlimited(&self) -> Vec<&str> {
        let unlimited = self.estimates().filter(|(_, estimate)| estimate.max_output_tokens.is_none());
        unlimited.map(|(model, _)| model).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What is known of the cost: of answers that nothing limits their questions alone.
    fn known_cost(&self) -> f64 {
        self.estimates().filter_map(|(_, estimate)| estimate.max_cost.or(estimate.input_cost)).sum()
    }

    fn cost(&self) -> String {
        match self.unpriced().as_slice() {
            [] => match self.unlimited().as_slice() {
                [] => cost(&self.total(), "the models"),
                models => format!(
                    "about {} at most, and the answers of {}, which no `max_output_tokens` limits",
                    dollars(self.known_cost()),
                    quoted(models)
                ),
            },
            [one] => format!("cost unknown: `{one}` has no `price` in registry.yaml"),
            several => format!("cost unknown: {} have no `price` in registry.yaml", quoted(several)),
        }
    }
}

fn write_prompt(formatter: &mut fmt::Formatter<'_>, prompt: &PromptDescription) -> fmt::Result {
    write!(formatter, "{}   {}", prompt.prompt, plural(prompt.cases, "case"))?;
    if prompt.repeat > 1 {
        write!(formatter, ", each asked {} times", prompt.repeat)?;
    }
    if prompt.skipped > 0 {
        write!(formatter, "; {} skipped", prompt.skipped)?;
    }
    writeln!(formatter)?;
    writeln!(formatter, "  {}", prompt.versions)?;
    let digest = prompt.suite_digest.get(..12).unwrap_or_default();
    writeln!(formatter, "  suite {} ({digest})", prompt.suite)?;
    prompt.variants.iter().try_for_each(|variant| write_variant(formatter, variant))?;
    prompt.judges.iter().try_for_each(|judge| write_judge(formatter, judge))
}

fn write_variant(formatter: &mut fmt::Formatter<'_>, variant: &VariantDescription) -> fmt::Result {
    writeln!(formatter)?;
    writeln!(formatter, "  v{} on {}   {}", variant.version, variant.model, variant.role)?;
    writeln!(formatter, "    {} {}, {}", variant.provider, variant.model_id, variant.endpoint)?;
    writeln!(formatter, "    parameters: {}", parameters(variant))?;
    if !variant.extra.is_empty() {
        let extra: Vec<String> =
            variant.extra.iter().map(|(name, value)| format!("{name} {value}")).collect();
        writeln!(formatter, "    extra, over the parameters: {}", extra.join(", "))?;
    }
    writeln!(formatter, "    {}, {}", plural(variant.questions, "question"), amounts(&variant.estimate))?;
    writeln!(formatter, "    {}", cost(&variant.estimate, &format!("`{}`", variant.model)))
}

fn write_judge(formatter: &mut fmt::Formatter<'_>, judge: &JudgeDescription) -> fmt::Result {
    writeln!(formatter)?;
    writeln!(formatter, "  judged by {}", judge.model)?;
    writeln!(formatter, "    {} {}", judge.provider, judge.model_id)?;
    let questions = plural(judge.questions, "question");
    writeln!(formatter, "    {questions}, {}, with replies of full length", amounts(&judge.estimate))?;
    writeln!(formatter, "    {}", cost(&judge.estimate, &format!("`{}`", judge.model)))
}

fn parameters(variant: &VariantDescription) -> String {
    let mut text = String::new();
    if let Ok(serde_json::Value::Object(params)) = serde_json::to_value(&variant.params) {
        for (name, value) in params {
            let separator = if text.is_empty() { "" } else { ", " };
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{separator}{name} {value}");
        }
    }
    match variant.default_max_output_tokens {
        Some(limit) if text.is_empty() => {
            format!("max_output_tokens {limit} (required; nobody wrote it)")
        }
        Some(limit) => {
            format!("{text}, max_output_tokens {limit} (required; nobody wrote it)")
        }
        None if text.is_empty() && !variant.extra.is_empty() => "none but the extra".to_owned(),
        None if text.is_empty() => "none are sent".to_owned(),
        None => text,
    }
}

fn amounts(estimate: &Estimate) -> String {
    let answers = match estimate.max_output_tokens {
        Some(tokens) => format!("at most {} out", grouped(tokens)),
        None => "answers of any length".to_owned(),
    };
    format!("about {} tokens in, {answers}", grouped(estimate.input_tokens))
}

fn cost(estimate: &Estimate, of: &str) -> String {
    match (estimate.input_cost, estimate.max_cost) {
        (None, _) => format!("cost unknown: {of} has no `price` in registry.yaml"),
        (Some(_), Some(most)) => format!("about {} at most", dollars(most)),
        (Some(input), None) => {
            format!("about {} and the answers, which no `max_output_tokens` limits", dollars(input))
        }
    }
}

/// What is not free is never shown as nothing.
fn dollars(amount: f64) -> String {
    if amount > 0.0 && amount < 0.001 { "$0.001".to_owned() } else { format!("${amount:.3}") }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
