//! Holds a prompt's files against its lock: a registered text never changes.

use std::collections::BTreeMap;
use std::path::Path;

use super::PromptVersion;
use super::prompt_directory::{Files, LockText};
use crate::digest::Digest;
use crate::files::read_text;
use crate::lock_file::{FILE_NAME, Lock, LockRow};
use crate::problem::{Place, Problem};
use crate::template::{Template, TemplateFormat};
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

/// Versions whose variables or template format are others than when they were registered. With other variables they still serve; what was
/// measured with the old interface says nothing of the new one. In another format a text that never changes says something else: the fields
/// of one are plain text in the other. Where both formats were registered, as earlier programs allowed, one of them has to be the one: that
/// of the active version.
pub(super) fn check_interfaces(
    document: &Document,
    versions: &BTreeMap<Version, PromptVersion>,
    active: Option<&VersionSelector>,
    problems: &mut Vec<Problem>,
) {
    let recorded = |version: &PromptVersion| version.registered.as_ref().map(|row| row.interface);
    let changed = versions
        .values()
        .filter(|version| recorded(version).is_some_and(|recorded| recorded != version.interface_digest));
    let was_of_other_format = |version: &&PromptVersion| {
        let other = Interface::new(other_format(&version.interface), version.interface.variables().clone());
        recorded(version) == Some(other.digest()) || is_written_in_other_format(version)
    };
    let (reread, changed): (Vec<_>, Vec<_>) = changed.partition(was_of_other_format);
    let is_reread = |version: &Version| reread.iter().any(|reread| reread.version == *version);
    let has_both =
        versions.values().any(|version| version.registered.is_some() && !is_reread(&version.version));
    let active = match active {
        Some(VersionSelector::Exact(version)) => Some(version),
        _ => versions.keys().next_back(),
    };
    let may_stay = has_both && !active.is_some_and(is_reread);
    let [reread, changed] = [reread, changed]
        .map(|versions| versions.iter().map(|version| version.version.to_string()).collect::<Vec<String>>());
    if let Some(version) = versions.values().next().filter(|_| !reread.is_empty()) {
        // The braces are right, and the format is wrong: to write others would edit what is frozen.
        problems.retain(|problem| problem.code != super::versions::WRITTEN_AS_TEXT);
        let (now, then) = (called(version.interface.format()), called(other_format(&version.interface)));
        let was = if reread.len() == 1 { "was" } else { "were" };
        let message = format!(
            "`template_format` is {now}, and {} {was} registered with {then}: what was a field there is sent as it stands",
            listed(&reread)
        );
        let problem = if may_stay {
            Problem::warning("version::format_changed", message)
                .help("serve none of them again: `promptassay archive` ends what a lifecycle knows of")
        } else {
            Problem::error("version::format_changed", message).help(format!(
                "write `template_format: {then}`: neither a registered text ever changes nor what it says; texts in another format begin under another name, by `promptassay new`"
            ))
        };
        problems.push(problem.at(document.place_at(&["template_format"])));
    }
    if !changed.is_empty() {
        problems.push(
            Problem::warning(
                "version::interface_changed",
                format!("the variables or the template format are not those that {} had when registered", listed(&changed)),
            )
            .at(document.place_at(&["variables"]))
            .help("evidence that was collected with the old ones no longer counts; evaluate again, or restore them"),
        );
    }
}

/// Whether a text takes no declared variable as it is read today, and would in the other format: then not only the variables are others than
/// when it was registered.
fn is_written_in_other_format(version: &PromptVersion) -> bool {
    let declared = version.interface.variables();
    let takes =
        |template: &Template| template.variables().into_iter().any(|name| declared.get(name).is_some());
    let other = other_format(&version.interface);
    let mut templates = version.content.templates();
    !version.content.templates().any(takes)
        && templates
            .any(|template| Template::parse(other, template.source()).is_ok_and(|other| takes(&other)))
}

fn other_format(interface: &Interface) -> TemplateFormat {
    match interface.format() {
        TemplateFormat::Format => TemplateFormat::Jinja,
        TemplateFormat::Jinja => TemplateFormat::Format,
    }
}

fn called(format: TemplateFormat) -> &'static str {
    match format {
        TemplateFormat::Format => "format",
        TemplateFormat::Jinja => "jinja",
    }
}

/// Versions with the bytes of an older one: probably a copy that somebody forgot to change. Once it is registered or active it is meant,
/// as an old text that comes back under a new number is, and by then it could not be changed any more.
pub(super) fn check_identical(
    name: &str,
    versions: &BTreeMap<Version, PromptVersion>,
    active: Option<&VersionSelector>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeMap<Digest, &PromptVersion> = BTreeMap::new();
    for version in versions.values() {
        let Some(first) = seen.get(&version.digest) else {
            seen.insert(version.digest, version);
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
