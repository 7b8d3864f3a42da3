//! Prompts and what is served of them, for a long-running program: one state, read at once and swapped at once.
//!
//! A tree from memory and a ledger from the disk do not belong together: behind the next promotion they disagree, and nothing would be
//! served until somebody reloads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use promptassay_registry::live::ReloadError;
use promptassay_registry::problem::{Problem, has_errors};
use promptassay_registry::tree::{FindPromptError, Loaded, Prompt, Tree};

use crate::ledger::{self, Ledger};
use crate::serving::{NotServed, Resolution, Served};

/// A handle to the prompts of a directory and to what their ledgers say. Cheap to clone, shared between threads; every clone sees every
/// reload. Readers take no lock.
#[derive(Debug, Clone)]
pub struct LivePrompts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    current: ArcSwap<LiveState>,
    /// Reloads come one after the other, so that an older state never replaces a newer one.
    reloading: Mutex<()>,
}

/// The prompts and what is served of each, as they were at one moment.
#[derive(Debug)]
pub struct LiveState {
    tree: Tree,
    served: BTreeMap<String, Result<Served, NotServed>>,
}

/// Why a reload changed nothing: the last good state stays.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotReloaded {
    /// The files have errors.
    #[error(transparent)]
    Prompts(#[from] ReloadError),
    /// A ledger cannot be read.
    #[error("{0}")]
    Ledger(Box<Problem>),
    /// Of a prompt it cannot be said what is served: the ledger cannot be trusted, or the files do not agree with it.
    #[error("{0}; {help}", help = .0.help())]
    Served(Box<NotServed>),
}

/// Why a user is served nothing of a prompt.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NothingServed {
    /// There is no such prompt.
    #[error(transparent)]
    Unknown(Box<FindPromptError>),
    /// Nothing of it is served.
    #[error(transparent)]
    NotServed(Box<NotServed>),
}

impl From<FindPromptError> for NothingServed {
    fn from(error: FindPromptError) -> Self {
        Self::Unknown(Box::new(error))
    }
}

impl From<NotServed> for NothingServed {
    fn from(reason: NotServed) -> Self {
        Self::NotServed(Box::new(reason))
    }
}

impl LivePrompts {
    /// Reads the prompts directory and the ledgers in it.
    ///
    /// # Errors
    ///
    /// What [`reload`](Self::reload) refuses.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, NotReloaded> {
        let root = root.into();
        let current = ArcSwap::from_pointee(LiveState::read(&root)?);
        Ok(Self { shared: Arc::new(Shared { root, current, reloading: Mutex::new(()) }) })
    }

    /// The prompts directory, as it was named.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The state of the last successful reload; what is read from one state belongs together.
    pub fn state(&self) -> Arc<LiveState> {
        self.shared.current.load_full()
    }

    /// Reads the files again and swaps the state at once, for every clone: on a signal or a timer, not with every call.
    ///
    /// # Errors
    ///
    /// An error in any file, a ledger that cannot be trusted, or a prompt whose files and ledger disagree: the state stays as it is. That
    /// nothing of a prompt is in production is no error of the reload.
    pub fn reload(&self) -> Result<(), NotReloaded> {
        let _one_at_a_time = self.shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let state = LiveState::read(&self.shared.root)?;
        self.shared.current.store(Arc::new(state));
        Ok(())
    }
}

impl LiveState {
    /// Twice, where a command may have written between the files and the ledger. A mistake in a file lasts.
    fn read(root: &Path) -> Result<Self, NotReloaded> {
        match Self::read_once(root) {
            Err(NotReloaded::Ledger(_) | NotReloaded::Served(_)) => Self::read_once(root),
            read => read,
        }
    }

    fn read_once(root: &Path) -> Result<Self, NotReloaded> {
        let Loaded { tree, problems } = Tree::load(root);
        if has_errors(&problems) {
            return Err(ReloadError { root: root.to_owned(), problems }.into());
        }
        let mut all = BTreeMap::new();
        for prompt in tree.prompts() {
            let served = served(prompt)?;
            all.insert(prompt.name().as_str().to_owned(), served);
        }
        Ok(Self { tree, served: all })
    }

    /// The prompts.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What is served of a prompt, to whomever.
    ///
    /// # Errors
    ///
    /// There is no such prompt, or nothing of it is in production.
    pub fn served(&self, prompt: &str) -> Result<&Served, NothingServed> {
        let prompt = self.tree.find(prompt)?;
        match self.served.get(prompt.name().as_str()) {
            Some(Ok(served)) => Ok(served),
            Some(Err(reason)) => Err(reason.clone().into()),
            // Every prompt of the tree is there.
            None => Err(NotServed::NothingInProduction { prompt: prompt.name().clone() }.into()),
        }
    }

    /// What this user is served of a prompt, to be rendered. Nothing is read.
    ///
    /// # Errors
    ///
    /// There is no such prompt, or nothing of it is in production.
    pub fn resolve(
        &self,
        prompt: &str,
        unit: Option<&str>,
        now: Timestamp,
    ) -> Result<Resolution<'_>, NothingServed> {
        Ok(self.served(prompt)?.resolve(unit, now))
    }
}

