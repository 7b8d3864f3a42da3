//! Holds a prompt's files against its lock: a registered text never changes.

use std::collections::BTreeMap;
use std::path::Path;

use super::PromptVersion;
use super::not_told::format_not_told;
use super::prompt_directory::{Files, LockText};
use super::reading::Grounds;
use super::versions::WRITTEN_AS_TEXT;
use crate::digest::Digest;
use crate::files::read_text;
use crate::lock_file::{FILE_NAME, Lock, LockRow};
use crate::problem::{Place, Problem};
use crate::variables::Interface;
use crate::version::{Version, VersionSelector};
use crate::yaml::Document;

/// Gives each version its lock row; a missing or edited file is an error.
pub(super) fn attach(
    (lock, lock_text): (&Lock, &LockText),
    name: &str,
    files: &Files,
    versions: &mut BTreeMap<Version, PromptVersion>,
    problems: &mut Vec<Problem>,
) {
    for (version, row) in &lock.rows {
        let entry =
            files.versions.get(version).into_iter().flatten().find(|(entry, _)| entry.name == row.file);
        let Some((entry, _)) = entry else {
            let place = Lock::place_of(version, &lock_text.path, &lock_text.text);
            problems.push(missing(place, name, version, row));
            continue;
        };
        let loaded = versions.get_mut(version).filter(|loaded| loaded.path == entry.path);
        // A frozen text that does not even parse any more was edited, and that is the more useful message.
        let text = match &loaded {
            Some(loaded) => loaded.text.to_string(),
            None => match read_text(&entry.path, super::MAX_VERSION_BYTES) {
                Ok(text) => text,
                Err(_) => continue,
            },
        };
        let found = loaded.as_ref().map_or_else(|| Digest::of(&text), |loaded| loaded.digest);
        if found != row.sha256 {
            problems.push(edited(name, row, version, &entry.path, &text, found));
        }
        if let Some(loaded) = loaded {
            loaded.registered = Some(row.clone());
        }
    }
}

/// Versions whose variables are others than when they were registered: they still serve, and what was measured with the old interface says
/// nothing of the new one. A row that contradicts itself was edited: its text would be read in a format in which it was not registered. And
/// one of before the format was kept may leave open which one that was.
pub(super) fn check_interfaces(
    (name, document, lock): (&str, &Document, &LockText),
    versions: &BTreeMap<Version, PromptVersion>,
    problems: &mut Vec<Problem>,
) {
    problems.extend(not_kept(name, lock, versions));
    let mut changed = Vec::new();
    for version in versions.values() {
        if version.grounds.are_missing() {
            // What to write in its text would edit what is frozen.
            problems.retain(|problem| {
                let file = problem.place.as_ref().map(|place| &place.file);
                problem.code != WRITTEN_AS_TEXT || file != Some(&version.path)
            });
            problems.push(format_not_told(document, lock, version));
            continue;
        }
        let Some(row) = version.registered.as_ref().filter(|row| row.interface != version.interface_digest)
        else {
            continue;
        };
        let own = version.interface.format();
        let other = Interface::new(own.other(), version.interface.variables().clone());
        if other.digest() == row.interface {
            let message = format!(
                "{} was registered with `template_format: {}`, not {own}",
                version.version,
                own.other()
            );
            let place = Lock::place_of(&version.version, &lock.path, &lock.text);
            let help = "restore it with git: a registered text never changes, nor what it says";
            problems.push(Problem::error("lock::format", message).at(place).help(help));
        } else {
            changed.push(version);
        }
    }
    if !changed.is_empty() {
        let is_known = |version: &&PromptVersion| version.grounds != Grounds::Likely;
        let what =
            if changed.iter().all(is_known) { "variables" } else { "variables or the template format" };
        let names: Vec<String> = changed.iter().map(|version| version.version.to_string()).collect();
        problems.push(
            Problem::warning(
                "version::interface_changed",
                format!("the {what} are not those that {} had when registered", listed(&names)),
            )
            .at(document.place_at(&["variables"]))
            .help("evidence that was collected with the old ones no longer counts; evaluate again, or restore them"),
        );
    }
}

/// Rows of before the template format was kept, as long as their digests prove it: the next edit of a variable ends that.
fn not_kept(name: &str, lock: &LockText, versions: &BTreeMap<Version, PromptVersion>) -> Option<Problem> {
    let proven: Vec<&PromptVersion> =
        versions.values().filter(|version| version.grounds == Grounds::Proven).collect();
    let first = proven.first()?;
    let names: Vec<String> = proven.iter().map(|version| version.version.to_string()).collect();
    let message = format!(
        "the template format of {} does not stand in {FILE_NAME}; the digest of the variables proves it, until one of them is edited",
        listed(&names)
    );
    let help = format!(
        "`promptassay register {name} {} -m WHY` writes it down, and changes nothing else",
        first.version
    );
    let place = Lock::place_of(&first.version, &lock.path, &lock.text);
    Some(Problem::warning("version::format_not_kept", message).at(place).help(help))
}

/// Versions with the bytes of an older one: probably a copy that somebody forgot to change. Once it is registered or active it is meant,
/// as an old text that comes back under a new number is, and by then it could not be changed any more.
pub(super) fn check_identical(
    name: &str,
    versions: &BTreeMap<Version, PromptVersion>,
    active: Option<&VersionSelector>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeMap<Digest, Vec<&PromptVersion>> = BTreeMap::new();
    for version in versions.values() {
        let seen = seen.entry(version.digest).or_default();
        // In the other template format the same bytes are another text.
        let Some(first) = seen.iter().find(|first| first.says_the_same_as(version)) else {
            seen.push(version);
            continue;
        };
        let is_active = matches!(active, Some(VersionSelector::Exact(active)) if *active == version.version);
        if version.registered.is_none() && !is_active {
            problems.push(
                Problem::warning(
                    "version::identical",
                    format!("{} has the same content as {}", version.version, first.version),
                )
                .at(Place::whole_file(version.path.as_path()))
                .help(format!(
                    "change it, or remove it; if it is meant, `promptassay register {name} {} -m WHY` says so",
                    version.version
                )),
            );
        }
    }
}

fn missing(place: Place, name: &str, version: &Version, row: &LockRow) -> Problem {
    Problem::error(
        "version::missing",
        format!("{version} is registered, but its file `{}` is not there", row.file),
    )
    .at(place)
    .help(format!("restore it with git: a registered version stays, and no number is used twice ({FILE_NAME} of `{name}`)"))
}

fn edited(name: &str, row: &LockRow, version: &Version, path: &Path, text: &str, found: Digest) -> Problem {
    let message = format!(
        "{version} is registered and was edited since: recorded {}, found {}",
        row.sha256.short(),
        found.short()
    );
    let with_newlines = text.replace("\r\n", "\n");
    let digests = [Digest::of(&with_newlines), Digest::of(with_newlines.replace('\n', "\r\n"))];
    let file = path.display();
    let help = if digests.contains(&row.sha256) {
        format!(
            "only its line endings differ: write `/prompts/** -text` into .gitattributes, then `git restore {file}`"
        )
    } else {
        format!(
            "`git restore {file}` brings the registered text back; to keep this one, copy the file first and `promptassay add {name} --from COPY`"
        )
    };
    Problem::error("version::edited", message).at(Place::whole_file(path)).help(help)
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
