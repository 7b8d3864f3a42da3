//! Datasets: files whose rows are cases. Here they are found and told apart; [`jsonl`] and [`csv`] read them.

mod csv;
mod jsonl;
mod table;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use promptassay_registry::digest::Digest;
use promptassay_registry::files::{find_files, read_marked_text};
use promptassay_registry::problem::{Place, Problem, has_errors};
use promptassay_registry::yaml::{Document, Located, Span};
use serde_json::Value;

use super::Case;
use super::case::CaseReader;
use super::digest::canonical_values;
use super::origin::{Origin, Row};
use super::row::{MISSPELT, OF_A_SUITE, RowSpec};
use super::spec::DatasetSpec;
use crate::gate::plural;

/// The largest dataset that is read.
const MAX_DATASET_BYTES: u64 = 1 << 30;

/// After so many errors in one file reading stops: whoever has more fixes these first. Of warnings so many are said, and every row is read.
const MAX_PROBLEMS: usize = 100;

/// A file with cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFile {
    /// The file, as messages name it.
    pub path: PathBuf,
    /// What stands in it.
    pub text: String,
}

/// Gives the files that a `file:` of a suite means, never none; or says why it cannot. A problem without a place is shown where the
/// suite names the file.
pub type Files<'a> = dyn Fn(&str) -> Result<Vec<DatasetFile>, Box<Problem>> + 'a;

/// No file at all: for suites that have no datasets. One that names a dataset is refused.
pub fn no_files(pattern: &str) -> Result<Vec<DatasetFile>, Box<Problem>> {
    let message = format!("`{pattern}` cannot be read here");
    let help = "this suite was given as text; write its cases into it";
    Err(Box::new(Problem::error("suite::no_dataset", message).help(help)))
}

/// The files that a suite names, as it names them. A suite with mistakes names them all the same.
pub(super) fn dataset_patterns(document: &Document) -> Vec<String> {
    let entries = document.read_at::<Vec<Value>>(&["datasets"]).and_then(|reading| reading.value);
    let entries = entries.unwrap_or_default();
    entries.iter().filter_map(|entry| entry.get("file")?.as_str().map(str::to_owned)).collect()
}

/// The files that the suite at `suite` names, from the disk. Nothing outside of `repository` is read: see [`find_files`].
pub fn files_beside(
    suite: &Path,
    repository: &Path,
) -> impl Fn(&str) -> Result<Vec<DatasetFile>, Box<Problem>> + use<> {
    let base = suite.parent().unwrap_or(Path::new(".")).to_owned();
    let repository = repository.to_owned();
    move |pattern| {
        let paths = find_files(&base, pattern, &repository).map_err(|error| {
            Box::new(Problem::error("suite::no_dataset", error.to_string()).help(error.help()))
        })?;
        paths
            .into_iter()
            .map(|path| read_marked_text(&path, MAX_DATASET_BYTES).map(|text| DatasetFile { path, text }))
            .collect()
    }
}

/// Reads all datasets of a suite. Gives their cases and the files.
pub(super) fn read(
    specs: &[DatasetSpec],
    files: &Files<'_>,
    reader: &mut CaseReader<'_>,
) -> (Vec<Case>, Vec<PathBuf>) {
    let mut cases = Vec::new();
    let mut read = HashSet::new();
    let mut paths = Vec::new();
    for DatasetSpec { file } in specs {
        let found = match files(file) {
            Ok(found) => found,
            Err(problem) => {
                let place = problem.place.clone().unwrap_or_else(|| reader.place(file.span));
                reader.problems.push(problem.at(place));
                continue;
            }
        };
        for dataset in found {
            if !read.insert(dataset.path.clone()) {
                let message = format!("`{}` is read twice", dataset.path.display());
                let problem = Problem::error("suite::dataset_twice", message);
                let problem = problem.help("another entry of `datasets` names it already; leave one out");
                reader.problems.push(problem.at(reader.place(file.span)));
                continue;
            }
            let mut rows = Rows::new(&dataset.path, reader);
            // Excel begins a table so, and PowerShell every file; RFC 8259 lets a reader of JSON ignore it.
            let text = dataset.text.strip_prefix('\u{feff}').unwrap_or(&dataset.text);
            match dataset.path.extension().and_then(OsStr::to_str) {
                Some("jsonl") => jsonl::read(text, &mut rows),
                Some("csv") => csv::read(text, &mut rows),
                _ => {
                    let message = format!("`{}` is no dataset", dataset.path.display());
                    let problem = Problem::error("suite::unknown_dataset", message);
                    let place = rows.reader.place(file.span);
                    rows.reader.problems.push(problem.at(place).help("a dataset ends in `.jsonl` or `.csv`"));
                    continue;
                }
            }
            rows.finish(&mut cases);
            paths.push(dataset.path);
        }
    }
    (cases, paths)
}

