//! What a question to a judge is made of, each part by its digest. An answer is found by the digest of the whole; the parts decide
//! nothing and tell people which of them has changed.

use std::fmt;

use promptassay_registry::digest::Digest;
use serde::{Deserialize, Serialize};

/// The first 12 hexadecimal digits of a SHA-256 digest: enough to tell texts apart, and short enough for a file that is reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct ShortDigest(String);

/// The text is not the beginning of a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a part's digest is 12 hexadecimal digits in lower case")]
pub struct InvalidShortDigest;

impl ShortDigest {
    pub(super) fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Digest::of(bytes).short())
    }
}

impl TryFrom<String> for ShortDigest {
    type Error = InvalidShortDigest;

    fn try_from(text: String) -> Result<Self, InvalidShortDigest> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 12 && text.bytes().all(is_digit) { Ok(Self(text)) } else { Err(InvalidShortDigest) }
    }
}

/// The parts of a question to a judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a JSON object")]
pub struct Parts {
    /// Which model is asked, where, and with which parameters.
    pub judge: ShortDigest,
    /// What every judge is told, whatever it grades.
    pub instructions: ShortDigest,
    /// The rubric.
    pub rubric: ShortDigest,
    /// The inputs of the case.
    pub inputs: ShortDigest,
    /// The conversation before the question, where the case has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ShortDigest>,
    /// The reference of the case, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<ShortDigest>,
    /// What of the reply is graded.
    pub reply: ShortDigest,
    /// The answer that could not be read and why, where another one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<ShortDigest>,
}

/// One of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// [`Parts::judge`].
    Judge,
    /// [`Parts::instructions`].
    Instructions,
    /// [`Parts::rubric`].
    Rubric,
    /// [`Parts::inputs`].
    Inputs,
    /// [`Parts::conversation`].
    Conversation,
    /// [`Parts::reference`].
    Reference,
    /// [`Parts::reply`].
    Reply,
    /// [`Parts::unreadable`].
    Unreadable,
}

impl Parts {
    /// The parts that are not what they were in another question. What a judge is told of a conversation comes and goes with it.
    pub fn changed_since(&self, then: &Self) -> Vec<Part> {
        let Self { judge, instructions, rubric, inputs, conversation, reference, reply, unreadable } = self;
        let are_alike = conversation.is_some() == then.conversation.is_some();
        [
            (Part::Rubric, *rubric != then.rubric),
            (Part::Inputs, *inputs != then.inputs),
            (Part::Conversation, *conversation != then.conversation),
            (Part::Reference, *reference != then.reference),
            (Part::Reply, *reply != then.reply),
            (Part::Judge, *judge != then.judge),
            (Part::Instructions, are_alike && *instructions != then.instructions),
            (Part::Unreadable, *unreadable != then.unreadable),
        ]
        .into_iter()
        .filter_map(|(part, has_changed)| has_changed.then_some(part))
        .collect()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Judge => "the judge's row",
            Self::Instructions => "what promptassay tells every judge",
            Self::Rubric => "the rubric",
            Self::Inputs => "the inputs",
            Self::Conversation => "the conversation",
            Self::Reference => "the reference",
            Self::Reply => "the reply",
            Self::Unreadable => "the answer that could not be read",
        })
    }
}

#[cfg(test)]
mod tests {
    use promptassay_llm::{Message, ModelRow, ModelRowSpec, Provider};
    use promptassay_registry::template::Values;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::judge::{Given, Question, Unreadable, question_about, repair_question};
    use crate::replies::request_digest;

    fn row(model: &str) -> ModelRow {
        ModelRowSpec::new(Provider::OpenAiChat, model).validate("judge").unwrap()
    }

    fn inputs(name: &str) -> Values {
        serde_json::from_value(json!({"name": name})).unwrap()
    }

    fn ask(model: &str, rubric: &str, name: &str, reference: Option<&str>, graded: &str) -> Question {
        ask_after(&[], model, rubric, name, reference, graded)
    }

    fn ask_after(
        conversation: &[Message],
        model: &str,
        rubric: &str,
        name: &str,
        reference: Option<&str>,
        graded: &str,
    ) -> Question {
        let inputs = inputs(name);
        question_about(&row(model), rubric, graded, Given { inputs: &inputs, conversation, reference })
    }

