//! What a file in a prompt's directory is, by its name alone.

use std::path::Path;

use super::prompt::SUITE_DIRECTORY;
use crate::lock_file;
use crate::problem::closest;
use crate::prompt_file;
use crate::version::{InvalidVersion, Version};
use crate::version_file::Form;

/// The part that a file plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// `prompt.yaml`.
    Prompt,
    /// `prompt.lock`.
    Lock,
    /// `v1.0.0.txt` or `v1.0.0.yaml`.
    Version(Version, Form),
    /// `prompt.yaml`, under a name that is not read.
    MisnamedPrompt,
    /// A version, under a name that is not read.
    MisnamedVersion {
        /// Completes a sentence about the name.
        message: String,
        /// The name to give it, or what names look like.
        help: String,
        /// The version that is meant, where that is clear.
        meant: Option<Version>,
    },
    /// One of [`OTHER_NAMES`] in other letters.
    Miscased(&'static str),
    /// Perhaps meant as one; worth a warning.
    Doubtful {
        /// Completes a sentence about the name.
        message: String,
        /// What a name looks like.
        help: String,
    },
    /// None of our business: a README, a backup, the tests.
    Other,
}

/// What is read in a prompt's directory beside versions and `prompt.yaml`, here or by crates above.
const OTHER_NAMES: [&str; 4] = [lock_file::FILE_NAME, SUITE_DIRECTORY, "lifecycle.jsonl", "experiments"];

const HOW_VERSIONS_LOOK: &str = "a version is a file such as `v1.0.0.txt` or `v1.0.0.yaml`";

pub(super) fn role(name: &str) -> Role {
    match name {
        prompt_file::FILE_NAME => return Role::Prompt,
        lock_file::FILE_NAME => return Role::Lock,
        _ if name.starts_with('.') || OTHER_NAMES.contains(&name) => return Role::Other,
        _ => {}
    }
    if let Some(meant) = OTHER_NAMES.iter().find(|meant| meant.eq_ignore_ascii_case(name)) {
        return Role::Miscased(meant);
    }
    let path = Path::new(name);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let form = match extension.to_ascii_lowercase().as_str() {
        "txt" => Form::Text,
        "yaml" | "yml" => Form::Chat,
        _ => return other_extension(name),
    };
    if form == Form::Chat
        && (stem.eq_ignore_ascii_case("prompt") || closest(stem, ["prompt"]).is_some() && stem.len() > 3)
    {
        return Role::MisnamedPrompt;
    }
    version_role(name, stem, extension, form)
}

/// The version whose file has this name; `None` for any other file, also for one that means a version and is not read as one.
pub fn version_of_file(name: &str) -> Option<Version> {
    match role(name) {
        Role::Version(version, _) => Some(version),
        _ => None,
    }
}

/// The version that a file of this name means, whether it is read as that or not; `None` for any other file, and where that is not clear.
pub fn version_meant_by_file(name: &str) -> Option<Version> {
    match role(name) {
        Role::Version(version, _) => Some(version),
        Role::MisnamedVersion { meant, .. } => meant,
        _ => None,
    }
}

fn version_role(name: &str, stem: &str, extension: &str, form: Form) -> Role {
    match stem.parse::<Version>() {
        Ok(version) => {
            let canonical = form.file_name(&version);
            if canonical == name {
                return Role::Version(version, form);
            }
            let reason = if extension == form.extension() {
                "the name of a version begins with `v`".to_owned()
            } else {
                format!("its extension is not `.{}`", form.extension())
            };
            Role::MisnamedVersion {
                message: format!("`{name}` is not read as a version: {reason}"),
                help: format!("rename it to `{canonical}`"),
                meant: Some(version),
            }
        }
        Err(error) if is_meant_as_version(stem) => {
            let meant = suggested(&error);
            let help = match &meant {
                Some(version) => format!("rename the file to `{}`", form.file_name(version)),
                None => format!("{}; {HOW_VERSIONS_LOOK}", error.help()),
            };
            Role::MisnamedVersion { message: error.to_string(), help, meant }
        }
        Err(_) if is_perhaps_a_version(stem) => doubtful(name),
        Err(_) => Role::Other,
    }
}

/// The version that the help of a refusal proposes.
fn suggested(error: &InvalidVersion) -> Option<Version> {
    error.help().strip_prefix("write `")?.strip_suffix('`')?.parse().ok()
}

/// `v1.0.0.md` is perhaps a version; `notes.md` and `v1.0.0.txt~` are not.
fn other_extension(name: &str) -> Role {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let is_document = ["md", "json", "prompt", "jinja", "j2", "text"].iter().any(|extension| {
        Path::new(name).extension().is_some_and(|other| other.eq_ignore_ascii_case(extension))
    });
    if stem.parse::<Version>().is_ok() && (is_document || stem == name) || name.parse::<Version>().is_ok() {
        doubtful(name)
    } else {
        Role::Other
    }
}

