//! What an application is served: the version, its digest, its text, its stage, and why this one.

mod arm;

use jiff::Timestamp;
use promptassay_registry::content::VersionContent;
use promptassay_registry::digest::Digest;
use promptassay_registry::memory::{RenderFailure, Rendering};
use promptassay_registry::name::PromptName;
use promptassay_registry::template::{TemplateFormat, Values};
use promptassay_registry::tree::{Prompt, UnknownVersion};
use promptassay_registry::variables::Interface;
use promptassay_registry::version::{Version, VersionSelector};
use serde::{Deserialize, Serialize};

use crate::event::Canary;
use crate::ledger::Ledger;
use crate::pending;
use crate::routing::{Decision, decide};
use crate::stage::Stage;
use crate::state::State;

pub use arm::Arm;

/// A prompt as it is served: everything in memory, every digest checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Served {
    /// The head of its ledger; none where it has none, and `active_version` decides.
    pub head: Option<Digest>,
    /// What is served to all whom the canary is not.
    pub production: Arm,
    /// What is served to some.
    pub canary: Option<CanaryArm>,
}

/// A canary that is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryArm {
    /// To whom, and until when.
    pub settings: Canary,
    /// What.
    pub arm: Arm,
}

/// What one user is served.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resolution<'a> {
    /// The version.
    pub version: &'a Version,
    /// SHA-256 of its text.
    pub sha256: &'a Digest,
    /// The name of its file.
    pub file: &'a str,
    /// The stage that it is served from; none where there is no ledger.
    pub stage: Option<Stage>,
    /// Why this one.
    pub decision: Decision,
    /// The language of its templates, whatever that of later versions is.
    pub template_format: TemplateFormat,
    /// Its text, before its variables have values.
    pub text: &'a str,
    #[serde(skip)]
    arm: &'a Arm,
}

impl<'a> Resolution<'a> {
    /// What the text says, parsed: of a chat, its parameters and tools too.
    pub fn content(&self) -> &'a VersionContent {
        self.arm.content()
    }

    /// The language of its templates, and its variables.
    pub fn interface(&self) -> &'a Interface {
        &self.arm.interface
    }

    /// Adds defaults, checks the values and inserts them, as the version of the prompt would. Pure and quick: nothing is read.
    ///
    /// # Errors
    ///
    /// Values are missing or do not fit, all of them; or the template does not work with them.
    pub fn render(&self, values: &Values) -> Result<Rendering, RenderFailure> {
        self.arm.render(values)
    }
}

/// Why nothing is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    /// There is a ledger, and nothing is in production.
    #[error("nothing of `{prompt}` is in production")]
    NothingInProduction {
        /// The prompt.
        prompt: PromptName,
    },
    /// There is no ledger, and `active_version` moves by itself.
    #[error("`{prompt}` has no ledger, and `latest` would serve what nobody reviewed")]
    Latest {
        /// The prompt.
        prompt: PromptName,
    },
    /// There is no ledger, and `active_version` names nothing.
    #[error(transparent)]
    Unknown(#[from] UnknownVersion),
    /// There was no ledger then.
    #[error("`{prompt}` has no ledger that says what was served at {at}")]
    NoHistory {
        /// The prompt.
        prompt: PromptName,
        /// The time.
        at: Timestamp,
    },
    /// The ledger and `active_version` disagree.
    #[error(
        "`{prompt}`: {production} is in production according to the ledger, and `active_version` is {active}"
    )]
    Disagrees {
        /// The prompt.
        prompt: PromptName,
        /// What the ledger says.
        production: Version,
        /// What prompt.yaml says.
        active: VersionSelector,
    },
    /// The ledger cannot be trusted.
    #[error("the ledger of `{prompt}` cannot be trusted")]
    Faults {
        /// The prompt.
        prompt: PromptName,
    },
    /// The text is not what was promoted.
    #[error("{version} of `{prompt}` is not the text that was promoted: recorded {recorded}, found {}", found.as_ref().map_or_else(|| "no file".to_owned(), Digest::short), recorded = recorded.short())]
    Text {
        /// The prompt.
        prompt: PromptName,
        /// The version.
        version: Version,
        /// What the ledger knows.
        recorded: Digest,
        /// What is there.
        found: Option<Digest>,
    },
}

