//! Which models answered, where it was more than one: a gateway that falls back changes what is measured, and says so in a field that nobody reads.

use std::collections::BTreeMap;

use super::Evaluation;
use super::visible::visible_in_line;
use crate::gate::{Gate, plural};

/// So many are named, those with the most replies first.
const NAMED: usize = 3;

/// A sentence where the replies of the candidate came from several models, as providers say.
pub(super) fn beside(evaluation: &Evaluation<'_>, gate: &Gate) -> Option<String> {
    let (plan, record) = (evaluation.plan, evaluation.record);
    let mut models = BTreeMap::<&str, usize>::new();
    for case in plan.cases_of(gate.prompt, gate.variant) {
        for (index, _) in plan.trials_of(gate.prompt, gate.variant, case) {
            if let Some(model) = record.served_model(index) {
                *models.entry(model).or_default() += 1;
            }
        }
    }
    if models.len() < 2 {
        return None;
    }
    let mut models: Vec<(&str, usize)> = models.into_iter().collect();
    models.sort_by_key(|(_, replies)| std::cmp::Reverse(*replies));
    let shown = models.iter().take(NAMED).map(|(model, replies)| {
        // A provider's word may be anything, of any length.
        let model: String = visible_in_line(model).chars().take(60).collect();
        format!("`{model}` {replies}")
    });
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if models.len() > NAMED {
        list.push_str(", …");
    }
    let row = &plan.prompts()[gate.prompt].variants[gate.variant].model.name;
    let answered = plural(models.len(), "model");
    Some(format!("{answered} answered on row `{row}`: {list}; the numbers are of a mixture"))
}
