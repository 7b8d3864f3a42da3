//! What was blessed, as a person and as a program reads it.

use std::fmt::Write as _;

use promptassay_evaluator::gate::points;
use serde::Serialize;

use crate::table::count;

/// A prompt that was blessed.
#[derive(Debug, Serialize)]
pub(super) struct Blessing {
    pub(super) prompt: String,
    pub(super) version: String,
    pub(super) file: String,
    pub(super) replies: String,
    pub(super) models: Vec<BlessedModel>,
    /// The margin that was written into the suite.
    pub(super) margin: Option<f64>,
    /// Every file that was written, to be reviewed and committed.
    pub(super) written: Vec<String>,
    #[serde(skip)]
    pub(super) remarks: Vec<String>,
}

/// What was blessed on a model row, and how far that is from what was blessed first.
#[derive(Debug, Serialize)]
pub(super) struct BlessedModel {
    pub(super) model: String,
    pub(super) cases: usize,
    pub(super) pass_rate: Option<f64>,
    pub(super) score: Option<f64>,
    /// When it was blessed first, where that was before.
    pub(super) first_blessed_at: Option<String>,
    /// When other models were blessed first, and this one was not.
    #[serde(skip)]
    pub(super) without_it_at: Option<String>,
    pub(super) pass_rate_drift: Option<f64>,
    pub(super) score_drift: Option<f64>,
}

/// Of a time.
fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

/// What was written, and what to do with it.
pub(super) fn text(blessings: &[Blessing]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for blessing in blessings {
        let Blessing { prompt, version, file, replies, .. } = blessing;
        let _ = writeln!(text, "blessed  {prompt} v{version}   {replies}\n         {file}");
        for model in &blessing.models {
            let rate = model.pass_rate.map_or("–".to_owned(), |rate| format!("{:.1} %", 100.0 * rate));
            let score = model.score.map_or("–".to_owned(), |score| format!("{score:.3}"));
            let _ = writeln!(
                text,
                "         {}: {}, pass rate {rate}, score {score}",
                model.model,
                count(model.cases, "case")
            );
            if let Some(first) = &model.first_blessed_at {
                let drift = |drift: Option<f64>| {
                    drift.map_or("–".to_owned(), |drift| format!("{} points", points(drift)))
                };
                let _ = writeln!(
                    text,
                    "         since the first blessing ({}): pass rate {}, score {}",
                    day(first),
                    drift(model.pass_rate_drift),
                    drift(model.score_drift)
                );
            }
            if let Some(first) = &model.without_it_at {
                let _ = writeln!(text, "         it was no part of the first blessing ({})", day(first));
            }
        }
        for remark in &blessing.remarks {
            let _ = writeln!(text, "         {remark}");
        }
    }
    let written: Vec<&str> =
        blessings.iter().flat_map(|blessing| &blessing.written).map(String::as_str).collect();
    let what = match written.as_slice() {
        [_] => "the file and commit it".to_owned(),
        several => format!("and commit {}", several.join(" ")),
    };
    let _ =
        writeln!(text, "review {what}; `promptassay eval --against-baseline` compares with what is blessed");
    text
}
