//! What one of two runs judged and the other did not, for whoever reads JSON.

use promptassay_evaluator::comparison::SideLabel;
use promptassay_evaluator::runs::PlannedPrompt;
use promptassay_registry::version::Version;
use serde::Serialize;

use super::Run;

/// What only one of the runs judged: a prompt, or a version of it on a model.
#[derive(Serialize)]
pub(super) struct OnlyIn {
    run: String,
    prompt: String,
    version: Option<Version>,
    model: Option<String>,
}

impl OnlyIn {
    pub(super) fn prompt(run: &Run, planned: &PlannedPrompt) -> Self {
        let (run, prompt) = (run.file.id.to_string(), planned.name.to_string());
        Self { run, prompt, version: None, model: None }
    }

    pub(super) fn side(run: &Run, planned: &PlannedPrompt, label: &SideLabel) -> Self {
        let (version, model) = (Some(label.version.clone()), Some(label.model.clone()));
        Self { version, model, ..Self::prompt(run, planned) }
    }
}
