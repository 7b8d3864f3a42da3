//! What a change does to the cases that it is judged by. Suites may change; whoever reviews the change has to know.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::iter;
use std::path::{Path, PathBuf};

use promptassay_registry::problem::{Place, Problem, shell_word};

use super::checks::Known;
use super::difference::Differences;
use crate::gate::{few, plural};
use crate::suite::{Case, Suite};

/// What a change does to the cases of a suite, by their names; those that another side changed are not among them.
#[derive(Debug, Default)]
pub(super) struct CaseChanges {
    /// How many cases there were to ask.
    before: usize,
    /// Cases that are gone.
    removed: Vec<String>,
    /// Cases that are there, and not asked any more.
    skipped: Vec<String>,
    /// Cases that ask or judge otherwise, are asked on other model rows or belong to another cluster.
    edited: Vec<String>,
    /// What of edited cases is another, as far as it is not told elsewhere.
    differences: Differences,
    /// Where the first check that is another is written; `None` where all checks are what they were.
    checked_at: Option<Place>,
    /// The files that such checks are written in.
    checked_in: BTreeSet<PathBuf>,
    /// Cases that are new, or asked again.
    added: Vec<String>,
    /// What else changed for all cases, a few words each.
    settings: Vec<String>,
}

/// The files that cases and checks of a suite of a commit stand in: `prompts/registry.yaml` of `main:prompts/registry.yaml`.
fn files(suite: Option<&Suite>) -> HashSet<&Path> {
    let cases = || suite.into_iter().flat_map(|suite| &suite.cases);
    let checks = cases().flat_map(|case| &case.validators).filter_map(|validator| validator.place());
    let all = cases().map(|case| &case.place).chain(checks).map(|place| place.file.as_path());
    all.map(|file| {
        file.to_str().and_then(|file| file.split_once(':')).map_or(file, |(_, file)| Path::new(file))
    })
    .collect()
}

/// The cases of a suite by their names.
pub(super) fn by_name(suite: Option<&Suite>) -> HashMap<&str, (&Case, &Suite)> {
    let cases = suite.into_iter().flat_map(|suite| suite.cases.iter().map(move |case| (case, suite)));
    cases.map(|(case, suite)| (case.name.as_str(), (case, suite))).collect()
}

impl CaseChanges {
    /// What a change does to a suite, that of the commit which it is compared with. `fork` is the suite where the change began: what is
    /// otherwise here only because the other side moved on is not its doing. Names are in order. What of cases is another
    /// is not told again of those that are `told` of already.
    pub(super) fn of([fork, then]: [Option<&Suite>; 2], today: &Suite, told: &HashSet<&str>) -> Self {
        let (began, before, here) = (by_name(fork), by_name(then), by_name(Some(today)));
        let mut changes = Self {
            before: before.values().filter(|(case, _)| case.skip.is_none()).count(),
            ..Self::default()
        };
        let known = Known::default();
        let there = files(then);
        let mut names: Vec<&str> = here.keys().copied().collect();
        names.sort_unstable();
        for name in names {
            let now = here[name];
            let is_skipped = now.0.skip.is_some();
            let (then, began) = match (before.get(name), began.get(name)) {
                (Some(then), Some(began)) => (*then, *began),
                // The other side removed it, or added one of this name.
                (None, Some(_)) | (Some(_), None) => continue,
                (None, None) => {
                    if !is_skipped {
                        changes.added.push(name.to_owned());
                    }
                    continue;
                }
            };
            if then.0.skip.is_some() != is_skipped && began.0.skip.is_some() != is_skipped {
                let list = if is_skipped { &mut changes.skipped } else { &mut changes.added };
                list.push(name.to_owned());
            } else if !is_skipped {
                let (own, _) = Differences::of_change(then, Some(began), now, &known);
                if !own.is_empty() {
                    changes.edited.push(name.to_owned());
                    if let Some((first, files)) = own.places(now.0) {
                        changes.checked_at.get_or_insert_with(|| first.clone());
                        // What is new cannot be checked out, and nothing would be then.
                        let files = files.into_iter().filter(|file| there.contains(*file));
                        let new = files.filter(|file| !changes.checked_in.contains(*file));
                        let new: Vec<PathBuf> = new.map(Path::to_path_buf).collect();
                        changes.checked_in.extend(new);
                    }
                    let untold = if told.contains(name) { own.of_the_placement() } else { own };
                    changes.differences.merge(&untold);
                }
            }
        }
        let gone = |(name, (case, _)): &(&&str, &(&Case, &Suite))| {
            case.skip.is_none() && began.contains_key(**name) && !here.contains_key(**name)
        };
        changes.removed = before.iter().filter(gone).map(|(name, _)| (*name).to_owned()).collect();
        changes.removed.sort_unstable();
        changes.settings = settings([fork, then], today);
        changes
    }

