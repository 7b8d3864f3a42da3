//! Reads the directory of one prompt.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::directory::{self, Entry, Kind};
use super::file_name::{Role, role};
use super::load::folded;
use super::prompt::{Inner, Prompt};
use super::{MAX_LOCK_BYTES, MAX_YAML_BYTES, MISNAMED, MISNAMED_VERSION, registered, versions};
use crate::files::{may_be_there, read_text};
use crate::lock_file::Lock;
use crate::name::{InvalidName, PromptName};
use crate::problem::{Place, Problem, has_errors};
use crate::prompt_file::{self, ActiveVersion, PromptFile};
use crate::version::{Version, VersionSelector, meant_version};
use crate::version_file::Form;
use crate::yaml::Document;

/// `active_version` names a version that is not there; the one error that `activate` cures.
pub(crate) const ACTIVE_UNKNOWN: &str = "prompt::active_unknown";

/// What a directory turned out to be.
pub(super) enum Found {
    /// A prompt, perhaps with errors.
    Prompt(Box<LoadedPrompt>),
    /// Something else; problems only if a prompt may have been meant.
    Nothing(Vec<Problem>),
}

/// A prompt as far as it could be read.
pub(super) struct LoadedPrompt {
    /// Absent only with an error among the problems.
    pub(super) prompt: Option<Prompt>,
    /// The YAML of its chat versions, sound or not.
    pub(super) chats: Vec<Document>,
    pub(super) problems: Vec<Problem>,
}

/// The files of a prompt's directory, by the part they play.
#[derive(Default)]
pub(super) struct Files {
    pub(super) prompt: Option<Entry>,
    pub(super) lock: Option<Entry>,
    /// Every file that is, by its name, this version; more than one is an error.
    pub(super) versions: BTreeMap<Version, Vec<(Entry, Form)>>,
    misnamed_prompt: Option<Entry>,
    misnamed_versions: Vec<(Entry, Role)>,
    doubtful: Vec<(Entry, Role)>,
    miscased: Vec<(Entry, &'static str)>,
    subdirectories: Vec<Entry>,
}

impl Files {
    /// Lists a directory; links that leave `real_root` are problems.
    pub(super) fn list(directory: &Path, real_root: &Path, problems: &mut Vec<Problem>) -> Self {
        let mut files = Self::default();
        for entry in directory::entries(directory, real_root, problems) {
            match (entry.kind, role(&entry.name)) {
                (Kind::Directory, Role::Other) => files.subdirectories.push(entry),
                (_, Role::Prompt) => files.prompt = Some(entry),
                (_, Role::Lock) => files.lock = Some(entry),
                (_, Role::Version(version, form)) => {
                    files.versions.entry(version).or_default().push((entry, form));
                }
                (_, Role::Miscased(meant)) => files.miscased.push((entry, meant)),
                (Kind::File, Role::MisnamedPrompt) => files.misnamed_prompt = Some(entry),
                (Kind::File, role @ Role::MisnamedVersion { .. }) => {
                    files.misnamed_versions.push((entry, role));
                }
                (Kind::File, role @ Role::Doubtful { .. }) => files.doubtful.push((entry, role)),
                _ => {}
            }
        }
        files
    }

