//! Whether somebody wants a reply that is no whole answer.

use promptassay_llm::{FinishReason, Reply};

use super::composite::Rule;
use super::runtime::Runtime;
use super::size::Bound;
use super::{Check, Validator};

impl Validator {
    /// Whether it asks for a reply that ended like this one: empty, cut off, withheld or refused. Of parts it is enough that one does.
    pub(crate) fn expects_ending_of(&self, reply: &Reply) -> bool {
        match &self.check {
            Check::Composite(composite) => {
                let asks = composite.parts.iter().any(|part| part.expects_ending_of(reply));
                asks && !self.negated && composite.rule != Rule::None
            }
            Check::Runtime(Runtime::Refusal(wanted)) => {
                let is_refused = reply.refusal.is_some() || reply.finish_reason == FinishReason::Filter;
                is_refused && *wanted != self.negated
            }
            Check::Runtime(Runtime::FinishReason(accepted)) => {
                // That a reply is finished says nothing of whether it may be empty.
                let is_named =
                    accepted.contains(&reply.finish_reason) && reply.finish_reason != FinishReason::Stop;
                is_named && !self.negated
            }
            check => {
                !self.negated && self.at.is_none() && wants_nothing(check) && reply.text.trim().is_empty()
            }
        }
    }
}

/// Whether only the empty text is right.
fn wants_nothing(check: &Check) -> bool {
    match check {
        Check::Equals(equals) => equals.needle.text().trim().is_empty(),
        Check::Size(size) => size.bound == Bound::Max && size.limit == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{FinishReason, Reply};

    use crate::validator::tests::build;

    #[test]
    fn what_asks_for_such_an_end_expects_it() {
        let empty = |finish_reason| Reply { finish_reason, ..Reply::from_text("") };
        let refused = Reply { refusal: Some("I cannot".to_owned()), ..Reply::from_text("") };
        let replies = [
            ("nothing", empty(FinishReason::Stop)),
            ("nothing, cut off", empty(FinishReason::Length)),
            ("nothing, withheld", empty(FinishReason::Filter)),
            ("refused", refused),
            ("cut off", Reply { finish_reason: FinishReason::Length, ..Reply::from_text("Dear") }),
        ];
        let lines = [
            "equals: ''",
            "equals: yes",
            "not_equals: ''",
            "max_chars: 0",
            "max_words: {value: 0}",
            "max_words: 5",
            "not_contains: zz",
            "refusal: true",
            "refusal: false",
            "finish_reason: stop",
            "finish_reason: [stop, length]",
            "any_of: [{contains: sorry}, {refusal: true}]",
            "none_of: [{refusal: true}, {equals: ''}]",
        ]
        .map(|yaml| {
            let validator = build(yaml).unwrap();
            let expected = replies.iter().filter(|(_, reply)| validator.expects_ending_of(reply));
            let expected: Vec<&str> = expected.map(|(name, _)| *name).collect();
            format!("{yaml:<46} {}", expected.join("; "))
        });
        insta::assert_snapshot!(lines.join("\n"));
    }
}
