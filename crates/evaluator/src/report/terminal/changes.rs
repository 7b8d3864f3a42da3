//! A candidate compared with its baseline.

use std::fmt::{self, Write as _};

use super::paint::{Tone, both_ends, label, wrapped};
use super::{COLUMNS, Report};
use crate::comparison::{Call, Comparison, MetricComparison};
use crate::gate::{Gate, plural, points, size};
use crate::plan::PromptPlan;
use crate::policy::Metric;
use crate::report::visible;

/// Further lines of a list of names.
const INDENT: &str = "             ";

impl Report {
    pub(super) fn changes(&mut self, plan: &PromptPlan, gate: &Gate) -> fmt::Result {
        let Some(comparison) = &gate.comparison else { return Ok(()) };
        let versions = format!("{} − {}", label(plan, gate.variant), comparison.baseline);
        let versions = self.tone(Tone::Strong, &versions);
        let interval = both_ends(&plan.suite.policy);
        writeln!(self.text, "\n  {versions}   points, with {interval} intervals")?;
        let shown: Vec<&MetricComparison> = comparison
            .metrics
            .iter()
            .filter(|metric| metric.gates || !matches!(metric.metric, Metric::Validator(_)))
            .collect();
        let width = shown.iter().map(|metric| metric.metric.to_string().chars().count()).max().unwrap_or(0);
        for metric in shown {
            self.metric(metric, width)?;
        }
        self.counts(comparison)?;
        for (word, tone, names) in
            [("fixed", Tone::Good, &comparison.fixed), ("broke", Tone::Bad, &comparison.broken)]
        {
            self.names(word, tone, names)?;
        }
        let pairing = &comparison.pairing;
        for (word, names) in
            [("added", &pairing.added), ("removed", &pairing.removed), ("edited", &pairing.edited)]
        {
            self.names(word, Tone::Doubtful, names)?;
        }
        self.other_models(comparison)
    }

    fn metric(&mut self, metric: &MetricComparison, width: usize) -> fmt::Result {
        let name = metric.metric.to_string();
        let padding = " ".repeat(width - name.chars().count());
        let interval = match &metric.difference {
            Ok(interval) => interval,
            Err(reason) => return writeln!(self.text, "    {name}{padding}   not defined: {reason}"),
        };
        let ends = format!("[{}, {}]", points(interval.lower), points(interval.upper));
        let p = metric.p.as_ref().map_or_else(|_| String::new(), |p| format!("   {}", p_value(*p)));
        let (word, tone) = match metric.call {
            Call::Better => ("better", Tone::Good),
            Call::Worse => ("worse", Tone::Bad),
            Call::Equivalent => ("equivalent", Tone::Good),
            Call::Inconclusive => ("inconclusive", Tone::Doubtful),
        };
        let word = self.tone(tone, word);
        writeln!(self.text, "    {name}{padding}   {:>6}  {ends:<16}{p}   {word}", points(interval.estimate))
    }

    /// What changed, and what could have been seen.
    fn counts(&mut self, comparison: &Comparison) -> fmt::Result {
        let cases = plural(comparison.pairing.cases, "case");
        let (fixed, broken) = (comparison.fixed.len(), comparison.broken.len());
        let verb = comparison.verb();
        let mut text = if fixed + broken == 0 {
            format!("none of {cases} {verb}")
        } else {
            format!("{} of {cases} {verb}: {fixed} fixed, {broken} broke", fixed + broken)
        };
        if let Ok(p) = &comparison.mcnemar {
            let _ = write!(text, "; McNemar {}", p_value(*p));
        }
        // Where the difference is seen to be one, or to be none, nobody asks what else would have shown.
        let open = comparison.metrics.first().filter(|metric| metric.call == Call::Inconclusive);
        if let Some(Ok(smallest)) = open.map(|metric| metric.smallest_detectable.as_ref()) {
            let _ = write!(text, "; {} points would have shown (80 %)", size(*smallest));
        }
        writeln!(self.text, "    {}", wrapped(&text, COLUMNS - 4, "    "))
    }

    fn names(&mut self, word: &str, tone: Tone, names: &[String]) -> fmt::Result {
        /// More than these are for `--format json`.
        const SHOWN: usize = 30;
        if names.is_empty() {
            return Ok(());
        }
        let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(SHOWN);
        let shown = if more > 0 { format!("{shown} and {more} more") } else { shown };
        let padding = " ".repeat(7_usize.saturating_sub(word.len()));
        let word = self.tone(tone, word);
        writeln!(
            self.text,
            "    {word}{padding}  {}",
            wrapped(&visible(&shown), COLUMNS - INDENT.len(), INDENT)
        )
    }

    fn other_models(&mut self, comparison: &Comparison) -> fmt::Result {
        for (what, models) in [("answered", &comparison.served_models), ("judged", &comparison.judges)] {
            if !models.is_empty() {
                let word = self.tone(Tone::Doubtful, "models");
                let list = models.iter().cloned().collect::<Vec<_>>().join(", ");
                let text = format!("only one side was {what} by {list}");
                writeln!(self.text, "    {word}   {}", wrapped(&text, COLUMNS - INDENT.len(), INDENT))?;
            }
        }
        Ok(())
    }
}

/// A p with three digits; never 0.
fn p_value(p: f64) -> String {
    if p < 0.0005 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}