impl NotServed {
    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::NothingInProduction { prompt } => {
                format!(
                    "`promptassay promote {prompt} VERSION --to production` puts something there, or `adopt` where nothing ever was"
                )
            }
            Self::Latest { prompt } => {
                format!(
                    "`promptassay adopt {prompt} VERSION` records what is live, or name a version in `active_version`"
                )
            }
            Self::Unknown(error) => error.help().to_owned(),
            Self::NoHistory { .. } => "a ledger begins with `adopt` or `promote`".to_owned(),
            Self::Disagrees { prompt, .. } => {
                format!("`promptassay repair {prompt}` lets `active_version` follow the ledger")
            }
            Self::Faults { prompt } => format!("`promptassay verify {prompt}` says what is wrong"),
            Self::Text { .. } => "restore the file with git: a frozen text never changes".to_owned(),
        }
    }
}

impl Served {
    /// What is served of a prompt. With `at`, what was served then: `active_version` says nothing of that time.
    pub fn of(prompt: &Prompt, ledger: Option<&Ledger>, at: Option<Timestamp>) -> Result<Self, NotServed> {
        let name = || prompt.name().clone();
        let Some(ledger) = ledger else {
            return match (at, prompt.active()) {
                (Some(at), _) => Err(NotServed::NoHistory { prompt: name(), at }),
                (None, VersionSelector::Latest) => Err(NotServed::Latest { prompt: name() }),
                (None, VersionSelector::Exact(version)) => {
                    prompt.active_version()?;
                    Ok(Self { head: None, production: arm(prompt, version, None)?, canary: None })
                }
            };
        };
        if !ledger.faults().is_empty() {
            return Err(NotServed::Faults { prompt: name() });
        }
        let past: State;
        let state = match at {
            Some(at) => {
                past = ledger.state_at(at);
                &past
            }
            None => ledger.state(),
        };
        let production =
            state.production().ok_or_else(|| NotServed::NothingInProduction { prompt: name() })?;
        let agrees = *prompt.active() == VersionSelector::Exact(production.clone());
        // While a command writes, and after a crash, the ledger alone is right.
        if at.is_none() && !agrees && !pending::exists(prompt.directory()) {
            return Err(NotServed::Disagrees {
                prompt: name(),
                production: production.clone(),
                active: prompt.active().clone(),
            });
        }
        let recorded = |version: &Version| state.versions().get(version).map(|known| known.sha256);
        let canary = state
            .canary()
            .map(|running| {
                let arm = arm(prompt, &running.version, recorded(&running.version))?;
                Ok::<_, NotServed>(CanaryArm { settings: running.settings.clone(), arm })
            })
            .transpose()?;
        let production = arm(prompt, production, recorded(production))?;
        Ok(Self { head: state.head().copied(), production, canary })
    }

    /// What this user is served now. Pure and quick: nothing is read and nothing is allocated. Without a user, production.
    pub fn resolve(&self, unit: Option<&str>, now: Timestamp) -> Resolution<'_> {
        let settings = self.canary.as_ref().map(|canary| &canary.settings);
        let (stage, decision) = decide(settings, unit, now);
        let arm = match &self.canary {
            Some(canary) if stage == Stage::Canary => &canary.arm,
            _ => &self.production,
        };
        let (stage, decision) = match self.head {
            Some(_) => (Some(stage), decision),
            None => (None, Decision::ActiveVersion),
        };
        Resolution {
            version: &arm.version,
            sha256: &arm.sha256,
            file: &arm.file,
            stage,
            decision,
            template_format: arm.interface.format(),
            text: &arm.text,
            arm,
        }
    }
}

fn arm(prompt: &Prompt, version: &Version, recorded: Option<Digest>) -> Result<Arm, NotServed> {
    let loaded = prompt.version(version);
    let found = loaded.map(|loaded| loaded.digest);
    let (Some(loaded), true) = (loaded, found.is_some() && recorded.is_none_or(|it| Some(it) == found))
    else {
        return Err(NotServed::Text {
            prompt: prompt.name().clone(),
            version: version.clone(),
            recorded: recorded.unwrap_or_else(|| Digest::of("")),
            found,
        });
    };
    Ok(Arm::of(loaded))
}

#[cfg(test)]
mod tests;