fn doubtful(name: &str) -> Role {
    Role::Doubtful {
        message: format!("`{}` looks like a version and is not read", name.escape_debug()),
        help: HOW_VERSIONS_LOOK.to_owned(),
    }
}

/// `V1.0.0`, `v1.0`, `1.0`, `v01.0.0`, `v１.0.0`: a `v` before a digit, or a number with a point.
fn is_meant_as_version(stem: &str) -> bool {
    let number = stem.trim_start_matches(['v', 'V']);
    let digits = number.chars().take_while(|character| character.is_numeric()).count();
    let after = number.chars().nth(digits);
    digits > 0 && (number.len() < stem.len() || after == Some('.'))
}

/// `version-1.0.0`, `v_1`, `support_1.2`: two numbers with a point between them, or a `v` and a digit further on.
fn is_perhaps_a_version(stem: &str) -> bool {
    let bytes = stem.as_bytes();
    let pointed = bytes
        .windows(3)
        .any(|window| window[0].is_ascii_digit() && window[1] == b'.' && window[2].is_ascii_digit());
    let lower = stem.to_lowercase();
    let rest = lower
        .strip_prefix("version")
        .or_else(|| lower.strip_prefix("ver"))
        .or_else(|| lower.strip_prefix('v'));
    pointed
        || rest.is_some_and(|rest| {
            rest.trim_start_matches(['_', '-', ' ', '.', 'v']).starts_with(|c: char| c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_names_are_read() {
        assert_eq!(role("v1.10.0.txt"), Role::Version("1.10.0".parse().unwrap(), Form::Text));
        assert_eq!(role("v1.0.0-rc.1.yaml"), Role::Version("1.0.0-rc.1".parse().unwrap(), Form::Chat));
        assert_eq!(role("prompt.yaml"), Role::Prompt);
        assert_eq!(role("prompt.lock"), Role::Lock);
    }

    #[test]
    fn a_version_is_told_by_the_name_of_its_file() {
        assert_eq!(version_of_file("v1.0.0-rc.1.yaml"), Some("1.0.0-rc.1".parse().unwrap()));
        for name in ["1.0.0.txt", "v1.txt", "vv1.0.0.txt", "v1.0.0.md", "v1.0.0.yml", "prompt.yaml", "tests"]
        {
            assert_eq!(version_of_file(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_mean_a_version_are_errors_with_the_right_name() {
        let cases = [
            ("1.0.0.txt", "rename it to `v1.0.0.txt`"),
            ("v1.0.0.yml", "rename it to `v1.0.0.yaml`"),
            ("v1.0.0.TXT", "rename it to `v1.0.0.txt`"),
            ("V1.0.0.txt", "rename the file to `v1.0.0.txt`"),
            ("v1.0.txt", "rename the file to `v1.0.0.txt`"),
            ("1.0.yaml", "rename the file to `v1.0.0.yaml`"),
            ("v01.0.0.txt", "rename the file to `v1.0.0.txt`"),
            ("v1.txt", "rename the file to `v1.0.0.txt`"),
            ("v１.0.0.txt", "rename the file to `v1.0.0.txt`"),
            ("v1.0.0+build.txt", "rename the file to `v1.0.0.txt`"),
            ("v1.0.0 (copy).txt", "a version is three numbers"),
            ("v1.0.0.txt.txt", "a version is three numbers"),
        ];
        for (name, expected) in cases {
            match role(name) {
                Role::MisnamedVersion { help, .. } => assert!(help.starts_with(expected), "{name}: {help}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_that_mean_the_prompt_file_are_recognised() {
        for name in ["prompt.yml", "Prompt.yaml", "promt.yaml", "prompts.yaml"] {
            assert_eq!(role(name), Role::MisnamedPrompt, "{name}");
        }
    }

    #[test]
    fn names_in_other_letters_are_told() {
        for (name, meant) in [
            ("Prompt.lock", "prompt.lock"),
            ("Tests", "tests"),
            ("lifecycle.JSONL", "lifecycle.jsonl"),
            ("EXPERIMENTS", "experiments"),
        ] {
            assert_eq!(role(name), Role::Miscased(meant));
        }
    }

    #[test]
    fn names_that_may_mean_a_version_are_doubtful() {
        for name in ["version-1.0.0.txt", "v_1.txt", "support_1.2.txt", "ver1.yaml", "v1.0.0.md", "v1.0.0"] {
            assert!(matches!(role(name), Role::Doubtful { .. }), "{name}: {:?}", role(name));
        }
    }

    #[test]
    fn other_files_are_left_alone() {
        for name in [
            "README.md",
            "notes.txt",
            "notes-2024.txt",
            "2024-11-22.txt",
            "vocabulary.txt",
            ".v1.0.0.txt.swp",
            "v1.0.0.txt~",
            "v1.0.0.txt.orig",
            "lifecycle.jsonl",
            "schema.yaml",
            "tests",
            "",
        ] {
            assert_eq!(role(name), Role::Other, "{name}");
        }
    }
}
