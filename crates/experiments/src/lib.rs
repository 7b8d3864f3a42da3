//! Experiments: who gets which version, what came of it, and what follows.
//!
//! Assignment is a pure function; exposures and outcomes live in a store; the analysis reads them back and decides. This crate knows
//! no model, no evaluator, no lifecycle, no environment and no clock: the time comes in as an argument.
//!
//! The same user always gets the same variant, and no store is asked for it:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use promptassay_experiments::assignment::{Assigner, Assignment, Exposure, HashedKey};
//!
//! let key = HashedKey { seed: "000102030405060708090a0b0c0d0e0f".parse()?, phase: 1, unit_type: "user" };
//! let assigner = Assigner::hashed(&key, &[50, 50], Exposure::EVERYBODY)?;
//! let assigned = assigner.assign(b"user_123")?;
//! assert!(matches!(assigned, Assignment::Variant(0 | 1)));
//! assert_eq!(assigner.assign(b"user_123")?, assigned);
//! # Ok(())
//! # }
//! ```
//!
//! [`manager::Manager`] serves, records and analyses; [`analysis`] decides.

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
