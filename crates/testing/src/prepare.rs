//! From files to prompts that can be asked: the one place that knows how an evaluation is prepared. Everything that is wrong is kept
//! with its file; a broken prompt stands in no other's way, a broken `registry.yaml` in everybody's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use promptassay_evaluator::plan::{self, ChosenVersions, PromptInput};
use promptassay_evaluator::replies::{self, RecordedJudgements, RecordedReplies};
use promptassay_evaluator::settings::Settings;
use promptassay_evaluator::suite::{self, Suite};
use promptassay_mock_llm::{InvalidScript, Script, ScriptSpec};
use promptassay_registry::files::{read_text, repository_root};
use promptassay_registry::problem::{Place, Problem, did_you_mean, has_errors, sort};
use promptassay_registry::tree::{Prompt, PromptVersion, Tree};
use promptassay_registry::version::Version;
use promptassay_registry::yaml::Document;

use crate::answers::{Answers, Mock, Recorded, Recording};
use crate::evaluation::{PromptRun, Replies};
use crate::outcome::Invalid;
use crate::prompts::{OwnValidator, Prompts, Versions};

/// The largest suite and script that are read.
const MAX_SCRIPT_BYTES: u64 = 256 << 20;

/// What a directory gave.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    /// The prompts that can be asked, by name.
    pub(crate) runs: Vec<PromptRun>,
    /// The files that stand in the way.
    pub(crate) invalid: Vec<InvalidFile>,
    /// The names of all prompts, with or without a suite, sound or not.
    pub(crate) names: Vec<String>,
}

/// A file with errors.
#[derive(Debug)]
pub(crate) struct InvalidFile {
    /// The name of the test that fails for it.
    pub(crate) test: String,
    /// The prompt that it belongs to; `None` for what all share.
    pub(crate) prompt: Option<String>,
    /// What is wrong with it, warnings too.
    pub(crate) problems: Vec<Problem>,
}

/// Reads and checks everything that the tests need.
pub(crate) fn prepare(prompts: &Prompts) -> Prepared {
    let mut loaded = Tree::load(&prompts.directory);
    for problem in loaded.problems.iter_mut().filter(|problem| problem.code == "tree::no_directory") {
        let help = "name it as it is seen from the directory of Cargo.toml: tests run there";
        problem.help = Some(help.to_owned());
    }
    let tree = &loaded.tree;
    let (mut shared, mut own) = by_prompt(tree, loaded.problems);
    let mut settings = match &tree.registry().document {
        Some(document) => Settings::read(document, &mut shared),
        None => Settings::default(),
    };
    settings.allow_commands = prompts.allow_commands;
    let source = Source::of(prompts, tree, &mut shared);
    let mut prepared = Prepared::default();
    for prompt in tree.prompts() {
        let name = prompt.name().to_string();
        let mut problems = own.remove(&name).unwrap_or_default();
        let run = prepare_prompt(
            prompt,
            prompts,
            &settings,
            tree.repository_root(),
            source.as_ref(),
            &mut problems,
        );
        prepared.invalid.extend(invalid_files(Some(&name), prompt.directory(), problems));
        prepared.runs.extend(run);
        prepared.names.push(name);
    }
    for broken in tree.broken() {
        let problems = own.remove(&broken.name).unwrap_or_default();
        prepared.invalid.extend(invalid_files(Some(&broken.name), &broken.directory, problems));
        prepared.names.push(broken.name.clone());
    }
    shared.extend(prompts.validators.iter().filter_map(|own| unknown_target(own, &prepared.names)));
    if has_errors(&shared) {
        prepared.runs.clear();
        prepared.invalid.splice(0..0, invalid_files(None, tree.root(), shared));
    } else if prepared.runs.is_empty() && prepared.invalid.is_empty() {
        let help = format!("write a suite, such as {}/NAME/tests/test_cases.yaml", tree.root().display());
        let problem = Problem::error("testing::nothing_to_test", "no prompt has a suite")
            .at(Place::whole_file(tree.root()))
            .help(help);
        prepared.invalid.extend(invalid_files(None, tree.root(), vec![problem]));
    }
    prepared
}

impl Prepared {
    /// The prompt of this name, or everything that stands in its way.
    pub(crate) fn into_prompt(self, name: &str) -> Result<PromptRun, Invalid> {
        let concerns = |file: &InvalidFile| file.prompt.as_deref().is_none_or(|prompt| prompt == name);
        if self.invalid.iter().any(concerns) {
            let problems = self.invalid.into_iter().filter(concerns).flat_map(|file| file.problems);
            return Err(Invalid { problems: problems.collect() });
        }
        let problem = if self.names.iter().any(|known| known == name) {
            Problem::error("testing::no_suite", format!("`{name}` has no suite"))
                .help("write its tests/test_cases.yaml")
        } else {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            Problem::error("testing::unknown_prompt", format!("there is no prompt `{name}`"))
                .help(did_you_mean(name, known, "prompts"))
        };
        self.runs
            .into_iter()
            .find(|run| run.name() == name)
            .ok_or_else(|| Invalid { problems: vec![problem] })
    }
}

