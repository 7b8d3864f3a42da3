//! What somebody selects by and what asks nothing.

use std::collections::BTreeSet;

use promptassay_registry::problem::{Problem, closest, did_you_mean};

use super::Selection;
use crate::suite::{Case, Suite};

impl Selection {
    /// A warning for each `--case` and `--tag` that finds nothing, or nothing but skipped cases, where others are asked: whoever names a
    /// case wants it asked. Where all find nothing, that is an error already.
    pub fn idle<P>(&self, suites: &[(P, Suite)]) -> Vec<Problem> {
        let cases = || suites.iter().flat_map(|(_, suite)| &suite.cases);
        let names = self.names(suites);
        let by_name = names.iter().map(|named| {
            let found: Vec<&Case> = cases().filter(|case| named.takes(&case.name)).collect();
            let help = || {
                let known: Vec<&str> = cases().map(|case| case.name.as_str()).collect();
                let meant =
                    closest(named.pattern.as_str(), known).map(|name| format!("did you mean `{name}`?"));
                meant.unwrap_or_else(|| "correct it, or leave it out".to_owned())
            };
            idle(&found, &format!("--case {}", named.pattern), help)
        });
        let by_tag = self.tags.iter().map(|tag| {
            let found: Vec<&Case> = cases().filter(|case| case.tags.contains(tag)).collect();
            let help = || {
                let known: BTreeSet<&str> =
                    cases().flat_map(|case| case.tags.iter().map(String::as_str)).collect();
                did_you_mean(tag, known, "tags of cases")
            };
            idle(&found, &format!("--tag {tag}"), help)
        });
        [by_name.collect::<Vec<_>>(), by_tag.collect()].into_iter().flat_map(in_part).collect()
    }
}

/// The warnings of one kind of filter, where not all of its values are idle.
fn in_part(kind: Vec<Option<Problem>>) -> Vec<Problem> {
    let all = kind.iter().all(Option::is_some);
    if all { Vec::new() } else { kind.into_iter().flatten().collect() }
}

/// What to say of a value by which `found` were found.
fn idle(found: &[&Case], option: &str, help: impl FnOnce() -> String) -> Option<Problem> {
    let skipped: Vec<(&str, &str)> =
        found.iter().filter_map(|case| Some((case.name.as_str(), case.skip.as_deref()?))).collect();
    if skipped.len() < found.len() {
        return None;
    }
    let Some(((name, reason), more)) = skipped.split_first() else {
        let message = format!("`{option}` finds no case; the others are asked");
        return Some(Problem::warning("selection::finds_none", message).help(help()));
    };
    let more = match more.len() {
        0 => String::new(),
        1 => ", and so is 1 more".to_owned(),
        more => format!(", and so are {more} more"),
    };
    let message =
        format!("`{option}` asks nothing: `{name}` is skipped ({}){more}", reason.trim().escape_debug());
    let help = "take `skip` out of the case to have it asked";
    Some(Problem::warning("selection::only_skipped", message).help(help))
}
