//! Warnings about what was judged, as they are told: what weakens the exam first, and none in the way of others.

use std::collections::HashMap;

use crate::plan::Remark;

/// So many of one kind are told before those of every other kind that are as many.
const OF_A_KIND: usize = 3;

/// The warnings in the order of how much they weigh, those that weigh the same as they came.
pub(super) fn by_weight(mut remarks: Vec<Remark>) -> Vec<Remark> {
    remarks.sort_by_key(|remark| weight(&remark.code));
    remarks
}

/// 0 is what may hide that the change is worse: the cases, their checks, what was registered, what is recorded. Then what whoever
/// reviews has to weigh, then what concerns all versions alike, and last what somebody else did.
fn weight(code: &str) -> u8 {
    match code.strip_prefix("changes::").unwrap_or(code) {
        "rules_not_counted" | "margin_not_used" | "answering_program" | "no_suite" | "run::redacted" => 1,
        "model" | "price" | "prompt_renamed" => 2,
        "case_moved" | "case_not_yet_here" | "model_moved" | "price_moved" | "rules_moved" => 3,
        _ => 0,
    }
}

/// The same with a few of each kind in front: where there is room for ten, hundreds of one kind leave none to another.
pub(super) fn mixed(remarks: Vec<Remark>) -> Vec<Remark> {
    let mut of_kind: HashMap<String, usize> = HashMap::new();
    let (mut first, rest): (Vec<Remark>, Vec<Remark>) = remarks.into_iter().partition(|remark| {
        let count = of_kind.entry(remark.code.clone()).or_default();
        *count += 1;
        *count <= OF_A_KIND
    });
    first.extend(rest);
    first
}

/// What a warning says, with the prompt that it is about where it does not name that itself.
pub(super) fn said(remark: &Remark) -> String {
    let message = &remark.message;
    match &remark.prompt {
        Some(prompt) if !names(message, prompt) => format!("{prompt}: {message}"),
        _ => message.clone(),
    }
}

fn names(message: &str, prompt: &str) -> bool {
    message.strip_prefix(prompt).is_some_and(|rest| rest.starts_with([':', ' ']))
        || message.contains(&format!("`{prompt}`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate;
    use crate::outputs::Outputs;
    use crate::plan::tests::plan_of;
    use crate::record::Record;
    use crate::report::{Evaluation, FileNames, github, markdown};

    fn remark(code: &str, message: &str) -> Remark {
        Remark {
            code: code.to_owned(),
            message: message.to_owned(),
            help: None,
            file: None,
            prompt: Some("greet".to_owned()),
        }
    }

    #[test]
    fn a_warning_names_its_prompt_once() {
        let said = [
            "greet: it is edited",
            "greet v1.0.0 is active",
            "`greet` is new",
            "`a` must pass: no",
            "greeting: b",
        ]
        .map(|message| said(&remark("changes::cases", message)));
        assert_eq!(
            said,
            [
                "greet: it is edited",
                "greet v1.0.0 is active",
                "`greet` is new",
                "greet: `a` must pass: no",
                "greet: greeting: b"
            ]
        );
    }

    #[test]
    fn many_of_one_kind_hide_neither_another_nor_the_numbers() {
        let plan = plan_of(
            "validators: [{max_words: 9}]\ncases: [{name: one, inputs: {company: A, query: q}}]\n",
            None,
            &["1.1.0"],
        );
        let help = Some("whoever reviews the change should read it ".repeat(6));
        let mut remarks: Vec<Remark> = (0..300)
            .map(|index| Remark {
                help: help.clone(),
                ..remark("changes::rules_not_counted", &format!("p{index}: other rules"))
            })
            .collect();
        remarks.push(remark("changes::program", "p7: this change edits a program that judges it"));
        remarks.push(remark("changes::price", "model default counts at its price at main"));
        let plan = plan.unwrap().with_remarks(remarks);
        let record = Record::new(&plan);
        let (summaries, gates) = gate::judge(&plan, &record);
        let evaluation = Evaluation {
            plan: &plan,
            record: &record,
            summaries: &summaries,
            gates: &gates,
            outputs: &Outputs::in_memory(),
            attempts: None,
            files: &FileNames::default(),
        };
        let comment = markdown(&evaluation);
        let warnings = comment.split_once("**Warnings**\n\n").unwrap().1;
        assert!(warnings.starts_with("- `greet: p7: this change edits a program"), "{comment}");
        assert!(warnings.contains(" more warnings, in the other reports\n\n"), "{comment}");
        assert!(comment.contains("BROKEN") && comment.len() < 25_000, "{comment}");
        let annotations: Vec<String> = github(&evaluation)
            .lines()
            .filter(|line| line.starts_with("::warning"))
            .map(str::to_owned)
            .collect();
        assert_eq!(annotations.len(), 10);
        for told in ["edits a program", "counts at its price"] {
            assert!(annotations.iter().any(|line| line.contains(told)), "{annotations:#?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_kind_is_among_the_first(kinds in proptest::collection::vec(0..4_usize, 0..60)) {
            const CODES: [&str; 4] = ["changes::model", "changes::cases", "changes::price_moved", "changes::program"];
            let all: Vec<Remark> = kinds
                .iter()
                .enumerate()
                .map(|(index, kind)| remark(CODES[*kind], &index.to_string()))
                .collect();
            let told = mixed(by_weight(all.clone()));
            let sorted = |remarks: &[Remark]| {
                let mut messages: Vec<String> = remarks.iter().map(|remark| remark.message.clone()).collect();
                messages.sort();
                messages
            };
            prop_assert_eq!(sorted(&told), sorted(&all));
            let room = &told[..told.len().min(OF_A_KIND * CODES.len())];
            for code in CODES {
                let of_code = |remarks: &[Remark]| remarks.iter().filter(|remark| remark.code == code).count();
                prop_assert!(of_code(room) >= of_code(&all).min(OF_A_KIND));
            }
            let ordered = by_weight(all);
            prop_assert!(ordered.is_sorted_by_key(|remark| weight(&remark.code)));
        }
    }
}
