//! `max_latency`, `max_cost`, `max_tokens`, `finish_reason`, `refusal`: what a reply cost, how long it took and how it ended.
//!
//! What nobody measured is not 0: without latency, price or token counts the check is an error, never a pass.

use std::time::Duration;

use promptassay_llm::FinishReason;
use schemars::JsonSchema;

use super::view::View;
use super::{Found, Look};
use crate::outcome::{CheckOutcome, Reason};

/// A limit on what a reply took, or on how it ended.
#[derive(Debug)]
pub(super) enum Runtime {
    /// From sending the request to the last byte.
    Latency(Duration),
    /// In US dollars.
    Cost(f64),
    Tokens(TokenKind, u64),
    FinishReason(Vec<FinishReason>),
    Refusal(bool),
}

/// Which tokens are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenKind {
    /// Input and output together.
    #[default]
    Total,
    /// Those of the question, cached ones included.
    Input,
    /// Those of the answer, reasoning included.
    Output,
}

impl Runtime {
    pub(super) fn look(&self, view: &View<'_>) -> Look {
        let (subject, reply) = (view.subject, view.subject.reply);
        let unknown = |what: &str| CheckOutcome::Error(Reason::new(what));
        Ok(match self {
            Self::Latency(limit) => {
                let latency = subject
                    .latency
                    .ok_or_else(|| unknown("no model answered in this run, so there is no latency"))?;
                let reason =
                    Reason::new(format!("took {}, limit {}", milliseconds(latency), milliseconds(*limit)));
                Found::new(latency <= *limit, reason.clone(), reason)
            }
            Self::Cost(limit) => {
                let cost = subject.cost.ok_or_else(|| {
                    unknown("the cost is not known: the model row has no price, or the provider counted no tokens")
                })?;
                let reason = Reason::new(format!("cost {}, limit {}", dollars(cost), dollars(*limit)));
                Found::new(cost <= *limit, reason.clone(), reason)
            }
            Self::Tokens(kind, limit) => {
                let (count, noun) = match kind {
                    TokenKind::Total => (reply.usage.total(), ""),
                    TokenKind::Input => (reply.usage.input, "input "),
                    TokenKind::Output => (reply.usage.output, "output "),
                };
                let count = count.ok_or_else(|| unknown("the provider counted no tokens"))?;
                let plural = if count == 1 { "" } else { "s" };
                let reason = Reason::new(format!("{count} {noun}token{plural}, limit {limit}"));
                Found::new(count <= *limit, reason.clone(), reason)
            }
            Self::FinishReason(accepted) => {
                let ended = reply.finish_reason.as_str();
                let accepted_words: Vec<_> =
                    accepted.iter().map(|reason| format!("`{}`", reason.as_str())).collect();
                let without =
                    Reason::new(format!("ended with `{ended}`")).expected(accepted_words.join(" or "));
                let with = Reason::new(format!("ended with `{ended}`"));
                Found::new(accepted.contains(&reply.finish_reason), without, with)
            }
            Self::Refusal(wanted) => {
                let refused = reply.refusal.is_some() || reply.finish_reason == FinishReason::Filter;
                let text = reply.refusal.as_deref().unwrap_or(&reply.text);
                let message =
                    if refused { "the provider marks it as refused" } else { "is not marked as refused" };
                let reason = Reason::new(message).got(super::excerpt::excerpt(text));
                Found::new(refused == *wanted, reason.clone(), reason)
            }
        })
    }
}

fn milliseconds(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    format!("{} ms", (milliseconds * 1000.0).round() / 1000.0)
}

fn dollars(amount: f64) -> String {
    let text = format!("{amount:.6}");
    format!("${}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use promptassay_llm::{FinishReason, Reply, Usage};

    use crate::validator::Subject;
    use crate::validator::tests::{build, describe, reply, verdict};

    fn verdict_of(yaml: &str, subject: &Subject<'_>) -> String {
        describe(&build(yaml).unwrap().check(subject))
    }

    #[test]
    fn what_nobody_measured_is_an_error() {
        insta::assert_snapshot!(
            ["max_latency: 2s", "max_cost: 0.01", "max_tokens: 500", "max_tokens: {value: 5, of: output}"]
                .map(|yaml| format!("{}\n", verdict(yaml, "hi")))
                .concat()
        );
    }

    #[test]
    fn a_limit_itself_is_allowed() {
        let usage = Usage { input: Some(30), output: Some(12), ..Usage::default() };
        let reply = Reply { usage, ..reply("hi") };
        let inputs = promptassay_registry::template::Values::new();
        let subject =
            || Subject::new(&reply, &inputs).cost(Some(0.25)).latency(Some(Duration::from_micros(1_500_250)));
        let check = |yaml: &str| verdict_of(yaml, &subject());
        assert_eq!(check("max_latency: 2s"), "pass");
        assert_eq!(check("max_latency: 1500ms"), "took 1500.25 ms, limit 1500 ms");
        assert_eq!(check("max_cost: 0.25"), "pass");
        assert_eq!(check("max_cost: {value: 0.1}"), "cost $0.25, limit $0.1");
        assert_eq!(check("max_tokens: 42"), "pass");
        assert_eq!(check("max_tokens: 41"), "42 tokens, limit 41");
        assert_eq!(check("max_tokens: {value: 12, of: output}"), "pass");
        assert_eq!(check("max_tokens: {value: 29, of: input}"), "30 input tokens, limit 29");
    }

    #[test]
    fn how_a_reply_ended() {
        assert_eq!(verdict("finish_reason: stop", ""), "pass");
        assert_eq!(verdict("finish_reason: [length, stop]", ""), "pass");
        assert_eq!(verdict("finish_reason: {values: [eos]}", ""), "ended with `stop` | expected: `eos`");
        assert_eq!(verdict("refusal: false", "sorry, no"), "pass");
        assert_eq!(verdict("refusal: true", "sorry, no"), r#"is not marked as refused | got: "sorry, no""#);
        let inputs = promptassay_registry::template::Values::new();
        let refused = Reply { refusal: Some("I cannot".into()), ..reply("") };
        let filtered = Reply { finish_reason: FinishReason::Filter, ..reply("") };
        for reply in [refused, filtered] {
            assert_eq!(verdict_of("refusal: true", &Subject::new(&reply, &inputs)), "pass");
            assert!(verdict_of("refusal: false", &Subject::new(&reply, &inputs)).starts_with("the provider"));
        }
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        insta::assert_snapshot!(
            [
                "max_latency: 2",
                "max_latency: 1.50",
                "max_latency: {value: 1.50}",
                "max_latency: 0x10",
                "max_latency: +5",
                "max_latency: [2s]",
                "max_latency: true",
                "max_latency: 2 s",
                "max_latency: 0s",
                "max_latency: 99999999999999999999s",
                "max_cost: -1",
                "max_cost: .nan",
                "max_cost: free",
                "max_tokens: 1.5",
                "max_tokens: {value: 3, of: outptu}",
                "finish_reason: stopp",
                "finish_reason: []",
                "finish_reason: 3",
                "refusal: no",
            ]
            .map(|yaml| format!("{yaml}\n  {}\n", build(yaml).unwrap_err()))
            .concat()
        );
    }
}
