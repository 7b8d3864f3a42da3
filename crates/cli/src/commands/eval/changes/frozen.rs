//! What a change does to texts that are compared with: those that the lock of a commit has frozen, and those that only stood there.

use std::path::Path;

use promptassay_lifecycle::ledger::{self, Ledger, Standing};
use promptassay_registry::lock_file::{self, Lock, LockRow};
use promptassay_registry::name::PromptName;
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::tree::{Prompt, PromptVersion};
use promptassay_registry::version::{Version, VersionSelector};

use super::Then;
use super::formats::ReadThen;
use super::git::slashed;
use super::linked::is_touched;
use crate::commands::eval::against::blessed_path;

impl Then<'_> {
    /// What is wrong with the versions of a prompt that were registered at the commit and where the change began: what was registered is
    /// frozen, here as there. A warning where a row tells its registration otherwise, where the version that was active there stood
    /// unregistered and was rewritten, and where other results are blessed; and an error where the ledger is cut.
    pub(crate) fn frozen(&self, prompt: &Prompt) -> Result<Vec<Problem>, Box<Problem>> {
        if !is_touched(&self.git, prompt.directory(), &self.touched) {
            return Ok(Vec::new());
        }
        let directory = self.git.named(prompt.directory());
        let there = self.lock(&self.commit, &directory)?;
        let began = if self.fork == self.commit { there.clone() } else { self.lock(&self.fork, &directory)? };
        let Standing { archived, production } = self.standing(prompt.name(), &directory)?;
        let mut problems = Vec::new();
        for (version, row) in &there.rows {
            // What the other side registered since, the change could not know; what it had, it must keep.
            let Some(first) = began.rows.get(version) else { continue };
            let now = prompt.lock().rows.get(version);
            let read =
                self.registered_then(prompt.version(version), [(&self.fork, first), (&self.commit, row)])?;
            let differences = match now {
                Some(now)
                    if (is_frozen_alike(first, now) || is_frozen_alike(row, now))
                        && !matches!(read, ReadThen::In(_)) =>
                {
                    problems.extend(self.told_otherwise(prompt, version, now, [first, row]));
                    let told = prompt.version(version).filter(|_| read == ReadThen::Unclear);
                    problems.extend(told.map(|told| self.format_told(prompt, told)));
                    continue;
                }
                // Never served again: its text may go, once that is decided elsewhere than in the change that removes it.
                None if prompt.version(version).is_none() && archived.contains(version) => continue,
                now => differences(row, now, prompt, version, read),
            };
            let served = match &production {
                Some(version) => Some(version.clone()),
                None => self.git.active_version(&self.commit, prompt.directory())?,
            };
            problems.push(self.thawed(prompt, version, &differences, served.as_ref() == Some(version)));
        }
        problems.extend(self.rewritten(prompt, &there)?);
        problems.extend(self.blessed_anew(prompt)?);
        problems.extend(self.ledger_kept(prompt)?);
        problems.extend(self.moved_by_other_rules(prompt)?);
        problems.extend(self.served_otherwise(prompt)?);
        Ok(problems)
    }

    /// How the versions of a prompt stood at the commit. A ledger of that day that cannot be trusted says nothing.
    pub(super) fn standing(&self, name: &PromptName, directory: &Path) -> Result<Standing, Box<Problem>> {
        let path = directory.join(ledger::FILE_NAME);
        let text = self.git.file_at(&self.commit, &path)?.unwrap_or_default();
        let ledger = Ledger::parse(path, name, text);
        Ok(if ledger.faults().is_empty() { Standing::of(ledger.state()) } else { Standing::default() })
    }

    /// How a registered version was read where the change began and at the commit: that one of the two read it as today is enough.
    fn registered_then(
        &self,
        now: Option<&PromptVersion>,
        then: [(&String, &LockRow); 2],
    ) -> Result<ReadThen, Box<Problem>> {
        let Some(now) = now else { return Ok(ReadThen::Not) };
        let today = Some(now.interface.format());
        if then.iter().all(|(_, row)| row.template_format == today) {
            return Ok(ReadThen::Alike);
        }
        let mut read = ReadThen::Not;
        for (commit, row) in then {
            let there = self.read_then(commit, now, Some(row))?;
            if matches!(there, ReadThen::Not | ReadThen::Alike) {
                return Ok(there);
            }
            read = there;
        }
        Ok(read)
    }

    pub(super) fn lock(&self, commit: &str, directory: &Path) -> Result<Lock, Box<Problem>> {
        let path = directory.join(lock_file::FILE_NAME);
        let Some(text) = self.git.file_at(commit, &path)? else { return Ok(Lock::default()) };
        let mut problems = Vec::new();
        let name = format!("{}:{}", self.reference, slashed(&path));
        match Lock::parse(Path::new(&name), &text, &mut problems) {
            Some(lock) => Ok(lock),
            // Without it nobody knows what was frozen.
            None => Err(Box::new(problems.into_iter().find(Problem::is_error).unwrap_or_else(|| {
                Problem::error("changes::unsound_lock", format!("`{name}` cannot be read"))
            }))),
        }
    }

    /// A warning where the row says otherwise who registered the version, when, and what for.
    fn told_otherwise(
        &self,
        prompt: &Prompt,
        version: &Version,
        now: &LockRow,
        then: [&LockRow; 2],
    ) -> Option<Problem> {
        let differences = |row: &LockRow| -> Vec<&str> {
            let all = [
                ("created_at", now.created_at != row.created_at),
                ("created_by", now.created_by != row.created_by),
                ("description", now.description != row.description),
                ("metadata", now.metadata != row.metadata),
            ];
            all.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
        };
        let [began, row] = then.map(differences);
        if began.is_empty() || row.is_empty() {
            return None;
        }
        let message = format!(
            "{} {version}: this change rewrites {} of what {} has in prompt.lock: it tells otherwise who registered the version, when or why",
            prompt.name(),
            row.join(", "),
            self.reference
        );
        let help = "it changes no answer and no verdict; whoever reviews the change should know why the record differs";
        let place = Place::whole_file(prompt.directory().join(lock_file::FILE_NAME));
        Some(Problem::warning("changes::registration_rewritten", message).at(place).help(help))
    }

    fn thawed(&self, prompt: &Prompt, version: &Version, differences: &[String], is_served: bool) -> Problem {
        let message = format!(
            "{} {version} is registered at {}, and this change does not leave it as it is there: {}",
            prompt.name(),
            self.reference,
            differences.join(", ")
        );
        let (name, reference) = (prompt.name(), self.reference);
        let restore = "what is registered is frozen: restore its file and its row of prompt.lock from";
        let help = if is_served && prompt.version(version).is_none() {
            let back = match (ledger::exists(prompt.directory()), prompt.active()) {
                (true, _) => format!("rollback {name} --reason WHY"),
                (false, VersionSelector::Exact(before)) if before != version => {
                    format!("activate {name} {before}")
                }
                (false, _) => format!("activate {name} VERSION"),
            };
            format!(
                "{restore} {reference}, where it is served; `promptassay {back}` serves another one and removes nothing"
            )
        } else if prompt.version(version).is_none() {
            format!(
                "{restore} {reference}; a version that is archived there may be removed (`promptassay archive {name} {version}`, in a change before this one)"
            )
        } else {
            format!(
                "{restore} {reference}, and put what is new into a version of its own (`promptassay add {name}`)"
            )
        };
        let place = Place::whole_file(prompt.directory().join(lock_file::FILE_NAME));
        Problem::error("changes::registered_version", message).at(place).help(help)
    }

    /// A warning where the text is gone that the version in use had at the commit, although its number is still there.
    fn rewritten(&self, prompt: &Prompt, there: &Lock) -> Result<Option<Problem>, Box<Problem>> {
        let Some(active) = self.git.active_version(&self.commit, prompt.directory())? else {
            return Ok(None);
        };
        let Some(now) = prompt.version(&active).filter(|_| !there.rows.contains_key(&active)) else {
            return Ok(None);
        };
        let mut read = ReadThen::Not;
        for commit in [&self.commit, &self.fork] {
            let there = self.read_then(commit, now, None)?;
            // What nobody could read there served nobody.
            if matches!(there, ReadThen::Alike | ReadThen::Unclear) {
                return Ok(None);
            }
            if there != ReadThen::Not {
                read = there;
            }
        }
        let name = prompt.name();
        let (what, restore) = match read {
            ReadThen::In(then) => (
                format!("has it read as `{}`, and not as `{then}`", now.interface.format()),
                format!("let it be `{then}`"),
            ),
            _ => ("rewrites it in place".to_owned(), "restore it".to_owned()),
        };
        let message = format!(
            "{name} {active} is active at {} and not registered there, and this change {what}: nothing is compared with the text that is served",
            self.reference
        );
        let help = format!(
            "{restore}, and put what is new into a version of its own (`promptassay add {name}`), which is compared with it; `promptassay register` freezes a version, so that this cannot happen"
        );
        let place = Place::whole_file(now.path.as_path());
        Ok(Some(Problem::warning("changes::rewritten_in_place", message).at(place).help(help)))
    }

    /// A warning where the change brings other blessed results along.
    fn blessed_anew(&self, prompt: &Prompt) -> Result<Option<Problem>, Box<Problem>> {
        let file = blessed_path(&prompt.suite_path());
        if !is_touched(&self.git, &file, &self.touched) {
            return Ok(None);
        }
        let path = self.git.named(&file);
        let now = std::fs::read(&file).ok();
        for commit in [&self.commit, &self.fork] {
            let then = self.git.file_at(commit, &path)?;
            if then.as_deref().map(str::as_bytes) == now.as_deref() {
                return Ok(None);
            }
        }
        let message = format!(
            "{}: this change blesses other results than {} has in {}",
            prompt.name(),
            self.reference,
            slashed(&path)
        );
        let help = "`--against-baseline` compares with the file as it is here: whoever reviews the change reviews the baseline too";
        Ok(Some(Problem::warning("changes::blessed_anew", message).at(Place::whole_file(file)).help(help)))
    }
}