    fn is_prompt(&self) -> bool {
        self.prompt.is_some()
            || self.misnamed_prompt.is_some()
            || self.lock.is_some()
            || !self.versions.is_empty()
            || !self.misnamed_versions.is_empty()
    }
}

/// Reads a directory; links may not leave `real_root`, and those further down, which name data that prompts share, not `repository`.
pub(super) fn load(entry: &Entry, real_root: &Path, repository: &Path) -> Found {
    let mut problems = Vec::new();
    let files = Files::list(&entry.path, real_root, &mut problems);
    if !files.is_prompt() {
        problems.extend(files.subdirectories.iter().filter(|entry| holds_prompt(entry)).map(nested));
        return Found::Nothing(problems);
    }
    let name =
        entry.name.parse::<PromptName>().map_err(|error| problems.push(invalid_name(entry, &error))).ok();
    check_names(&files, &mut problems);
    for subdirectory in &files.subdirectories {
        directory::check_links(&subdirectory.path, repository, &mut problems);
    }
    let mut chats = Vec::new();
    let prompt = read_prompt(entry, name, &files, &mut chats, &mut problems);
    Found::Prompt(Box::new(LoadedPrompt { prompt, chats, problems }))
}

fn read_prompt(
    entry: &Entry,
    name: Option<PromptName>,
    files: &Files,
    chats: &mut Vec<Document>,
    problems: &mut Vec<Problem>,
) -> Option<Prompt> {
    let lock = read_lock(files, problems);
    let Some(prompt_entry) = &files.prompt else {
        if files.misnamed_prompt.is_none() {
            problems.push(no_prompt_file(entry));
        }
        return None;
    };
    let text =
        read_text(&prompt_entry.path, MAX_YAML_BYTES).map_err(|problem| problems.push(*problem)).ok()?;
    let document = Document::parse(prompt_entry.path.as_path(), text, problems)?;
    let file = PromptFile::read(&document, &entry.name, problems)?;
    let rows = if let LockState::Read(lock, _) = &lock { Some(lock) } else { None };
    let mut versions = versions::load((files, rows), &document, &file, chats, problems);
    if files.versions.is_empty() && files.misnamed_versions.is_empty() {
        problems.push(no_version(prompt_entry, &entry.name));
    }
    check_active(&file, files, problems);
    let lock = match lock {
        LockState::Read(lock, lock_text) => {
            registered::attach((&lock, &lock_text), &entry.name, files, &mut versions, problems);
            registered::check_interfaces((&entry.name, &document, &lock_text), &versions, problems);
            lock
        }
        LockState::Absent => Lock::default(),
        LockState::Broken => return None,
    };
    let active = file.active.as_ref().map(|active| &active.selector);
    registered::check_identical(&entry.name, &versions, active, problems);
    let interface = versions::interface(&file, &versions);
    let active = file.active?;
    let prompt = Prompt::new(Inner {
        name: name?,
        directory: entry.path.clone(),
        interface,
        description: file.description,
        active: active.selector,
        tags: file.tags,
        owners: file.owners,
        document,
        versions,
        lock,
    });
    if *prompt.active() == VersionSelector::Latest && !has_errors(problems) {
        problems.push(active_latest(&prompt, active.place));
    }
    Some(prompt)
}

/// A lock as it was read, for places in it.
pub(super) struct LockText {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

pub(super) enum LockState {
    Absent,
    Broken,
    Read(Lock, LockText),
}

impl LockState {
    /// The rows; none where there is no lock, `None` where it cannot be read.
    pub(super) fn into_lock(self) -> Option<Lock> {
        match self {
            Self::Absent => Some(Lock::default()),
            Self::Broken => None,
            Self::Read(lock, _) => Some(lock),
        }
    }
}

pub(super) fn read_lock(files: &Files, problems: &mut Vec<Problem>) -> LockState {
    let Some(entry) = &files.lock else { return LockState::Absent };
    match read_text(&entry.path, MAX_LOCK_BYTES) {
        Ok(text) => match Lock::parse(&entry.path, &text, problems) {
            Some(lock) => LockState::Read(lock, LockText { path: entry.path.clone(), text }),
            None => LockState::Broken,
        },
        Err(problem) => {
            problems.push(*problem);
            LockState::Broken
        }
    }
}

/// Misleading names, two files for one version, versions that differ only in case.
fn check_names(files: &Files, problems: &mut Vec<Problem>) {
    if let Some(entry) = &files.misnamed_prompt {
        problems.push(
            Problem::error(MISNAMED, format!("`{}` is not read", entry.name.escape_debug()))
                .at(Place::whole_file(entry.path.as_path()))
                .help(format!(
                    "name it `{}`, or something that does not look like it",
                    prompt_file::FILE_NAME
                )),
        );
    }
    for (entry, meant) in &files.miscased {
        let message = format!("`{}` is not read: names are in lower case", entry.name.escape_debug());
        // What a directory holds, suites and experiments, changes no text that is served.
        let problem = match entry.kind {
            Kind::Directory => Problem::warning(MISNAMED, message),
            _ => Problem::error(MISNAMED, message),
        };
        let help = format!("rename it to `{meant}`; a file system that ignores case takes one for the other");
        problems.push(problem.at(Place::whole_file(entry.path.as_path())).help(help));
    }
    for (entry, role) in files.misnamed_versions.iter().chain(&files.doubtful) {
        let place = Place::whole_file(entry.path.as_path());
        match role {
            Role::MisnamedVersion { message, help, meant } => {
                let first =
                    meant.as_ref().and_then(|version| Some((version, files.versions.get(version)?.first()?)));
                let problem = match first {
                    Some((version, (first, _))) => two_files(version, &first.name, &entry.name),
                    None => Problem::error(MISNAMED_VERSION, message.clone()).help(help.clone()),
                };
                problems.push(problem.at(place));
            }
            Role::Doubtful { message, help } => {
                problems.push(
                    Problem::warning("version::doubtful", message.clone()).at(place).help(help.clone()),
                );
            }
            _ => {}
        }
    }
    let mut seen: BTreeMap<String, &Version> = BTreeMap::new();
    for (version, entries) in &files.versions {
        for (second, _) in entries.iter().skip(1) {
            problems.push(
                two_files(version, &entries[0].0.name, &second.name)
                    .at(Place::whole_file(second.path.as_path())),
            );
        }
        if let Some(first) = seen.insert(folded(&version.to_string()), version) {
            problems.push(
                Problem::error(
                    "version::name_clash",
                    format!("{first} and {version} have one file name on a file system that ignores case"),
                )
                .at(Place::whole_file(entries[0].0.path.as_path()))
                .help("rename one of the two"),
            );
        }
    }
}

fn two_files(version: &Version, first: &str, second: &str) -> Problem {
    Problem::error("version::two_files", format!("{version} has two files: `{first}` and `{second}`"))
        .help("keep one of the two, or give the other one a version of its own")
}

fn check_active(file: &PromptFile, files: &Files, problems: &mut Vec<Problem>) {
    let Some(ActiveVersion { selector: VersionSelector::Exact(version), place }) = &file.active else {
        return;
    };
    if !files.versions.contains_key(version) {
        problems.push(
            Problem::error(ACTIVE_UNKNOWN, format!("`active_version` names {version}, which is not there"))
                .at(place.clone())
                .help(meant_version(version, files.versions.keys())),
        );
    }
}

/// `latest` moves whenever somebody adds a version, so what it serves was not chosen.
fn active_latest(prompt: &Prompt, place: Place) -> Problem {
    match prompt.latest() {
        Some(latest) => Problem::warning(
            "prompt::active_latest",
            "the active version is `latest`: whoever adds a version changes what is served",
        )
        .help(format!("name the version that was reviewed: `active_version: {}`", latest.version)),
        None => {
            Problem::warning("prompt::no_latest", "the active version is `latest`, which names no version")
                .help("a prerelease is never `latest`; name one, or add a release")
        }
    }
    .at(place)
}

fn invalid_name(entry: &Entry, error: &InvalidName) -> Problem {
    Problem::error("prompt::name", error.to_string())
        .at(Place::whole_file(entry.path.as_path()))
        .help(error.help())
}

fn no_prompt_file(entry: &Entry) -> Problem {
    Problem::error(
        "prompt::no_file",
        format!("`{}` has versions but no `{}`", entry.name, prompt_file::FILE_NAME),
    )
    .at(Place::whole_file(entry.path.as_path()))
    .help(format!("write one; its least text is `name: {}`", entry.name))
}

fn no_version(prompt_entry: &Entry, name: &str) -> Problem {
    Problem::error("prompt::no_version", format!("`{name}` has no version"))
        .at(Place::whole_file(prompt_entry.path.as_path()))
        .help(format!(
            "write its text into `v1.0.0.txt` beside this file, or run `promptassay add {name} --from FILE`"
        ))
}

fn holds_prompt(directory: &Entry) -> bool {
    may_be_there(&directory.path.join(prompt_file::FILE_NAME))
}

fn nested(directory: &Entry) -> Problem {
    Problem::error("tree::nested", "prompts lie one level deep; this one is not read")
        .at(Place::whole_file(directory.path.as_path()))
        .help("move it up into the prompts directory")
}