/// Collects the cases of one file.
struct Rows<'r, 's> {
    file: &'r Path,
    reader: &'r mut CaseReader<'s>,
    cases: Vec<Case>,
    problems: Vec<Problem>,
    errors: usize,
    /// What is said once a file, as it was said.
    said: HashSet<String>,
    warnings: usize,
    /// Whether there is a row, sound or not.
    any: bool,
}

impl<'r, 's> Rows<'r, 's> {
    fn new(file: &'r Path, reader: &'r mut CaseReader<'s>) -> Self {
        Self {
            file,
            reader,
            cases: Vec::new(),
            problems: Vec::new(),
            errors: 0,
            said: HashSet::new(),
            warnings: 0,
            any: false,
        }
    }

    /// Whether reading on is of no use: the suite is refused.
    fn is_full(&self) -> bool {
        self.errors >= MAX_PROBLEMS
    }

    /// The case of a row, and what is wrong with it.
    fn resolve(&mut self, spec: RowSpec, row: Row<'_>, is_whole: bool) -> (Case, Vec<Problem>) {
        let name = spec.name.clone().unwrap_or_else(|| derived_name(&spec));
        let before = std::mem::take(&mut self.reader.problems);
        let case = self.reader.case(spec.into_case(name), is_whole, Origin::Row(row), row.start());
        (case, std::mem::replace(&mut self.reader.problems, before))
    }

    fn add(&mut self, case: Case, problems: Vec<Problem>) {
        self.cases.push(case);
        for problem in problems {
            self.report(problem);
        }
    }

    /// What every row would repeat, a warning or a key that is misspelt, is said of the first one.
    fn report(&mut self, problem: Problem) {
        let is_of_all = !problem.is_error() || [MISSPELT, OF_A_SUITE].contains(&problem.code);
        if is_of_all {
            let message = problem.message.as_str();
            let said = message.split_once(": ").map_or(message, |(_, rest)| rest);
            if !self.said.insert(said.to_owned()) {
                return;
            }
        }
        if problem.is_error() {
            self.errors += 1;
        } else {
            self.warnings += 1;
            if self.warnings > MAX_PROBLEMS {
                return;
            }
        }
        self.problems.push(problem);
    }

    fn finish(self, cases: &mut Vec<Case>) {
        if !self.any && !has_errors(&self.problems) {
            let problem = Problem::error("suite::empty_dataset", "this dataset has no rows");
            let place = Place::whole_file(self.file);
            self.reader.problems.push(problem.at(place).help("write a row, or take it out of `datasets`"));
        }
        self.reader.problems.extend(self.problems);
        if let Some(unsaid @ 1..) = self.warnings.checked_sub(MAX_PROBLEMS) {
            let problem = Problem::warning(
                "suite::more_warnings",
                format!(
                    "{} of this file {} not shown",
                    plural(unsaid, "more warning"),
                    if unsaid == 1 { "is" } else { "are" }
                ),
            );
            let help = "every row is read; mend what is shown, and the others are";
            self.reader.problems.push(problem.at(Place::whole_file(self.file)).help(help));
        }
        append(cases, self.cases);
    }
}

/// Appends without a second copy where there is nothing to append to.
pub(super) fn append(cases: &mut Vec<Case>, more: Vec<Case>) {
    if cases.is_empty() {
        *cases = more;
    } else {
        cases.extend(more);
    }
}

/// The name of a row that has none: taken of what it asks, so that it stays when rows move.
fn derived_name(spec: &RowSpec) -> Located<String> {
    let inputs = spec.inputs.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect();
    let digest = Digest::of(canonical_values(&inputs));
    Located { value: format!("row_{}", digest.short()), span: Span::default() }
}