/// Whether two rows freeze the same: who registered a version and what for changes no answer.
fn is_frozen_alike(then: &LockRow, now: &LockRow) -> bool {
    (&then.file, &then.sha256, &then.interface) == (&now.file, &now.sha256, &now.interface)
        && !is_of_other_format(then, now)
}

/// A row of before the format was kept gets it with the next registration.
fn is_of_other_format(then: &LockRow, now: &LockRow) -> bool {
    then.template_format.is_some() && then.template_format != now.template_format
}

/// What differs between a row of that day and what is here, a few words each.
fn differences(
    then: &LockRow,
    now: Option<&LockRow>,
    prompt: &Prompt,
    version: &Version,
    read: ReadThen,
) -> Vec<String> {
    let Some(now) = now else {
        let text = match prompt.version(version) {
            None => return vec!["the version is gone".to_owned()],
            Some(here) if here.digest == then.sha256 => None,
            Some(_) => Some("its text is another one".to_owned()),
        };
        return text.into_iter().chain(["its row of prompt.lock is gone".to_owned()]).collect();
    };
    let mut differences = Vec::new();
    if now.sha256 != then.sha256 {
        differences.push("it is registered with another text".to_owned());
    }
    if now.interface != then.interface || is_of_other_format(then, now) {
        differences.push("it is registered with other variables or another template format".to_owned());
    } else if let (ReadThen::In(then), Some(here)) = (read, prompt.version(version)) {
        let today = here.interface.format();
        differences.push(format!("it is read with `template_format: {today}`, and there with `{then}`"));
    }
    if now.file != then.file {
        differences.push(format!("its file is {}, not {}", now.file, then.file));
    }
    differences
}
