//! What a filter selects. One that was meant for these tests and selects none must not look like success; one that was meant for
//! other tests of the package, which `cargo test FILTER` hands to every test binary, must not fail.

use libtest_mimic::{Arguments, Trial};
use promptassay_registry::problem::closest;
use promptassay_registry::version::Version;

use crate::prepare::Prepared;

/// What may be meant by a filter.
#[derive(Debug)]
pub(crate) struct Names {
    prompts: Vec<String>,
}

/// What the arguments select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Something, or everything was left out on purpose.
    Some,
    /// Nothing, and the filter is none for these tests.
    Elsewhere(String),
    /// Nothing, though the filter was meant for these tests.
    Nothing(String),
}

impl Names {
    pub(crate) fn of(prepared: &Prepared) -> Self {
        Self { prompts: prepared.names.clone() }
    }
}

/// What the arguments select of these tests.
pub(crate) fn check(arguments: &Arguments, tests: &[Trial], names: &Names) -> Selection {
    // Left out on purpose: `--skip`, and `--ignored` where nothing is ignored.
    let without = Arguments { ignored: false, skip: Vec::new(), ..arguments.clone() };
    let Some(filter) = &arguments.filter else { return Selection::Some };
    if tests.iter().any(|test| !without.is_filtered_out(test)) {
        return Selection::Some;
    }
    let tests: Vec<&str> = tests.iter().map(Trial::name).collect();
    match meant(filter, &tests, names) {
        Some(help) => Selection::Nothing(format!(
            "error: no prompt test is selected by `{filter}`\n  = help: {help}\n  \
             = help: where another test is meant, say which target: `cargo test --lib {filter}`"
        )),
        None => Selection::Elsewhere(format!("note: no prompt test is selected by `{filter}`")),
    }
}

/// What may have been meant, if the filter comes close to a name of these tests.
fn meant(filter: &str, tests: &[&str], names: &Names) -> Option<String> {
    let prompts = || names.prompts.iter().map(String::as_str);
    let cases: Vec<&str> = tests.iter().filter_map(|test| test.rsplit("::").next()).collect();
    let Some((head, rest)) = filter.split_once("::") else {
        if let Some(test) = tests.iter().find(|test| test.replace("::", "_") == filter) {
            return Some(format!("did you mean `{test}`?"));
        }
        return if prompts().any(|prompt| prompt == filter) {
            Some(format!(
                "`{filter}` has no test: it has no suite, or a file that all prompts share has errors"
            ))
        } else {
            let near = closest(filter, prompts()).or_else(|| closest(filter, cases));
            near.map(|name| format!("did you mean `{name}`?"))
        };
    };
    // A module of the package may be called like a prompt; the names of its tests have more levels. No module is called like a version.
    let levels = tests.iter().map(|test| test.matches("::").count()).max().unwrap_or(1);
    let names_a_version =
        rest.split("::").next().is_some_and(|part| part.starts_with('v') && part.parse::<Version>().is_ok());
    if filter.matches("::").count() > levels && !names_a_version {
        return None;
    }
    if !prompts().any(|prompt| prompt == head) {
        let own_case = tests.iter().find(|test| test.split_once("::").is_some_and(|(_, own)| own == rest));
        return match (closest(head, prompts()), own_case) {
            (Some(prompt), _) => Some(format!("did you mean `{prompt}::{rest}`?")),
            (None, Some(test)) => Some(format!("did you mean `{test}`?")),
            (None, None) => None,
        };
    }
    let own: Vec<&str> =
        tests.iter().filter_map(|test| test.strip_prefix(head)?.strip_prefix("::")).collect();
    Some(match (closest(rest, own.iter().copied()), own.as_slice()) {
        (Some(near), _) => format!("did you mean `{head}::{near}`?"),
        (None, []) => {
            format!("`{head}` has no test: it has no suite, or a file that all prompts share has errors")
        }
        (None, [..]) => format!("`{head}` has {} tests; `--list` shows them", own.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(arguments: &[&str]) -> String {
        let tests: Vec<Trial> =
            ["support::opening_hours", "support::refund", "review::registry.yaml", "review::sql"]
                .map(|name| Trial::test(name, || Ok(())))
                .into();
        let names = Names { prompts: ["support", "review", "unfinished"].map(str::to_owned).into() };
        let arguments = Arguments::from_iter(["tests"].iter().chain(arguments));
        match check(&arguments, &tests, &names) {
            Selection::Some => "some".to_owned(),
            Selection::Elsewhere(text) | Selection::Nothing(text) => text,
        }
    }

    #[test]
    fn what_selects_something_or_leaves_out_on_purpose_is_fine() {
        for arguments in [
            &[][..],
            &["hours"],
            &["support::"],
            &["--exact", "support::refund"],
            &["--ignored"],
            &["refund", "--ignored"],
            &["refund", "--skip", "support"],
        ] {
            assert_eq!(select(arguments), "some", "{arguments:?}");
        }
    }

    #[test]
    fn a_filter_that_was_meant_for_a_prompt_and_selects_nothing_is_an_error() {
        insta::assert_snapshot!(
            [
                &["support::opening_hour_s"][..],
                &["suport::refund"],
                &["support::zebra"],
                &["unfinished"],
                &["refunt"],
                &["--exact", "support::ref"],
                &["support::v1.0.0::refund"],
                &["support::v1.0.0::"],
                &["help::refund"],
                &["support_refund"],
            ]
            .map(select)
            .join("\n\n")
        );
    }

    #[test]
    fn a_filter_for_other_tests_of_the_package_is_not() {
        insta::assert_snapshot!(select(&["parses_an_address"]), @"note: no prompt test is selected by `parses_an_address`");
        insta::assert_snapshot!(select(&["support::tests::refunds"]), @"note: no prompt test is selected by `support::tests::refunds`");
        insta::assert_snapshot!(select(&["http::client"]), @"note: no prompt test is selected by `http::client`");
    }
}
