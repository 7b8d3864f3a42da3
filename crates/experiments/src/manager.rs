//! Experiments inside an application: the prompt for a unit, what came of it, and what it means.
//!
//! Assigning and rendering touch no store. Recording is handed to a thread; reading waits for it. The caller brings the time.
//!
//! ```
//! use jiff::Timestamp;
//! use promptassay_experiments::manager::{Manager, Prompts};
//! use promptassay_experiments::recorder::RecorderSettings;
//! use promptassay_experiments::store::Location;
//! use promptassay_registry::content::VersionContent;
//! use promptassay_registry::memory::{Registration, Registry};
//! use promptassay_registry::template::{Template, TemplateFormat, Values};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now: Timestamp = "2026-11-24T12:00:00Z".parse()?;
//! # let directory = tempfile::tempdir()?;
//! # let file = directory.path().join("experiments.db");
//! # let random_bytes = [7; 16];
//! let mut registry = Registry::new();
//! for (version, text) in [("1.0.0", "Help {company}."), ("1.1.0", "Help the customers of {company}.")] {
//!     let template = Template::parse(TemplateFormat::Format, text).map_err(|problems| problems[0].to_string())?;
//!     let content = VersionContent::Text(template);
//!     let (name, version) = ("customer_support".parse()?, version.parse()?);
//!     registry.register(Registration::new(name, version, content, "ada", now))?;
//! }
//! let prompts = Prompts::Memory(registry.into());
//! let mut manager = Manager::open(prompts, &Location::Sqlite(file), RecorderSettings::default(), random_bytes)?;
//!
//! manager.create_experiment(
//!     "support_prompt_v2",
//!     "customer_support",
//!     json!({
//!         "variants": [
//!             {"name": "control", "version": "1.0.0", "weight": 0.5},
//!             {"name": "treatment", "version": "1.1.0", "weight": 0.5},
//!         ],
//!         "scheme": "md5-10000-v1",
//!         "window": "7d",
//!         "metrics": {"satisfaction": {"kind": "mean", "role": "primary", "direction": "higher"}},
//!     }),
//! )?;
//!
//! let values = Values::from([("company".to_owned(), "TechCorp".into())]);
//! let served = manager.get_prompt("support_prompt_v2", b"user_123", &values, now)?;
//! assert_eq!(served.variant.as_deref(), Some("treatment"));
//! // … ask the model with `served.rendered`; then, because it was really used:
//! if let Some(exposure) = served.exposure {
//!     manager.record_exposure(exposure)?;
//! }
//! manager.record_result("support_prompt_v2", b"user_123", "satisfaction", 4.5, now)?;
//!
//! let results = manager.get_results("support_prompt_v2", now)?;
//! let row = &results.series[0];
//! assert_eq!((row.variant.as_str(), row.count, row.mean, row.min, row.max), ("treatment", 1, 4.5, 4.5, 4.5));
//! println!("{}", results.analysis.decision.sentence);
//! manager.shutdown()?;
//! # Ok(())
//! # }
//! ```

mod error;
mod prompts;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use promptassay_registry::content::Rendered;
use promptassay_registry::problem::did_you_mean;
use promptassay_registry::template::Values;
use promptassay_registry::version::{Version, VersionSelector};
use promptassay_registry::yaml::Document;
use serde_json::Value;

use crate::analysis::{Analysis, analyze};
use crate::assignment::Assignment;
use crate::definition::{Experiment, MetricKind, Owner};
use crate::event::{Event, EventIds, Exposure, Outcome};
use crate::recorder::{Recorded, Recorder, RecorderSettings};
use crate::store::{Location, Population, SeriesRow, Store, open};

pub use error::ManagerError;
pub use prompts::Prompts;

/// What a unit is served.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// The text or messages.
    pub rendered: Rendered,
    /// The version.
    pub version: Version,
    /// The variant; `None` for a unit that takes no part and is served the active version.
    pub variant: Option<String>,
    /// To be recorded where the prompt is really used; `None` for a unit that takes no part.
    pub exposure: Option<Exposure>,
}