/// The problems of what all prompts share, and those of each prompt's own files.
fn by_prompt(tree: &Tree, problems: Vec<Problem>) -> (Vec<Problem>, BTreeMap<String, Vec<Problem>>) {
    let sound = tree.prompts().map(|prompt| (prompt.name().as_str(), prompt.directory()));
    let broken = tree.broken().iter().map(|broken| (broken.name.as_str(), broken.directory.as_path()));
    let directories: Vec<(&str, &Path)> = sound.chain(broken).collect();
    let (mut shared, mut own) = (Vec::new(), BTreeMap::<String, Vec<Problem>>::new());
    for problem in problems {
        let owner = problem
            .place
            .as_ref()
            .and_then(|place| directories.iter().find(|(_, directory)| place.file.starts_with(directory)));
        match owner {
            Some((name, _)) => own.entry((*name).to_owned()).or_default().push(problem),
            None => shared.push(problem),
        }
    }
    (shared, own)
}

/// One entry for each file that has errors, by name. Files are named as seen from `directory`, where they are below it.
fn invalid_files(prompt: Option<&str>, directory: &Path, problems: Vec<Problem>) -> Vec<InvalidFile> {
    let mut files: BTreeMap<Option<PathBuf>, Vec<Problem>> = BTreeMap::new();
    for problem in problems {
        let file = problem.place.as_ref().map(|place| place.file.clone());
        files.entry(file).or_default().push(problem);
    }
    let broken = files.into_iter().filter(|(_, problems)| has_errors(problems));
    broken
        .map(|(file, mut problems)| {
            sort(&mut problems);
            let file = file.unwrap_or_else(|| directory.to_owned());
            let shown = file.strip_prefix(directory).ok().filter(|inside| *inside != Path::new(""));
            let shown = shown.unwrap_or(&file).display();
            let test = prompt.map_or_else(|| shown.to_string(), |prompt| format!("{prompt}::{shown}"));
            InvalidFile { test, prompt: prompt.map(str::to_owned), problems }
        })
        .collect()
}

fn prepare_prompt(
    prompt: &Prompt,
    prompts: &Prompts,
    settings: &Settings,
    repository: &Path,
    source: Option<&Source>,
    problems: &mut Vec<Problem>,
) -> Option<PromptRun> {
    if !prompt.has_suite() {
        problems.extend(prompt.misnamed_suite());
        return None;
    }
    let mut suite = suite::of_prompt(prompt, repository, settings, problems);
    if let Some(suite) = &mut suite {
        add_validators(suite, prompt.name().as_str(), &prompts.validators, problems);
    }
    let versions = choose(prompt, prompts.versions, problems);
    let replies = source.and_then(|source| source.replies(prompt, repository, problems));
    let input = PromptInput { prompt, suite: suite?, versions: versions? };
    let plan = plan::build(vec![input], settings, problems)?;
    if has_errors(problems) { None } else { Some(PromptRun::new(plan, replies?, prompts.versions)) }
}

/// Adds the checks in Rust that look at replies to this prompt.
fn add_validators(suite: &mut Suite, prompt: &str, own: &[OwnValidator], problems: &mut Vec<Problem>) {
    for own in own {
        let wanted = match own.target.split_once("::") {
            None if own.target == prompt => None,
            Some((target, case)) if target == prompt => Some(case),
            _ => continue,
        };
        let mut is_used = false;
        for case in suite.cases.iter_mut().filter(|case| wanted.is_none_or(|wanted| case.name == wanted)) {
            case.validators.push(Arc::clone(&own.validator));
            is_used = true;
        }
        if let (Some(wanted), false) = (wanted, is_used) {
            let message =
                format!("`{prompt}` has no case `{wanted}` for the validator `{}`", own.validator.name());
            let names = suite.cases.iter().map(|case| case.name.as_str());
            let problem = Problem::error("testing::unknown_case", message)
                .at(Place::whole_file(suite.file.as_path()))
                .help(did_you_mean(wanted, names, "cases"));
            problems.push(problem);
        }
    }
}

/// A check in Rust that was meant for a prompt that there is not.
fn unknown_target(own: &OwnValidator, names: &[String]) -> Option<Problem> {
    let prompt = own.target.split("::").next().unwrap_or_default();
    let is_known = names.iter().any(|name| name == prompt);
    (!is_known).then(|| {
        let message = format!("there is no prompt `{prompt}` for the validator `{}`", own.validator.name());
        Problem::error("testing::unknown_prompt", message).help(did_you_mean(
            prompt,
            names.iter().map(String::as_str),
            "prompts",
        ))
    })
}