    #[test]
    fn each_part_is_told_apart() {
        let then = ask("m", "Is polite.", "Ada", Some("Hi."), "Hello.");
        let changed = |now: &Question| now.parts.changed_since(&then.parts);
        assert_eq!(changed(&ask("m", "Is polite.", "Ada", Some("Hi."), "Hello.")), []);
        assert_eq!(changed(&ask("n", "Is polite.", "Ada", Some("Hi."), "Hello.")), [Part::Judge]);
        assert_eq!(changed(&ask("m", "Is kind.", "Ada", Some("Hi."), "Hello.")), [Part::Rubric]);
        assert_eq!(changed(&ask("m", "Is polite.", "Bob", Some("Hi."), "Hello.")), [Part::Inputs]);
        assert_eq!(changed(&ask("m", "Is polite.", "Ada", Some("Ho."), "Hello.")), [Part::Reference]);
        // What the judge is told of a reference comes and goes with it.
        assert_eq!(changed(&ask("m", "Is polite.", "Ada", None, "Hello.")), [Part::Reference]);
        assert_eq!(changed(&ask("m", "Is polite.", "Ada", Some("Hi."), "Go away.")), [Part::Reply]);
        let after =
            |said: &str| ask_after(&[Message::user(said)], "m", "Is polite.", "Ada", Some("Hi."), "Hello.");
        assert_eq!(changed(&after("Late!")), [Part::Conversation]);
        assert_eq!(after("Late!").parts.changed_since(&after("Lost!").parts), [Part::Conversation]);
        let all = ask("n", "Is kind.", "Bob", None, "Go away.");
        assert_eq!(changed(&all), [Part::Rubric, Part::Inputs, Part::Reference, Part::Reply, Part::Judge]);
        let repair = repair_question(&then, "Lovely", &Unreadable::NoPass);
        assert_eq!(changed(&repair), [Part::Unreadable]);
        let other = repair_question(&then, "Lovely", &Unreadable::NoScore);
        assert_eq!(other.parts.changed_since(&repair.parts), [Part::Unreadable]);
    }

    #[test]
    fn parameters_belong_to_the_judge() {
        let mut spec = ModelRowSpec::new(Provider::OpenAiChat, "m");
        spec.params.seed = Some(7);
        let seeded = spec.validate("judge").unwrap();
        let inputs = inputs("Ada");
        let given = Given { inputs: &inputs, conversation: &[], reference: None };
        let now = question_about(&seeded, "Is polite.", "Hello.", given);
        assert_eq!(now.request.params.seed, Some(7));
        let then = ask("m", "Is polite.", "Ada", None, "Hello.");
        assert_eq!(now.parts.changed_since(&then.parts), [Part::Judge]);
    }

    #[test]
    fn a_digest_that_is_none_is_refused() {
        let read = |text: &str| {
            serde_json::from_value::<ShortDigest>(json!(text)).map_err(|error| error.to_string())
        };
        assert!(read("0123456789ab").is_ok());
        for wrong in ["", "0123456789a", "0123456789abc", "0123456789AB", "0123456789äb"] {
            assert_eq!(
                read(wrong).unwrap_err(),
                "a part's digest is 12 hexadecimal digits in lower case",
                "{wrong}"
            );
        }
    }

    proptest! {
        /// A question is another one exactly where one of its parts is.
        #[test]
        fn parts_change_with_the_question_and_with_nothing_else(
            then in ("[mn]", "[ab]{0,1}", "[ab]{0,1}", proptest::option::of("[ab]{0,1}"), "[ab]{0,1}", proptest::option::of("[ab]{0,1}")),
            now in ("[mn]", "[ab]{0,1}", "[ab]{0,1}", proptest::option::of("[ab]{0,1}"), "[ab]{0,1}", proptest::option::of("[ab]{0,1}")),
        ) {
            type Made = (String, String, String, Option<String>, String, Option<String>);
            let of = |(model, rubric, name, reference, graded, said): &Made| {
                let said: Vec<Message> = said.iter().map(Message::user).collect();
                ask_after(&said, model, rubric, name, reference.as_deref(), graded)
            };
            let digest = |question: &Question, (model, ..): &Made| request_digest(&row(model), &question.request);
            let (one, two) = (of(&then), of(&now));
            prop_assert_eq!(two.parts.changed_since(&one.parts).is_empty(), digest(&one, &then) == digest(&two, &now));
        }
    }
}