    /// Whether the change leaves all of it as it was.
    pub(super) fn is_empty(&self) -> bool {
        let lists = [&self.removed, &self.skipped, &self.edited, &self.added, &self.settings];
        lists.into_iter().all(Vec::is_empty)
    }

    /// A warning that names what the change does to the suite in `file`, of `prompt`; `reference` is the commit as it was named. `None` where
    /// it does nothing.
    pub(super) fn warning(&self, prompt: &str, reference: &str, file: Place) -> Option<Problem> {
        if self.is_empty() {
            return None;
        }
        let counted = |(what, names): (&str, &Vec<String>)| {
            let how = if what == "edited" { self.differences.words() } else { String::new() };
            let how = if how.is_empty() { how } else { format!("; {how}") };
            (!names.is_empty()).then(|| format!("{what} {}: {}{how}", names.len(), few(names)))
        };
        let lists = [
            ("removed", &self.removed),
            ("skipped", &self.skipped),
            ("edited", &self.edited),
            ("added", &self.added),
        ];
        let mut parts: Vec<String> = lists.into_iter().filter_map(counted).collect();
        parts.extend(self.settings.iter().cloned());
        let message = format!(
            "{prompt}: this change edits the suite that it is judged by, {} at {reference}: {}",
            plural(self.before, "case"),
            parts.join("; ")
        );
        let takes_away = !(self.removed.is_empty() && self.skipped.is_empty() && self.edited.is_empty());
        let mut help = "the verdict is by the suite as it is here".to_owned();
        if takes_away {
            help.push_str(
                ": whoever reviews the change should read what it no longer asks; `must_pass` keeps a case",
            );
        }
        if self.checked_at.is_some() && !moves(reference) {
            let (commit, written_in) = (shell_word(reference), self.written_in(&file));
            help = format!(
                "{help}; behind a commit of all that is here, `git checkout {commit} -- {written_in}` and `promptassay rescore` judge these replies by the checks of {reference}, and ask nobody"
            );
        }
        let place = self.checked_at.clone().unwrap_or(file);
        Some(Problem::warning("changes::cases", message).at(place).help(help))
    }

