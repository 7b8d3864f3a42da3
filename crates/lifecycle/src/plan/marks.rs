//! A version that somebody rolled back from, or whose canary somebody ended, is not served again as if nothing had been.

use promptassay_registry::version::Version;

use super::{Planner, Refusal, Warrant};
use crate::evidence::is_since;

impl Planner<'_> {
    /// Whoever rolled back from a version did so for a reason, which takes evidence or broken glass to overrule.
    pub(super) fn not_rolled_back_from(&self, version: &Version) -> Result<(), Refusal> {
        match self.state.versions().get(version).and_then(|known| known.mark.as_ref()) {
            Some(mark) => {
                let (version, reason) = (version.clone(), mark.reason.clone());
                Err(Refusal::RolledBackFrom { version, at: mark.at, reason })
            }
            None => Ok(()),
        }
    }

    /// What was known when the canary began did not prevent its end. So it takes something that is younger, or somebody who
    /// says why not: a share that was too large, say, is no fault of the version.
    pub(super) fn not_on_what_was_known(&self, version: &Version, warrant: &Warrant) -> Result<(), Refusal> {
        let known = self.state.versions().get(version);
        let Some(ended) = known.and_then(|known| known.aborted.as_ref()) else { return Ok(()) };
        let is_younger = match warrant {
            Warrant::Evidence(brought) => is_since(&brought.0, version, &brought.1, ended),
            Warrant::None | Warrant::BreakGlass => false,
        };
        if is_younger || self.command.reason.is_some() {
            return Ok(());
        }
        let (version, reason) = (version.clone(), ended.reason.clone());
        Err(Refusal::Aborted { version, at: ended.at, reason })
    }
}
