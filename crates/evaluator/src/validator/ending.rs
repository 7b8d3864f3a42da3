//! How a reply ended, where that says more than its text: whoever reads `got nothing` looks for a fault of the prompt, and not for a
//! limit or a filter.

use promptassay_llm::{FinishReason, Reply};

use super::excerpt::excerpt;
use crate::outcome::{CheckOutcome, Reason};

/// The outcome of a check, what it quotes of the reply completed by how the reply ended.
pub(super) fn with_ending(outcome: CheckOutcome, reply: &Reply) -> CheckOutcome {
    let complete = |mut reason: Reason| {
        reason.got = reason.got.map(|got| completed(got, reply));
        reason
    };
    match outcome {
        CheckOutcome::Fail(reason) => CheckOutcome::Fail(complete(reason)),
        other => other,
    }
}

/// A reply in short, with how it ended.
pub(super) fn excerpt_with_ending(reply: &Reply) -> String {
    completed(excerpt(&reply.text), reply)
}

fn completed(got: String, reply: &Reply) -> String {
    let is_empty = reply.text.trim().is_empty();
    // Numbers and kinds are quoted too, and no ending explains them.
    let is_text = got == excerpt("") && is_empty || got.starts_with('"') && !is_empty;
    let ending = match &reply.finish_reason {
        _ if !is_text => None,
        _ if is_empty && reply.refusal.is_some() => Some("the model refused".to_owned()),
        _ if is_empty && !reply.tool_calls.is_empty() => {
            let names: Vec<&str> = reply.tool_calls.iter().map(|call| call.name.as_str()).collect();
            Some(format!("the model called {}", excerpt(&names.join(", ")).trim_matches('"')))
        }
        FinishReason::Length => Some("cut off by the token limit".to_owned()),
        FinishReason::Filter if is_empty => Some("withheld by a filter".to_owned()),
        FinishReason::Filter => Some("cut off by a filter".to_owned()),
        _ => None,
    };
    match ending {
        Some(ending) => format!("{got} ({ending})"),
        None => got,
    }
}

#[cfg(test)]
mod tests {
    use promptassay_llm::ToolCall;
    use serde_json::json;

    use super::*;
    use crate::validator::Subject;
    use crate::validator::tests::{build, describe};

    fn got(yaml: &str, reply: &Reply) -> String {
        let inputs = promptassay_registry::template::Values::new();
        describe(&build(yaml).unwrap().check(&Subject::new(reply, &inputs)))
    }

    #[test]
    fn what_came_is_said_with_how_it_ended() {
        let reply = |text: &str, finish_reason| Reply { finish_reason, ..Reply::from_text(text) };
        let call = ToolCall { id: String::new(), name: "find_order".to_owned(), arguments: json!({}) };
        let lines = [
            got("contains: ok", &reply("", FinishReason::Stop)),
            got("contains: ok", &reply(" \n", FinishReason::Length)),
            got("contains: ok", &reply("", FinishReason::Filter)),
            got("contains: ok", &reply("Dear Ad", FinishReason::Length)),
            got("contains: ok", &reply("Dear Ad", FinishReason::Filter)),
            got("contains: ok", &reply("Dear Ada", FinishReason::Stop)),
            got("any_of: [{contains: ok}, {max_words: 0}]", &reply("Dear Ad", FinishReason::Length)),
            got("max_words: 1", &reply("Dear Ad", FinishReason::Length)),
            got("min_words: 3", &reply("", FinishReason::Length)),
            got("min_chars: 90", &reply("Dear Ad", FinishReason::Length)),
            got("min_words: 3", &reply("", FinishReason::Filter)),
            got("min_words: 3", &reply("Dear Ada", FinishReason::Stop)),
            got(
                "contains: ok",
                &Reply { refusal: Some("I cannot.".to_owned()), ..reply("", FinishReason::Stop) },
            ),
            got("contains: ok", &Reply { tool_calls: vec![call], ..reply("", FinishReason::Tool) }),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        does not contain "ok" | got: nothing
        does not contain "ok" | got: nothing (cut off by the token limit)
        does not contain "ok" | got: nothing (withheld by a filter)
        does not contain "ok" | got: "Dear Ad" (cut off by the token limit)
        does not contain "ok" | got: "Dear Ad" (cut off by a filter)
        does not contain "ok" | got: "Dear Ada"
        none of 2 holds: contains: does not contain "ok"; max_words: 2 words, limit 0
        2 words, limit 1
        0 words, at least 3 | got: nothing (cut off by the token limit)
        7 characters, at least 90 | got: "Dear Ad" (cut off by the token limit)
        0 words, at least 3 | got: nothing (withheld by a filter)
        2 words, at least 3 | got: "Dear Ada"
        does not contain "ok" | got: nothing (the model refused)
        does not contain "ok" | got: nothing (the model called find_order)
        "#);
    }
}
