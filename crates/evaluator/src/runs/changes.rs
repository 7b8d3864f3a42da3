//! What differs between two plans, by name.

use std::collections::HashMap;
use std::hash::Hash;

use super::file::{PlannedPrompt, PlannedVariant, RunFile};

/// What differs between what was planned and what would be planned today, a line each, without a full stop. Empty where the plan is
/// the same.
pub fn changes(then: &RunFile, now: &RunFile) -> Vec<String> {
    let mut lines = Vec::new();
    compare(
        &then.prompts,
        &now.prompts,
        |prompt| prompt.name.as_str(),
        |name, sides| match sides {
            Sides::Both(then, now) => prompt_changes(then, now, &mut lines),
            Sides::Gone => lines.push(format!("{name}: the prompt is not in the plan any more")),
            Sides::New => lines.push(format!("{name}: the prompt was not in the plan")),
        },
    );
    if lines.is_empty() && then.trials_sha256 != now.trials_sha256 {
        lines.push(format!("the questions or their order: {} then, {} now", then.trials, now.trials));
    }
    lines
}

/// What differs in what answers depend on, cases left out: where this is empty, the answers to a case that asks the same as then
/// can be used.
pub fn changes_beside_cases(then: &PlannedPrompt, now: &PlannedPrompt) -> Vec<String> {
    let mut lines = Vec::new();
    variant_changes(then, now, &mut lines);
    lines
}

fn prompt_changes(then: &PlannedPrompt, now: &PlannedPrompt, lines: &mut Vec<String>) {
    let before = lines.len();
    variant_changes(then, now, lines);
    case_changes(then, now, lines);
    let name = &then.name;
    if then.repeat != now.repeat {
        lines.push(format!("{name}: the repeats, {} then, {} now", then.repeat, now.repeat));
    }
    if then.suite != now.suite && lines.len() == before {
        lines.push(format!("{name}: the suite: a case is new, skipped, must pass or is grouped otherwise, or its judge or parameters differ"));
    }
}

fn variant_changes(then: &PlannedPrompt, now: &PlannedPrompt, lines: &mut Vec<String>) {
    let name = &then.name;
    compare(&then.variants, &now.variants, label, |variant, sides| match sides {
        Sides::Both(then, now) => {
            if then.sha256 != now.sha256 {
                lines.push(format!("{name}: the text of {}", then.version));
            }
            if then.settings != now.settings {
                lines.push(format!("{name}: the settings of {variant}: {}", keys(then, now)));
            }
            if then.role != now.role {
                lines.push(format!("{name}: what {variant} is evaluated for"));
            }
        }
        Sides::Gone => lines.push(format!("{name}: {variant} is not in the plan any more")),
        Sides::New => lines.push(format!("{name}: {variant} was not in the plan")),
    });
    // A version's text counts once, on however many models it is asked.
    lines.dedup();
    if then.interface != now.interface {
        lines.push(format!("{name}: the template format or the variables"));
    }
}

/// So many cases are named of which the same is to be said.
const NAMED: usize = 3;

/// What differs in the cases: where it is the same for many of them, it is said once.
fn case_changes(then: &PlannedPrompt, now: &PlannedPrompt, lines: &mut Vec<String>) {
    let (mut asked, mut judged, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    compare(
        &then.cases,
        &now.cases,
        |case| case.name.as_str(),
        |case, sides| match sides {
            Sides::Both(then, now) if then.sha256 == now.sha256 => {}
            Sides::Both(then, now) if then.question != now.question => asked.push(case),
            Sides::Both(then, now) if then.digest != now.digest => judged.push(case),
            Sides::Both(..) => counted.push(case),
            Sides::Gone => gone.push(case),
            Sides::New => new.push(case),
        },
    );
    let mut tell = |cases: &[&str], line: &dyn Fn(&str, bool) -> String| {
        if !cases.is_empty() {
            lines.push(format!("{}: {}", then.name, line(&named(cases), cases.len() == 1)));
        }
    };
    tell(&asked, &|cases, _| format!("what {cases} asks"));
    tell(&judged, &|cases, _| format!("what judges {cases}"));
    tell(&counted, &|cases, _| format!("the cluster of {cases}, or whether it must pass"));
    let one = |is_one, one: &'static str, many| if is_one { one } else { many };
    tell(&gone, &|cases, is_one| format!("{cases} {} not in the plan any more", one(is_one, "is", "are")));
    tell(&new, &|cases, is_one| format!("{cases} {} not in the plan", one(is_one, "was", "were")));
}

/// Cases for people: the first few by name.
fn named(cases: &[&str]) -> String {
    let shown: Vec<String> = cases.iter().take(NAMED).map(|case| format!("`{case}`")).collect();
    let shown = shown.join(", ");
    match cases.len() {
        1 => format!("the case {shown}"),
        many if many <= NAMED => format!("the cases {shown}"),
        many => format!("{many} cases, {shown} …"),
    }
}

fn label(variant: &PlannedVariant) -> String {
    format!("{} on {}", variant.version, variant.model)
}

/// The settings that differ, by their keys.
fn keys(then: &PlannedVariant, now: &PlannedVariant) -> String {
    let empty = serde_json::Map::new();
    let (then, now) =
        (then.settings.as_object().unwrap_or(&empty), now.settings.as_object().unwrap_or(&empty));
    let mut keys: Vec<&str> = then
        .keys()
        .chain(now.keys())
        .filter(|key| then.get(*key) != now.get(*key))
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.join(", ")
}

enum Sides<'a, T> {
    Both(&'a T, &'a T),
    Gone,
    New,
}

/// Calls `tell` for everything of `then` in its order, and for what is only in `now` after it.
fn compare<'a, T, K: Eq + Hash + Clone>(
    then: &'a [T],
    now: &'a [T],
    key: impl Fn(&'a T) -> K,
    mut tell: impl FnMut(K, Sides<'a, T>),
) {
    let mut rest: HashMap<K, &T> = now.iter().map(|item| (key(item), item)).collect();
    for item in then {
        let name = key(item);
        match rest.remove(&name) {
            Some(other) => tell(name, Sides::Both(item, other)),
            None => tell(name, Sides::Gone),
        }
    }
    for item in now {
        let name = key(item);
        if rest.contains_key(&name) {
            tell(name, Sides::New);
        }
    }
}
