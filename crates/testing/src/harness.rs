//! The test harness: the arguments of `cargo test`, a test for every case, and the process's exit code.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::answers::Answers;
use crate::draw::draw_all;
use crate::evaluation::{Judgement, PromptRun};
use crate::prepare::{self, Prepared};
use crate::prompts::Prompts;
use crate::selection::{self, Selection};

/// Tests that wait for a scripted model at once, where nobody says otherwise: they wait more than they work.
const MOCK_CONCURRENCY: usize = 32;

/// What libtest exits with where a test failed.
const FAILED: u8 = 101;

/// Runs every case of every suite as a test of its own.
#[derive(Debug, Clone)]
pub struct Harness {
    prompts: Prompts,
    concurrency: Option<usize>,
}

impl Harness {
    /// Tests these prompts: a directory as seen from the package, or [`Prompts`] where there is more to say.
    pub fn new(prompts: impl Into<Prompts>) -> Self {
        Self { prompts: prompts.into(), concurrency: None }
    }

    /// Runs so many tests at a time, at least 1. `--test-threads` and `RUST_TEST_THREADS` go before it.
    pub fn concurrency(self, tests: usize) -> Self {
        Self { concurrency: Some(tests.max(1)), ..self }
    }

    /// Runs the tests that the arguments of this process select. Return it from `main`.
    ///
    /// It is 0 where every selected test passed, and 101 where one failed, where there is nothing to test, or where a filter that
    /// names a prompt or comes close to one selects nothing.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        arguments.test_threads =
            arguments.test_threads.or_else(threads_of_environment).or_else(|| self.threads());
        let prepared = prepare::prepare(&self.prompts);
        let names = selection::Names::of(&prepared);
        let tests = match tests(prepared, &arguments) {
            Ok(tests) => tests,
            Err(error) => return refuse(&format!("error: cannot start worker threads: {error}")),
        };
        match selection::check(&arguments, &tests, &names) {
            Selection::Some => {}
            Selection::Elsewhere(note) => tell(&note),
            Selection::Nothing(message) => return refuse(&message),
        }
        libtest_mimic::run(&arguments, tests).exit_code()
    }

    fn threads(&self) -> Option<usize> {
        let waits = !matches!(self.prompts.answers, Answers::Recorded { .. });
        self.concurrency.or(waits.then_some(MOCK_CONCURRENCY))
    }
}

/// A test for every question, every skipped case and every invalid file.
fn tests(prepared: Prepared, arguments: &Arguments) -> std::io::Result<Vec<Trial>> {
    let runtime =
        Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?);
    let mut tests = Vec::new();
    for file in prepared.invalid {
        let message = draw_all(&file.problems);
        tests.push(Trial::test(file.test, move || Err(Failed::from(message))));
    }
    for run in prepared.runs {
        let run = Arc::new(run);
        for question in 0..run.questions() {
            let (runtime, run) = (Arc::clone(&runtime), Arc::clone(&run));
            let test = run.test_name(question);
            tests.push(Trial::ignorable_test(test, move || completion(&runtime, &run, question)));
        }
        tests.extend(run.skipped().map(|(test, reason)| skipped(test, reason, arguments)));
    }
    Ok(tests)
}

fn completion(runtime: &Runtime, run: &PromptRun, question: usize) -> Result<Completion, Failed> {
    match runtime.block_on(run.judge(question)) {
        Judgement::Passed => Ok(Completion::Completed),
        Judgement::Tolerated(why) => Ok(Completion::ignored_with(why)),
        Judgement::Failed(report) => Err(Failed::from(report.trim_matches('\n'))),
    }
}

/// A run shows the reason only if the test itself says that it is ignored; whoever lists tests, or asks for the ignored ones, has to
/// know before.
fn skipped(test: String, reason: &str, arguments: &Arguments) -> Trial {
    let reason = reason.to_owned();
    Trial::ignorable_test(test, move || Ok(Completion::ignored_with(reason)))
        .with_ignored_flag(arguments.list || arguments.ignored)
}

/// As libtest reads it.
#[expect(clippy::disallowed_methods, reason = "a leaf has the environment: libtest reads this variable too")]
fn threads_of_environment() -> Option<usize> {
    std::env::var("RUST_TEST_THREADS").ok()?.parse().ok().filter(|threads| *threads > 0)
}

fn refuse(message: &str) -> ExitCode {
    tell(message);
    ExitCode::from(FAILED)
}

#[expect(clippy::print_stderr, reason = "a leaf has the terminal, and no test stands for what is said here")]
fn tell(message: &str) {
    eprintln!("{message}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompts::Versions;

    fn names(prompts: &Prompts, arguments: &[&str]) -> Vec<String> {
        let arguments = Arguments::from_iter(["tests"].iter().chain(arguments));
        let tests = tests(prepare::prepare(prompts), &arguments).unwrap();
        let shown = |test: &Trial| {
            format!("{}{}", test.name(), if test.has_ignored_flag() { " (ignored)" } else { "" })
        };
        tests.iter().map(shown).collect()
    }

    #[test]
    fn a_version_is_part_of_a_name_where_all_are_tested() {
        let prompts = Prompts::new("../../prompts");
        let one = names(&prompts, &[]);
        assert!(one.contains(&"customer_support::opening_hours".to_owned()), "{one:?}");
        let all = names(&prompts.versions(Versions::All), &[]);
        for name in ["customer_support::v1.0.0::opening_hours", "code_review::v1.0.0::python_sql_injection"] {
            assert!(all.contains(&name.to_owned()), "{all:?}");
        }
        let asked = |names: &[String]| names.iter().filter(|name| name.starts_with("customer")).count();
        assert_eq!((asked(&one), asked(&all)), (31, 3 * 30 + 1));
    }

    #[test]
    fn a_skipped_case_is_ignored_before_it_runs_only_where_somebody_must_know() {
        let skipped = |arguments: &[&str]| {
            let names = names(&Prompts::new("../../prompts"), arguments);
            names.into_iter().find(|name| name.contains("photo_of_the_damage")).unwrap()
        };
        assert_eq!(skipped(&[]), "customer_support::photo_of_the_damage");
        assert_eq!(skipped(&["--list"]), "customer_support::photo_of_the_damage (ignored)");
        assert_eq!(skipped(&["--ignored"]), "customer_support::photo_of_the_damage (ignored)");
    }

    #[test]
    fn waiting_for_a_script_is_done_at_once_unless_somebody_says_otherwise() {
        let script = || Prompts::new("p").mock(crate::MockScript::without_default());
        assert_eq!(Harness::new("p").threads(), None);
        assert_eq!(Harness::new(script()).threads(), Some(MOCK_CONCURRENCY));
        assert_eq!(Harness::new(script()).concurrency(3).threads(), Some(3));
        assert_eq!(Harness::new("p").concurrency(0).threads(), Some(1));
    }
}
