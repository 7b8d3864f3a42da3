//! Stages of a prompt's versions: which moves there are, what each needs, and the ledger that remembers them.
//!
//! The ledger is the only source of truth; a state is a fold of it. A command is planned by a pure function and then written in one
//! append. This crate knows prompts and files. It knows no network, no evaluator, no clock and no environment: time, actor and
//! digests come in as arguments.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use promptassay_lifecycle::actor::{Actor, ActorKind, KnownBy};
//! use promptassay_lifecycle::plan::{Command, Request, plan};
//! use promptassay_lifecycle::policy::Policy;
//! use promptassay_lifecycle::state::State;
//! use promptassay_registry::digest::Digest;
//! use promptassay_registry::version::Version;
//!
//! let version: Version = "1.0.0".parse()?;
//! let command = Command {
//!     actor: Actor { name: "Ada".to_owned(), kind: ActorKind::Human, known_by: KnownBy::Git },
//!     reason: Some("Live since spring".to_owned()),
//!     files: [(version.clone(), Digest::of("Greet {name}."))].into(),
//!     active: None,
//!     request: Request::Adopt { version: version.clone() },
//! };
//! let now = "2026-11-23T10:00:00Z".parse()?;
//! let mut state = State::default();
//! let planned = plan(&state, &command, now, &Policy::default())?;
//! state.apply(&planned.events)?;
//! assert_eq!(state.production(), Some(&version));
//! // What is in production cannot be adopted again: a refusal says why, and changes nothing.
//! assert!(plan(&state, &command, now, &Policy::default()).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! [`commit`] writes what was planned; [`serving`] says what a user is served.

pub mod actor;
mod canonical;
pub mod commit;
mod duration;
pub mod event;
pub mod evidence;
pub mod ledger;
pub mod live;
pub mod pending;
pub mod plan;
pub mod policy;
pub mod routing;
pub mod serving;
pub mod snapshot;
pub mod stage;
pub mod state;
pub mod verify;

#[cfg(test)]
mod testing;

/// Compiles the Rust of the page that users read.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/lifecycle.md")]
struct Page;
