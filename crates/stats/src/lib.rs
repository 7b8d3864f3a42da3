//! Numbers in, numbers out: intervals, tests, corrections and power for comparing versions of a prompt.
//!
//! Every function is pure and total: any input gives a value or a named reason ([`Undefined`]), in bounded
//! time. Nothing here reads files, a clock or global randomness, and nothing knows what a prompt is.
//!
//! - The verdict: [`score`] first; beside it [`proportion`], [`mcnemar`], [`feasibility`], [`chance_to_pass`], [`power`],
//!   [`repeats`], [`quantile`].
//! - Experiments: [`moments`], [`welch`], [`newcombe`], [`fieller`], [`ratio`], [`cuped`], [`holm`], [`sample_ratio`],
//!   [`sequential`].
//! - The canary: [`canary`].
//!
//! `docs/statistics.md` says for each method when it is used, what it assumes, and works an example.
#![expect(clippy::doc_markdown, reason = "people and programs have capital letters inside their names")]

pub mod canary;
pub mod chance_to_pass;
mod confidence;
pub mod cuped;
pub mod distributions;
pub mod feasibility;
pub mod fieller;
pub mod holm;
pub mod mcnemar;
pub mod moments;
pub mod newcombe;
pub mod power;
pub mod proportion;
pub mod quantile;
mod random;
pub mod ratio;
pub mod repeats;
pub mod sample_ratio;
pub mod score;
pub mod sequential;
mod undefined;
pub mod welch;

pub use confidence::Confidence;
pub use undefined::Undefined;
