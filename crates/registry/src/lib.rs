//! What a prompt is: its name, its versions, its template, its digests, and the `prompts/` tree that keeps them.
//!
//! This crate is vocabulary. It knows no network, no async, no lifecycle rule and no test suite, and it does not look into the
//! sections of `registry.yaml` that belong to others.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");
//! use promptassay_registry::template::Values;
//! use promptassay_registry::tree::Tree;
//!
//! let loaded = Tree::load(directory);
//! assert!(!loaded.has_errors(), "{:?}", loaded.problems);
//! let prompt = loaded.tree.find("customer_support")?;
//! let values: Values = [("company_name", "TechCorp"), ("query", "When are you open?")]
//!     .map(|(name, value)| (name.to_owned(), value.into()))
//!     .into();
//! let rendering = prompt.active_version()?.render(&values)?;
//! assert_eq!(rendering.version, "1.1.0".parse()?);
//! # Ok(())
//! # }
//! ```
//!
//! The active version is what `prompt.yaml` says to everybody: it passes by canaries and experiments. Where versions move by a ledger,
//! [`LivePrompts`](../promptassay_lifecycle/live/struct.LivePrompts.html) of the lifecycle crate says what a user is served, and
//! docs/lifecycle.md has the order of experiment, canary and production.
//!
//! A program that runs for long keeps a [`live::LiveRegistry`], which reloads while it is read, or those `LivePrompts`; one without files
//! registers its prompts in a [`memory::Registry`].

pub mod content;
pub mod digest;
pub mod duration;
mod excerpt;
pub mod files;
pub mod live;
pub mod lock_file;
pub mod memory;
pub mod merge_conflict;
pub mod name;
pub mod operations;
pub mod problem;
pub mod prompt_file;
pub mod registry_file;
pub mod schema;
pub mod template;
pub mod tree;
pub mod variables;
pub mod version;
pub mod version_file;
pub mod yaml;
