//! How reports that are kept name files: the same wherever one stands.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::plan::{Plan, Remark};

/// The files that reports name, from the root of the repository. A plan names them as messages do: from the directory in which the
/// program was started.
#[derive(Debug, Clone, Default)]
pub struct FileNames(HashMap<PathBuf, String>);

impl FileNames {
    /// The files of a plan, each under the name that `name` gives it. Every file is asked for once.
    pub fn of(plan: &Plan, name: impl Fn(&Path) -> String) -> Self {
        let mut names = HashMap::new();
        let mut add = |file: &Path| {
            if !names.contains_key(file) {
                names.insert(file.to_owned(), name(file));
            }
        };
        for prompt in plan.prompts() {
            add(&prompt.suite.file);
            for case in &prompt.suite.cases {
                add(&case.place.file);
            }
        }
        for file in plan.remarks().iter().filter_map(|remark| remark.file.as_deref()) {
            add(Path::new(file));
        }
        Self(names)
    }

    /// The name of a file; one of which nothing is known is named as it is.
    pub(super) fn name(&self, file: &Path) -> String {
        self.0.get(file).cloned().unwrap_or_else(|| file.display().to_string())
    }

    /// The remarks of a plan, as programs read them.
    pub fn remarks(&self, plan: &Plan) -> Vec<Remark> {
        let named = |remark: &Remark| Remark { file: self.of_remark(remark), ..remark.clone() };
        plan.remarks().iter().map(named).collect()
    }

    /// The file that a remark is about.
    fn of_remark(&self, remark: &Remark) -> Option<String> {
        remark.file.as_deref().map(|file| self.name(Path::new(file)))
    }
}