    /// What holds the checks, for a shell: the directory of the suite, and each file elsewhere in which one stands that is another.
    fn written_in(&self, suite: &Place) -> String {
        let directory = suite.file.parent().unwrap_or(&suite.file);
        let elsewhere = self.checked_in.iter().filter(|file| !file.starts_with(directory));
        let all = iter::once(directory).chain(elsewhere.map(PathBuf::as_path));
        all.map(|file| shell_word(&file.to_string_lossy()).into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// Whether a name means another commit once this change is committed, such as `HEAD~1`.
fn moves(reference: &str) -> bool {
    reference == "HEAD" || reference.contains(['@', '~', '^'])
}

/// What is other for all cases.
fn settings(before: [Option<&Suite>; 2], today: &Suite) -> Vec<String> {
    let is_other = |is_same: &dyn Fn(&Suite) -> bool| before.iter().flatten().all(|suite| !is_same(suite));
    let mut settings = Vec::new();
    let [_, Some(then)] = before else { return settings };
    if is_other(&|suite| suite.repeat == today.repeat) {
        settings.push(format!("`repeat` is {} there and {} here", then.repeat, today.repeat));
    }
    if is_other(&|suite| suite.params == today.params) {
        settings.push("`params` are others".to_owned());
    }
    settings
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::suite::tests::resolve_text;

    /// A suite of cases, each a name and what else stands in it.
    fn suite(head: &str, cases: &[(&str, &str)]) -> Suite {
        let mut text = format!("{head}cases:\n");
        for (name, more) in cases {
            let validators = if more.contains("validators") { "" } else { ", validators: [{max_words: 9}]" };
            writeln!(text, "  - {{name: {name}, inputs: {{company: A, query: q}}{validators}{more}}}")
                .unwrap();
        }
        let (suite, problems) = resolve_text(&text, &[]);
        suite.unwrap_or_else(|| panic!("{problems:#?}"))
    }

    fn changed(fork: &Suite, reference: &Suite, today: &Suite) -> String {
        let changes = CaseChanges::of([Some(fork), Some(reference)], today, &HashSet::new());
        let place = Place::whole_file("suite.yaml");
        changes.warning("p", "main", place).map(|problem| problem.message).unwrap_or_default()
    }

    const MODELS: &str = "models: [default]\n";

    #[test]
    fn whatever_a_change_does_to_its_cases_is_named() {
        let before = suite(MODELS, &[("a", ""), ("b", ""), ("c", ""), ("d", ", skip: later"), ("e", "")]);
        assert_eq!(changed(&before, &before, &before), "");
        let after = suite(
            MODELS,
            &[
                ("b", ", skip: flaky"),
                ("c", ", validators: [{max_words: 900}]"),
                ("d", ""),
                ("e", ", tags: [t]"),
                ("f", ""),
            ],
        );
        assert_eq!(
            changed(&before, &before, &after),
            "p: this change edits the suite that it is judged by, 4 cases at main: \
             removed 1: a; skipped 1: b; edited 1: c; \
             checks that are others: `max_words` (value 9 there and 900 here); added 2: d, f"
        );
        let other = suite(
            MODELS,
            &[
                ("a", ", models: [claude]"),
                ("b", ", cluster: x"),
                ("c", ""),
                ("d", ", skip: never"),
                ("e", ""),
            ],
        );
        assert!(changed(&before, &before, &other).ends_with(
            "at main: edited 2: a, b; other models (`default` there and `claude` here); another cluster"
        ));
        let head = "models: [default]\nrepeat: 2\nparams: {temperature: 0.1}\n";
        let less = suite(head, &[("a", ""), ("b", ""), ("c", ""), ("d", ", skip: later"), ("e", "")]);
        assert!(
            changed(&before, &before, &less)
                .ends_with("4 cases at main: `repeat` is 1 there and 2 here; `params` are others")
        );
    }

    #[test]
    fn checks_that_are_others_are_named_with_how_and_where() {
        let checked = |properties: &str, shared: &str, own: &str| {
            let expected = ", expected: {days: true, calm: true}";
            let head = format!("{MODELS}properties:\n{properties}validators:\n{shared}");
            let others = format!("{expected}, validators: [{{contains: ho}}]");
            suite(&head, &[("a", &format!("{expected}{own}")), ("b", &others)])
        };
        let strict = "  days: {regex: '5 days'}\n  calm: {not_contains_any: {values: [lol, omg]}}\n";
        let weak = "  days: {regex: 'days|soon'}\n  calm: {not_contains_any: {values: [omg]}}\n";
        let before = checked(strict, "  - {max_words: 9, weight: 2}\n", ", validators: [{contains: hi}]");
        let after = checked(weak, "  - {max_words: 9, weight: 1}\n", ", validators: [{json: true}]");
        let changes = CaseChanges::of([Some(&before); 2], &after, &HashSet::new());
        let problem = changes.warning("p", "main", Place::whole_file("suite.yaml")).unwrap();
        for part in [
            "edited 2: a, b; checks that are others: `calm` (values), `contains` (is gone), ",
            "`days` (value `5 days` there and `days|soon` here), `json` (is new), `max_words` (weight 2",
        ] {
            assert!(problem.message.contains(part), "{}", problem.message);
        }
        // The first that a case of the change has: nobody edited the cases themselves.
        let place = problem.place.unwrap();
        assert_eq!((place.line, place.line_text.as_str()), (6, "  - {max_words: 9, weight: 1}"));
        let weaker = checked(weak, "  - {max_words: 9, weight: 2}\n", ", validators: [{contains: hi}]");
        let changes = CaseChanges::of([Some(&before); 2], &weaker, &HashSet::new());
        let place = changes.warning("p", "main", Place::whole_file("suite.yaml")).unwrap().place.unwrap();
        assert_eq!(place.line, 3, "{place:?}");
    }

    #[test]
    fn a_commit_that_is_another_once_this_is_committed_is_not_checked_out() {
        let case = |checks: &str| suite(MODELS, &[("a", &format!(", validators: [{checks}]"))]);
        let (before, after) = (case("{contains: hi}"), case("{contains: h}"));
        let help = |reference: &str| {
            let changes = CaseChanges::of([Some(&before); 2], &after, &HashSet::new());
            changes.warning("p", reference, Place::whole_file("tests/suite.yaml")).unwrap().help.unwrap()
        };
        assert!(help("main").contains("`git checkout main -- tests"), "{}", help("main"));
        for reference in ["HEAD", "HEAD~1", "main^", "@{u}"] {
            assert!(!help(reference).contains("git checkout"), "{}", help(reference));
        }
    }

    #[test]
    fn a_command_is_written_as_a_shell_reads_it() {
        let case = |checks: &str| suite(MODELS, &[("a", &format!(", validators: [{checks}]"))]);
        let (before, after) = (case("{contains: hi}"), case("{contains: h}"));
        let changes = CaseChanges::of([Some(&before); 2], &after, &HashSet::new());
        let place = Place::whole_file("it's of today/tests/suite.yaml");
        let help = changes.warning("p", "a;b", place).unwrap().help.unwrap();
        assert!(help.contains(r"`git checkout 'a;b' -- 'it'\''s of today/tests'"), "{help}");
    }

    #[test]
    fn what_the_other_side_did_to_a_check_of_the_same_name_is_not_the_changes_doing() {
        let case = |checks: &str| suite(MODELS, &[("a", &format!(", validators: [{checks}]"))]);
        let fork = case("{contains: ok}, {contains: two}, {contains: three}");
        let moved_on = case("{contains: okay}, {contains: two}, {contains: drei}");
        let how = |here: &str| {
            let said = changed(&fork, &moved_on, &case(here));
            said.split_once("edited 1: a; ").map(|(_, how)| how.to_owned()).unwrap_or_default()
        };
        assert_eq!(
            how("{contains: ok}, {contains: t}, {contains: three}"),
            "checks that are others: `contains` (value `two` there and `t` here)"
        );
        assert_eq!(how("{contains: ok}, {contains: two}, {contains: three}"), "");
        assert_eq!(how("{contains: ok}, {contains: two}, {contains: drei}"), "", "both did the same");
        // Where both sides edited one, it is the change's too.
        assert_eq!(
            how("{contains: o}, {contains: two}, {contains: three}"),
            "checks that are others: `contains` (value `okay` there and `o` here)"
        );
        // Where the other side took away what the change weakens.
        let of =
            |here: &str| changed(&case("{max_words: 9}, {contains: a}"), &case("{contains: a}"), &case(here));
        assert!(
            of("{max_words: 99}, {contains: a}").ends_with("`max_words` (value 9 there and 99 here)"),
            "{}",
            of("{max_words: 99}, {contains: a}")
        );
        assert_eq!(of("{max_words: 9}, {contains: a}"), "");
    }

    #[test]
    fn two_checks_of_one_name_and_nested_values_are_told() {
        let told = |before: &str, after: &str| {
            let case = |checks: &str| suite(MODELS, &[("a", &format!(", validators: [{checks}]"))]);
            let (before, after) = (case(before), case(after));
            changed(&before, &before, &after)
                .split_once("edited 1: a")
                .map(|(_, how)| how.to_owned())
                .unwrap()
        };
        let schema = |kind: &str| {
            format!(
                "json_schema: {{type: object, properties: {{a: {{type: {kind}}}, weight: {{type: string}}}}}}"
            )
        };
        let said = [
            told("{contains: hi}, {contains: there}", "{contains: h}"),
            told("{contains: hi}, {contains: there}", "{contains: there}"),
            told("{contains: hi}", "{contains: hi}, {contains: hi}"),
            told("{contains: hi}, {max_words: 9}", "{max_words: 9}, {contains: hi}"),
            told(&schema("string"), &schema("number")),
            told("{contains: hi, name: says_hi}", "{contains_any: [hi, ho], name: says_hi, weight: 2}"),
            told("{any_of: [{contains: hi}, {contains: ho}]}", "{any_of: [{contains: hi}]}"),
        ];
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn what_only_the_other_side_changed_of_a_case_is_not_told_with_it() {
        let case = |checks: &str| suite(MODELS, &[("a", &format!(", validators: [{checks}]"))]);
        let fork = case("{contains: hi}, {max_words: 9}");
        let moved_on = case("{contains: hi}, {max_words: 5}");
        let said = changed(&fork, &moved_on, &case("{contains: h}, {max_words: 9}"));
        assert!(
            said.ends_with("edited 1: a; checks that are others: `contains` (value `hi` there and `h` here)"),
            "{said}"
        );
    }

    #[test]
    fn what_differs_from_case_to_case_is_named_without_how() {
        let suite = |word: &str| {
            let cases: Vec<(String, String)> = (0..6)
                .map(|case| (format!("c{case}"), format!(", validators: [{{contains: {word}{case}}}]")))
                .collect();
            let cases: Vec<(&str, &str)> =
                cases.iter().map(|(name, more)| (name.as_str(), more.as_str())).collect();
            suite(MODELS, &cases)
        };
        let (before, after) = (suite("a"), suite("b"));
        let said = changed(&before, &before, &after);
        assert!(said.ends_with("and 1 more; checks that are others: `contains`"), "{said}");
    }

    #[test]
    fn what_the_other_side_did_is_not_the_changes_doing() {
        let fork = suite(MODELS, &[("a", ""), ("b", ""), ("c", "")]);
        let moved_on =
            suite(MODELS, &[("a", ", validators: [{max_words: 5}]"), ("c", ", skip: later"), ("d", "")]);
        assert_eq!(changed(&fork, &moved_on, &fork), "");
        assert_eq!(changed(&fork, &moved_on, &moved_on), "", "it has taken over what the other side did");
    }

    #[test]
    fn names_are_bounded() {
        let names: Vec<String> = (0..30).map(|number| format!("case_{number:02}")).collect();
        let cases: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let (before, after) = (suite(MODELS, &cases), suite(MODELS, &cases[..1]));
        let message = changed(&before, &before, &after);
        assert!(
            message.ends_with("removed 29: case_01, case_02, case_03, case_04, case_05 and 24 more"),
            "{message}"
        );
    }
}