/// What was recorded, and what it means.
#[derive(Debug, Clone)]
pub struct Results {
    /// Count, mean, smallest and largest outcome per metric and variant.
    pub series: Vec<SeriesRow>,
    /// The analysis, with the decision.
    pub analysis: Analysis,
}

/// Experiments over prompts, with a store. Share it by reference.
pub struct Manager {
    prompts: Prompts,
    experiments: BTreeMap<String, Experiment>,
    recorder: Recorder,
    reader: Mutex<Box<dyn Store>>,
    ids: Mutex<EventIds>,
}

impl std::fmt::Debug for Manager {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Manager")
            .field("experiments", &self.experiments.keys())
            .finish_non_exhaustive()
    }
}

impl Manager {
    /// Opens the store. `session` is 16 random bytes, drawn once per process: ids of outcomes begin with it.
    pub fn open(
        prompts: Prompts,
        location: &Location,
        settings: RecorderSettings,
        session: [u8; 16],
    ) -> Result<Self, ManagerError> {
        Ok(Self {
            prompts,
            experiments: BTreeMap::new(),
            recorder: Recorder::start(open(location)?, settings)?,
            reader: Mutex::new(open(location)?),
            ids: Mutex::new(EventIds::new(session)),
        })
    }

    /// Adds an experiment about a prompt: everything that its file would say, but for the name. What is wrong is reported all at once.
    pub fn create_experiment(
        &mut self,
        name: &str,
        prompt: &str,
        mut definition: Value,
    ) -> Result<&Experiment, ManagerError> {
        if let Some(keys) = definition.as_object_mut() {
            keys.insert("name".to_owned(), name.into());
        }
        let (prompt, versions) = self.prompts.versions(prompt)?;
        let mut problems = Vec::new();
        // JSON is YAML, so it is read by the reader of files, with the same rules.
        let document = Document::parse(format!("{name}.yaml"), format!("{definition:#}"), &mut problems);
        let owner = Owner { prompt: &prompt, versions: &versions };
        match document.and_then(|document| Experiment::read(&document, owner, &mut problems)) {
            Some(experiment) => self.add_experiment(experiment),
            None => Err(ManagerError::Definition(problems)),
        }
    }

    /// Adds an experiment that was read from a file.
    ///
    /// Versions of a tree must be registered: the text of another one may change while it is served, and its results would be those of two
    /// texts. Whether the experiment was started, and as what, is not asked: that is between `promptassay experiment start` and the store,
    /// and whoever serves without it says by the exposures which phase it was.
    pub fn add_experiment(&mut self, experiment: Experiment) -> Result<&Experiment, ManagerError> {
        let name = experiment.name.as_str().to_owned();
        if self.experiments.contains_key(&name) {
            return Err(ManagerError::Taken { name });
        }
        let prompt = &experiment.prompt;
        let mut versions = experiment.variants.iter().map(|variant| &variant.version);
        if let Some(version) = versions.find(|version| self.prompts.may_change(prompt, version)) {
            let (prompt, version) = (prompt.clone(), version.clone());
            return Err(ManagerError::Unregistered { prompt, version });
        }
        Ok(self.experiments.entry(name).or_insert(experiment))
    }

    /// The experiment of this name.
    pub fn experiment(&self, name: &str) -> Result<&Experiment, ManagerError> {
        self.experiments.get(name).ok_or_else(|| ManagerError::Unknown {
            name: name.to_owned(),
            help: did_you_mean(name, self.experiments.keys().map(String::as_str), "experiments"),
        })
    }

