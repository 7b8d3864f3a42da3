//! Stages of a prompt's versions: which moves there are, what each needs, and the ledger that remembers them.
//!
//! The ledger is the only source of truth; a state is a fold of it. A command is planned by a pure function and then written in one
//! append. This crate knows prompts and files. It knows no network, no evaluator, no clock and no environment: time, actor and
//! digests come in as arguments.

pub mod actor;
mod canonical;
pub mod commit;
mod duration;
pub mod event;
pub mod evidence;
pub mod ledger;
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
