//! Experiments that run: whether their files still say what was started, and whether their texts are frozen.

use jiff::Timestamp;
use promptassay_experiments::store::Store;
use promptassay_registry::problem::{Place, Problem, Severity};
use promptassay_registry::tree::{Loaded, Prompt};

use crate::experiments::{Found, Standing, StoreArguments, gone};
use crate::failure::Failure;

/// The store, opened for the first who asks: a tree that names none needs no database to be checked.
pub(super) struct Started<'a> {
    arguments: &'a StoreArguments,
    loaded: &'a Loaded,
    now: Timestamp,
    store: Option<Known>,
}

/// What there is to ask.
enum Known {
    /// The store knows what runs.
    Store(Box<dyn Store>),
    /// There is none, so the files say it.
    Files,
    /// There is one, and it does not answer; that was said.
    Nothing,
}

/// The experiments of a prompt of which it is not known that they are over.
#[derive(Default)]
pub(super) struct Open<'e> {
    pub(super) open: Vec<&'e Found>,
    /// Those among them that nobody has started, as far as that can be known.
    pub(super) drafts: Vec<&'e Found>,
}

impl<'a> Started<'a> {
    /// What names a store and cannot be one is an error, whether there is an experiment or not; a warning where it is not of the tree, but
    /// of the environment: what the files say is sound or not without it.
    pub(super) fn new(
        arguments: &'a StoreArguments,
        loaded: &'a Loaded,
        now: Timestamp,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let store = arguments.location(loaded).err().map(|failure| {
            if arguments.is_by_variable() {
                return unknown(failure, problems);
            }
            problems.extend(failure.problems);
            Known::Nothing
        });
        let emptied = arguments.emptied(loaded).ok().flatten();
        problems.extend(emptied.map(|emptied| Problem { severity: Severity::Error, ..emptied }));
        Self { arguments, loaded, now, store }
    }

    /// What runs by the store, of these prompts, and has no file. Warnings: the store knows no `end`, so it may be over by its file that
    /// was tidied away; and a branch may have begun before the file was committed.
    pub(super) fn gone(&mut self, chosen: impl Fn(&str) -> bool, problems: &mut Vec<Problem>) {
        let loaded = self.loaded;
        let arguments = self.arguments;
        // No file of the tree asks for the store, so nobody waits long for it.
        if let Known::Store(store) = self.known_by(|| arguments.look_briefly(loaded), problems) {
            match gone::all(loaded, store.as_mut()) {
                Ok(gone) => {
                    let found = gone.iter().filter_map(|gone| gone.problem(&chosen));
                    problems.extend(found.map(|problem| Problem { severity: Severity::Warning, ..problem }));
                }
                Err(failure) => self.store = Some(unknown(failure, problems)),
            }
        }
    }

    fn known(&mut self, problems: &mut Vec<Problem>) -> &mut Known {
        let (arguments, loaded) = (self.arguments, self.loaded);
        self.known_by(|| arguments.look_if_there(loaded), problems)
    }

    fn known_by(
        &mut self,
        look: impl FnOnce() -> Result<Option<Box<dyn Store>>, Failure>,
        problems: &mut Vec<Problem>,
    ) -> &mut Known {
        self.store.get_or_insert_with(|| match look() {
            Ok(Some(store)) => Known::Store(store),
            Ok(None) => Known::Files,
            Err(failure) => unknown(failure, problems),
        })
    }

    /// What is wrong with those of the experiments that run.
    pub(super) fn check<'e>(
        &mut self,
        prompt: &Prompt,
        experiments: &'e [Found],
        problems: &mut Vec<Problem>,
    ) -> Open<'e> {
        let (mut sorted, mut decide) = (Open::default(), Vec::new());
        let now = self.now;
        let is_over = |found: &Found| found.experiment.end.is_some_and(|end| end <= now);
        for found in experiments.iter().filter(|found| !is_over(found)) {
            let known = self.known(problems);
            let mut is_draft = false;
            let runs = match known {
                Known::Store(store) => match found.standing(store.as_mut(), now) {
                    Ok(Standing::Stopped(..)) => continue,
                    Ok(standing) if !found.allows(now) => {
                        is_draft = !standing.is_begun();
                        false
                    }
                    Ok(standing) => {
                        is_draft = !standing.is_begun();
                        problems.extend(found.changed(&standing));
                        if matches!(standing, Standing::Runs | Standing::Changed(_)) {
                            decide.push(found);
                        }
                        matches!(standing, Standing::Runs | Standing::Changed(_) | Standing::Later(_))
                    }
                    Err(failure) => {
                        *known = unknown(failure, problems);
                        false
                    }
                },
                Known::Files => {
                    is_draft = found.experiment.start.is_none();
                    !is_draft && found.allows(now)
                }
                Known::Nothing => false,
            };
            sorted.open.push(found);
            if is_draft {
                sorted.drafts.push(found);
            }
            if runs {
                problems.extend(found.unregistered(prompt));
            }
        }
        if let [first, .., last] = decide.as_slice() {
            let names: Vec<String> =
                decide.iter().map(|found| format!("`{}`", found.experiment.name)).collect();
            let message = format!(
                "several experiments of `{}` run at this time, so `resolve` refuses: {}",
                prompt.name(),
                names.join(", ")
            );
            problems.push(
                Problem::error("experiment::several", message)
                    .at(Place::whole_file(last.file.as_path()))
                    .help(format!(
                        "`promptassay experiment stop {} --reason WHY` ends one",
                        first.experiment.name
                    )),
            );
        }
        sorted
    }
}

/// The files are sound or not whatever a database far away does, so this warns.
fn unknown(failure: Failure, problems: &mut Vec<Problem>) -> Known {
    problems.extend(failure.problems.into_iter().map(|problem| {
        let message = format!(
            "{}; so nobody knows whether the files of running experiments were changed or are gone",
            problem.message
        );
        Problem { place: problem.place, help: problem.help, ..Problem::warning("check::store", message) }
    }));
    Known::Nothing
}
