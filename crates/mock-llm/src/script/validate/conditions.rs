//! Conditions of a rule from the file shape to the domain shape.

use regex::Regex;

use super::is_share;
use super::response::check_header_name;
use crate::script::problem::Place;
use crate::script::text_match::TextMatch;
use crate::script::{CallNumbers, Conditions, CountPer, HeaderMatch};
use crate::spec::{CallSpec, CountPerSpec, HeaderMatchSpec, TextMatchSpec, WhenSpec};

pub(super) fn conditions(spec: &WhenSpec, place: &mut Place<'_>) -> Option<Conditions> {
    let model = text_match(spec.model.as_ref(), &mut place.key("model"));
    let last_user_message = text_match(spec.last_user_message.as_ref(), &mut place.key("last_user_message"));
    let any_message = text_match(spec.any_message.as_ref(), &mut place.key("any_message"));
    let headers = header_matches(&spec.headers, &mut place.key("headers"));
    if let Some(chance) = spec.chance
        && !is_share(chance)
    {
        let help = "write a probability above 0 and at most 1, such as 0.2 for 20 %";
        place.key("chance").report(format!("a probability cannot be {chance}"), help);
    }
    let call = spec.call.as_ref().map(|call| call_numbers(call, &mut place.key("call")));
    Some(Conditions {
        model: model?,
        last_user_message: last_user_message?,
        any_message: any_message?,
        headers: headers?,
        chance: spec.chance,
        call,
    })
}

fn header_matches(specs: &[HeaderMatchSpec], place: &mut Place<'_>) -> Option<Vec<HeaderMatch>> {
    let matches: Vec<Option<HeaderMatch>> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| {
            let mut place = place.index(index);
            check_header_name(&spec.name, &mut place.key("name"));
            let value = text_match(Some(&spec.value), &mut place.key("value"))??;
            Some(HeaderMatch { name: spec.name.clone(), value })
        })
        .collect();
    matches.into_iter().collect()
}

#[expect(clippy::option_option, reason = "absent, wrong and right are three different things here")]
fn text_match(spec: Option<&TextMatchSpec>, place: &mut Place<'_>) -> Option<Option<TextMatch>> {
    let Some(spec) = spec else { return Some(None) };
    let text_match = match spec {
        TextMatchSpec::Equals(text) => TextMatch::Equals(text.clone()),
        TextMatchSpec::Contains(text) => TextMatch::Contains(text.clone()),
        TextMatchSpec::Regex(pattern) => match Regex::new(pattern) {
            Ok(regex) => TextMatch::Regex(regex),
            Err(error) => {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("this is not a regular expression: {reason}");
                let help =
                    "the syntax is that of Rust's regex crate, without look-around and back-references";
                place.key("regex").report(message, help);
                return None;
            }
        },
    };
    Some(Some(text_match))
}

fn call_numbers(spec: &CallSpec, place: &mut Place<'_>) -> CallNumbers {
    let numbers = CallNumbers {
        per: match spec.per {
            CountPerSpec::Rule => CountPer::Rule,
            CountPerSpec::Request => CountPer::Request,
            CountPerSpec::Server => CountPer::Server,
        },
        from: spec.from.unwrap_or(1),
        to: spec.to.unwrap_or(u64::MAX),
        every: spec.every.unwrap_or(1),
    };
    if numbers.from == 0 {
        place.key("from").report("calls are counted from 1", "write at least 1");
    }
    if numbers.to < numbers.from {
        let help = format!("write at least {}", numbers.from.max(1));
        place.key("to").report("no call number matches: `to` is below `from`", help);
    }
    if numbers.every == 0 {
        place.key("every").report("every 0 calls means nothing", "write at least 1");
    }
    if spec.from.is_none() && spec.to.is_none() && spec.every.is_none() {
        place.report("the condition names no call", "write at least one of from, to and every");
    }
    numbers
}