    /// The prompt for a unit. Nothing is recorded: record the exposure where the prompt is really used.
    pub fn get_prompt(
        &self,
        experiment: &str,
        unit: &[u8],
        values: &Values,
        at: Timestamp,
    ) -> Result<Served, ManagerError> {
        let experiment = self.experiment(experiment)?;
        let variant = match experiment.assign(unit)? {
            Assignment::Variant(index) => experiment.variants.get(index),
            Assignment::NotExposed => None,
        };
        let selector = variant.map(|variant| VersionSelector::Exact(variant.version.clone()));
        let (rendered, version) =
            self.prompts.render(experiment.prompt.as_str(), selector.as_ref(), values)?;
        let exposure = variant.map(|variant| Exposure {
            experiment: experiment.name.as_str().to_owned(),
            phase: experiment.allocation.phase,
            unit: unit.to_owned(),
            variant: variant.name.clone(),
            at,
        });
        Ok(Served { rendered, version, variant: variant.map(|variant| variant.name.clone()), exposure })
    }

    /// Records that a unit was really served what [`Manager::get_prompt`] gave.
    pub fn record_exposure(&self, exposure: Exposure) -> Result<(), ManagerError> {
        self.experiment(&exposure.experiment)?;
        Ok(self.recorder.record(Event::Exposure(exposure))?)
    }

    /// Records an outcome under an id of its own.
    pub fn record_result(
        &self,
        experiment: &str,
        unit: &[u8],
        metric: &str,
        value: f64,
        at: Timestamp,
    ) -> Result<(), ManagerError> {
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).next_id();
        self.record_result_once(experiment, unit, metric, value, at, id)
    }

    /// Records an outcome that counts once, however often it is recorded under the same id.
    pub fn record_result_once(
        &self,
        experiment: &str,
        unit: &[u8],
        metric: &str,
        value: f64,
        at: Timestamp,
        id: Vec<u8>,
    ) -> Result<(), ManagerError> {
        let experiment = self.experiment(experiment)?;
        check_value(experiment, metric, value)?;
        let outcome = Outcome {
            experiment: experiment.name.as_str().to_owned(),
            unit: unit.to_owned(),
            series: metric.to_owned(),
            value,
            at,
            id,
        };
        Ok(self.recorder.record(Event::Outcome(outcome))?)
    }

    /// Waits until everything is recorded, and says what it means.
    pub fn get_results(&self, experiment: &str, now: Timestamp) -> Result<Results, ManagerError> {
        self.recorder.flush()?;
        let experiment = self.experiment(experiment)?;
        let mut store = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let phase = experiment.allocation.phase;
        let analysis = analyze(experiment, store.as_mut(), phase, now)?;
        let series = store.series(Population::as_of(experiment.name.as_str(), phase, now))?;
        Ok(Results { series, analysis })
    }

    /// Waits until everything is recorded.
    pub fn flush(&self) -> Result<Recorded, ManagerError> {
        Ok(self.recorder.flush()?)
    }

    /// Records what waits, and ends.
    pub fn shutdown(self) -> Result<Recorded, ManagerError> {
        Ok(self.recorder.shutdown()?)
    }
}

/// Whether an outcome of this experiment may have this name and value.
pub fn check_value(experiment: &Experiment, series: &str, value: f64) -> Result<(), ManagerError> {
    let known = experiment.series();
    if !known.contains(&series) {
        return Err(ManagerError::UnknownMetric {
            experiment: experiment.name.as_str().to_owned(),
            series: series.to_owned(),
            help: did_you_mean(series, known, "metrics"),
        });
    }
    if !value.is_finite() {
        return Err(ManagerError::Value {
            series: series.to_owned(),
            value,
            why: "it must be a finite number",
        });
    }
    let is_binary = experiment.metric(series).is_some_and(|metric| metric.kind == MetricKind::Binary);
    if is_binary { check_flag(series, value) } else { Ok(()) }
}

/// Whether a value says yes or no, as those of rates and guardrails do.
pub fn check_flag(series: &str, value: f64) -> Result<(), ManagerError> {
    #[expect(clippy::float_cmp, reason = "exactly one or zero is meant")]
    if value == 0.0 || value == 1.0 {
        return Ok(());
    }
    Err(ManagerError::Value { series: series.to_owned(), value, why: "it must be 0 or 1" })
}
