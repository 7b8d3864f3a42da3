//! What `margin: auto` comes to, written into the suite: whoever blesses results accepts that number, and a case more must not
//! change it.

use std::fs;

use promptassay_evaluator::plan::PromptPlan;
use promptassay_evaluator::policy::{Margin, PolicySpec, Source};
use promptassay_registry::files::write_atomic;
use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::Document;
use serde_json::Value;

use crate::failure::Failure;

/// The margin for this many units and what is to be said about it; the suite is changed where it says `auto`.
pub(super) fn fix(plan: &PromptPlan, units: u64) -> Result<(Option<f64>, Vec<String>), Failure> {
    let policy = &plan.suite.policy.margin;
    if policy.value != Margin::Auto {
        return Ok((None, Vec::new()));
    }
    let margin = match Margin::Auto.at(units) {
        Ok(Some(margin)) => margin,
        Ok(None) => return Ok((None, Vec::new())),
        Err(too_few) => return Ok((None, vec![format!("no margin is written: {too_few}")])),
    };
    let file = plan.suite.file.as_path();
    let line = format!("`margin: {margin}` under `gate:` of {}", file.display());
    if policy.source != Source::Suite {
        let remark = format!(
            "`margin: auto` comes from elsewhere ({}): to keep it as it is, write {line}",
            policy.source
        );
        return Ok((None, vec![remark]));
    }
    let text = fs::read_to_string(file).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", file.display());
        Failure::broken(Problem::error("baseline::suite", message))
    })?;
    let mut problems = Vec::new();
    let document = Document::parse(file, text, &mut problems);
    match document.as_ref().and_then(|document| edited(document, margin)) {
        Some(text) => {
            write_atomic(file, text).map_err(|error| Failure::from_write(&error))?;
            let remark = format!("`margin: auto` is now {line}: {units} units");
            Ok((Some(margin), vec![remark]))
        }
        None => Ok((None, vec![format!("`margin: auto` could not be changed in place: write {line}")])),
    }
}

/// The text with the margin in the place of `auto`, if that is all that changes.
fn edited(document: &Document, margin: f64) -> Option<String> {
    let span = document.read_at::<PolicySpec>(&["gate"])?.value?.margin?.span;
    let text = document.text();
    let edited = [text.get(..span.start)?, &margin.to_string(), text.get(span.end..)?].concat();
    let mut expected = document.read::<Value>().value?;
    *expected.get_mut("gate")?.get_mut("margin")? = Value::from(margin);
    let mut problems = Vec::new();
    let read = Document::parse(document.file(), edited.as_str(), &mut problems)?.read::<Value>().value?;
    (problems.is_empty() && read == expected).then_some(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str) -> Option<String> {
        edited(&Document::parse("test_cases.yaml", text, &mut Vec::new()).unwrap(), 0.15)
    }

    #[test]
    fn only_the_word_changes() {
        assert_eq!(
            changed("gate:\n  margin: auto   # ask Ada\r\ncases: []\n").unwrap(),
            "gate:\n  margin: 0.15   # ask Ada\r\ncases: []\n"
        );
        assert_eq!(changed("gate: {margin: \"auto\"}\n").unwrap(), "gate: {margin: 0.15}\n");
        // Where an alias stands, the alias is what is written.
        let aliased = changed("x: &m auto\ngate: {margin: *m}\n");
        assert_eq!(aliased.as_deref(), Some("x: &m auto\ngate: {margin: 0.15}\n"));
        assert_eq!(changed("cases: []\n"), None);
    }
}
