//! What a prompt is: its name, its versions, its template, its digests, and the `prompts/` tree that keeps them.
//!
//! This crate is vocabulary. It knows no network, no async, no lifecycle rule and no test suite, and it does not look into the
//! sections of `registry.yaml` that belong to others.

pub mod content;
pub mod digest;
mod excerpt;
pub mod files;
pub mod live;
pub mod lock_file;
pub mod memory;
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
