//! Experiments: who gets which version, what came of it, and what follows.
//!
//! Assignment is a pure function; exposures and outcomes live in a store; the analysis reads them back and decides. This crate knows
//! no model, no evaluator, no lifecycle, no environment and no clock: the time comes in as an argument.

pub mod analysis;
pub mod assignment;
pub mod canary;
pub mod definition;
pub mod duration;
pub mod event;
pub mod manager;
pub mod recorder;
pub mod simulate;
pub mod store;
pub mod table;

/// Compiles and runs the Rust of the page that users read.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/experiments.md")]
struct Page;