/// Every version that is tested is judged for itself: none is a baseline.
fn choose(prompt: &Prompt, versions: Versions, problems: &mut Vec<Problem>) -> Option<ChosenVersions> {
    let alone = |version: &Version, why: &str| ChosenVersions {
        baseline: None,
        candidates: vec![version.clone()],
        why: format!("{version} is {why}"),
    };
    match versions {
        Versions::Active => match prompt.active_version() {
            Ok(active) => Some(alone(&active.version, "active")),
            Err(error) => {
                let problem = Problem::error("testing::no_active_version", error.to_string());
                let place = prompt.document().place_at(&["active_version"]);
                problems.push(problem.at(place).help(error.help()));
                None
            }
        },
        Versions::Newest => prompt.versions().next_back().map(|newest| alone(&newest.version, "the newest")),
        Versions::All => {
            let version = |version: &PromptVersion| version.version.clone();
            let candidates = prompt.versions().map(version).collect();
            Some(ChosenVersions { baseline: None, candidates, why: "every version".to_owned() })
        }
    }
}

fn read_document(path: &Path, problems: &mut Vec<Problem>) -> Option<Document> {
    match read_text(path, MAX_SCRIPT_BYTES) {
        Ok(text) => Document::parse(path, text, problems),
        Err(problem) => {
            problems.push(*problem);
            None
        }
    }
}

/// Who answers, checked.
enum Source {
    Directory {
        directory: PathBuf,
        /// Whether the test names it; else registry.yaml does.
        named: bool,
        recording: Recording,
    },
    Mock(Arc<Mock>),
}

impl Source {
    fn of(prompts: &Prompts, tree: &Tree, problems: &mut Vec<Problem>) -> Option<Self> {
        let script = match &prompts.answers {
            Answers::Recorded { directory } => {
                let named = directory.is_some();
                let directory = directory.clone().or_else(|| tree.registry().replies.clone());
                if directory.is_none() && !has_errors(problems) {
                    problems.push(no_replies(tree));
                }
                return directory.map(|directory| {
                    let recording = recording(&directory, tree.registry().replies.as_deref());
                    Self::Directory { directory, named, recording }
                });
            }
            Answers::Server(uri) => return Some(Self::Mock(Arc::new(Mock::at(uri.clone())))),
            Answers::Script(script) => match script.build() {
                Ok(script) => Some(script),
                Err(invalid) => {
                    problems.extend(script_problems(invalid, None));
                    None
                }
            },
            Answers::ScriptFile(path) => read_script(path, problems),
        };
        script.map(|script| Self::Mock(Arc::new(Mock::of_script(script))))
    }

    /// What answers the questions of a prompt.
    fn replies(&self, prompt: &Prompt, repository: &Path, problems: &mut Vec<Problem>) -> Option<Replies> {
        let (directory, named, recording) = match self {
            Self::Mock(mock) => return Some(Replies::Mock(Arc::clone(mock))),
            Self::Directory { directory, named, recording } => (directory, *named, recording.clone()),
        };
        // One that a test names may be that of another repository.
        let of_directory = if named { repository_root(directory).ok() } else { None };
        let repository = of_directory.as_deref().unwrap_or(repository);
        let mut read = |path: &Path| {
            replies::read_file(path, repository).map_err(|problem| problems.push(*problem)).ok()
        };
        let path = directory.join(format!("{}.jsonl", prompt.name()));
        let of_judges = RecordedJudgements::path(directory, prompt.name().as_str());
        let (text, text_of_judges) = (read(&path)?, read(&of_judges)?);
        let replies = match text {
            Some(text) => RecordedReplies::parse(&path, &text, problems),
            None => RecordedReplies::none(&path),
        };
        let judgements = match text_of_judges {
            Some(text) => RecordedJudgements::parse(&of_judges, &text, problems),
            None => RecordedJudgements::none(&of_judges),
        };
        let directory = directory.clone();
        Some(Replies::Recorded(Box::new(Recorded { replies, judgements, directory, recording })))
    }
}

/// Where `eval --record` writes while replies are read from `directory`.
fn recording(directory: &Path, of_registry: Option<&Path>) -> Recording {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match of_registry {
        None => Recording::Nowhere,
        Some(other) if real(other) == real(directory) => Recording::Here,
        Some(other) => Recording::Elsewhere(other.to_owned()),
    }
}

fn no_replies(tree: &Tree) -> Problem {
    let help = "add `replies: ../replies` to it, or answer from a script: `Prompts::new(…).mock(…)`";
    Problem::error("testing::no_replies", "nothing says where recorded replies are")
        .at(Place::whole_file(tree.root().join("registry.yaml")))
        .help(help)
}

fn read_script(path: &Path, problems: &mut Vec<Problem>) -> Option<Script> {
    let document = read_document(path, problems)?;
    let reading = document.read::<ScriptSpec>();
    let is_whole = reading.problems.is_empty();
    problems.extend(reading.problems);
    match Script::from_spec(&reading.value.filter(|_| is_whole)?) {
        Ok(script) => Some(script),
        Err(invalid) => {
            problems.extend(script_problems(invalid, Some(&document)));
            None
        }
    }
}

fn script_problems(invalid: InvalidScript, document: Option<&Document>) -> Vec<Problem> {
    let problems = invalid.problems.into_iter().map(|problem| {
        let place = match document {
            Some(document) => document.place_at(&problem.path),
            None => Place::whole_file("mock script"),
        };
        let message = format!("{}: {}", problem.path.join("."), problem.message);
        Problem::error("testing::invalid_script", message).at(place).help(problem.help)
    });
    problems.collect()
}
