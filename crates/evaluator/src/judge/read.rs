//! How a judge's answer is read: strictly. What it does not say is not guessed.

use serde::Deserialize;

/// A judge's opinion of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Whether the reply passes; with a threshold, the score must reach it as well.
    pub pass: bool,
    /// In [0, 1].
    pub score: f64,
    /// The threshold, where the score does not reach it.
    pub missed: Option<f64>,
    /// Why, in the judge's words, in one line.
    pub reason: String,
}

/// Why an answer of a judge cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON object of the right form.
    #[error("it is not the JSON object that was asked for: {0}")]
    NotJson(String),
    /// It has neither `pass` nor what would decide without it.
    #[error("it has no `pass`")]
    NoPass,
    /// There is a threshold and no score to hold against it.
    #[error("it has no `score`, and the threshold needs one")]
    NoScore,
    /// The score is not a number from 0 to 1.
    #[error("its `score` is not a number from 0 to 1")]
    ScoreOutOfRange,
}

#[derive(Deserialize)]
struct Answer {
    pass: Option<bool>,
    score: Option<f64>,
    reason: Option<String>,
}

/// Reads `{pass, score, reason}`, alone or as one code fence around the whole; text beside it is refused, because it may quote the
/// graded reply.
///
/// Without `threshold`, `pass` decides and a missing score is 1 or 0. With it, the score must be there and reach it, and `pass`, where
/// it is written, must be true.
pub fn read(text: &str, threshold: Option<f64>) -> Result<Judgement, Unreadable> {
    let text = without_fence(text.trim());
    if text.is_empty() {
        return Err(Unreadable::NotJson("there is no text".to_owned()));
    }
    if !text.starts_with('{') {
        // A list of the three values would be read as well.
        return Err(Unreadable::NotJson("it does not begin with `{`".to_owned()));
    }
    let answer: Answer = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            return Unreadable::NotJson("it breaks off".to_owned());
        }
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        Unreadable::NotJson(what.replace("expected f64", "expected a number"))
    })?;
    if answer.score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
        return Err(Unreadable::ScoreOutOfRange);
    }
    let (pass, score) = match (answer.pass, answer.score, threshold) {
        (_, None, Some(_)) => return Err(Unreadable::NoScore),
        (None, _, None) => return Err(Unreadable::NoPass),
        (pass, Some(score), Some(threshold)) => (pass != Some(false) && score >= threshold, score),
        (Some(pass), score, None) => (pass, score.unwrap_or(if pass { 1.0 } else { 0.0 })),
    };
    let reason = answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason =
        reason.map_or_else(|| "the judge gives no reason".to_owned(), |reason| one_line(reason, 500));
    let missed = threshold.filter(|threshold| score < *threshold);
    Ok(Judgement { pass, score, missed, reason })
}

/// What stands in a code fence, where the fence is the whole of the text and the only one.
fn without_fence(text: &str) -> &str {
    let inner = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    let Some((language, inner)) = inner.and_then(|inner| inner.split_once('\n')) else { return text };
    let is_json = matches!(language.trim().to_ascii_lowercase().as_str(), "" | "json");
    if is_json && !inner.contains("```") { inner.trim() } else { text }
}

fn one_line(text: &str, limit: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