/// What is served, or why nothing legitimately is; an error where it cannot be said.
fn served(prompt: &Prompt) -> Result<Result<Served, NotServed>, NotReloaded> {
    let directory = prompt.directory();
    let ledger = if ledger::exists(directory) {
        Some(Ledger::read(directory, prompt.name()).map_err(NotReloaded::Ledger)?)
    } else {
        None
    };
    match Served::of(prompt, ledger.as_ref(), None) {
        Ok(served) => Ok(Ok(served)),
        Err(reason @ (NotServed::NothingInProduction { .. } | NotServed::Latest { .. })) => Ok(Err(reason)),
        Err(reason) => Err(NotReloaded::Served(Box::new(reason))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use promptassay_registry::template::Values;

    use super::*;
    use crate::commit::prepare;
    use crate::plan::{Request, Warrant};
    use crate::policy::Policy;
    use crate::stage::Stage;
    use crate::testing::{Prompts, command, hour, proof_at, text, v};

    fn done(prompts: &Prompts, request: Request, at: i64) {
        let command = command(request);
        prepare(&prompts.prompt(), &prompts.ledger(), None, &command, hour(at), &Policy::default())
            .unwrap()
            .commit(&prompts.lock())
            .unwrap();
    }

    fn version(state: &LiveState, at: i64) -> String {
        state.resolve("support", None, hour(at)).unwrap().version.to_string()
    }

    #[test]
    fn a_move_is_served_with_the_next_reload_and_nobody_is_served_nothing_before() {
        let prompts = Prompts::new();
        done(&prompts, Request::Adopt { version: v("1.0.0") }, 0);
        let live = LivePrompts::open(prompts.root()).unwrap();
        let before = live.state();
        done(
            &prompts,
            Request::Promote { version: v("1.1.0"), to: Stage::Testing, warrant: Warrant::None },
            1,
        );
        let warrant = proof_at("1.1.0", 1);
        done(&prompts, Request::Canary { version: v("1.1.0"), share: "50".parse().unwrap(), warrant }, 2);
        let warrant = proof_at("1.1.0", 30);
        done(&prompts, Request::Promote { version: v("1.1.0"), to: Stage::Production, warrant }, 31);
        // The ledger on the disk is another one by now, and the state is whole all the same.
        assert_eq!(version(&live.state(), 32), "v1.0.0");
        live.clone().reload().unwrap();
        assert_eq!((version(&live.state(), 32), version(&before, 32)), ("v1.1.0".into(), "v1.0.0".into()));
        let state = live.state();
        let served = state.resolve("support", Some("user"), hour(32)).unwrap();
        assert_eq!((served.text, served.version), (text("1.1.0").as_str(), &v("1.1.0")));
        let values = Values::from_iter([("query".to_owned(), json!("hi"))]);
        assert_eq!(served.render(&values).unwrap().version, v("1.1.0"));
    }

    #[test]
    fn what_is_wrong_changes_nothing_and_is_said() {
        let prompts = Prompts::new();
        done(&prompts, Request::Adopt { version: v("1.0.0") }, 0);
        let live = LivePrompts::open(prompts.root()).unwrap();
        let yaml = std::fs::read_to_string(prompts.directory().join("prompt.yaml")).unwrap();
        prompts.write("prompt.yaml", "name: support\nactive_version: v1.2.0\nvariables: [query]\n");
        insta::assert_snapshot!(live.reload().unwrap_err(), @"`support`: v1.0.0 is in production according to the ledger, and `active_version` is v1.2.0; `promptassay repair support` lets `active_version` follow the ledger");
        prompts.write("prompt.yaml", "name: support\nactive: v1.0.0\n");
        let said = live.reload().unwrap_err().to_string();
        assert!(said.contains("support/prompt.yaml:2:1: unknown key `active`"), "{said}");
        assert_eq!(version(&live.state(), 1), "v1.0.0");
        prompts.write("prompt.yaml", &yaml);
        live.reload().unwrap();
        let ledger = std::fs::read_to_string(prompts.directory().join("lifecycle.jsonl")).unwrap();
        prompts.write("lifecycle.jsonl", &ledger.replace("because", "for fun"));
        assert!(live.reload().unwrap_err().to_string().contains("cannot be trusted"));
        assert_eq!(version(&live.state(), 1), "v1.0.0");
    }

    #[test]
    fn a_prompt_of_which_nothing_is_served_stands_in_no_other_ones_way() {
        let prompts = Prompts::new();
        prompts.write("prompt.yaml", "name: support\nactive_version: latest\nvariables: [query]\n");
        let state = LivePrompts::open(prompts.root()).unwrap().state();
        let why = |name: &str| state.resolve(name, None, hour(0)).unwrap_err();
        assert!(why("support").to_string().contains("has no ledger, and `latest`"), "{}", why("support"));
        assert!(matches!(why("suport"), NothingServed::Unknown(_)));
    }
}
