//! Numbers in, numbers out: intervals, tests, corrections and power for comparing versions of a prompt.
//!
//! Every function is pure and total: any input gives a value or a named reason ([`Undefined`]), in bounded
//! time. Nothing here reads files, a clock or global randomness, and nothing knows what a prompt is.
//!
//! - The verdict: [`score`] first; beside it [`proportion`], [`mcnemar`], [`feasibility`], [`chance_to_pass`], [`power`],
//!   [`repeats`], [`quantile`].
//! - Experiments: [`moments`], [`welch`], [`newcombe`], [`fieller`], [`ratio`], [`cuped`], [`holm`], [`homogeneity`], [`sample_ratio`],
//!   [`sequential`].
//! - The canary: [`canary`].
//!
//! The binary calls most of it. What is for programs that build on this crate alone: planning a suite from variances
//! ([`power::cases_for_paired_difference`], [`power::detectable_paired_difference`]), looking into repeats
//! ([`repeats::pass_at_k`], [`repeats::flaky_probability`], [`repeats::variance_components`],
//! [`repeats::paired_variance`]), and the verdict's interval from a list ([`score::score_interval_of_differences`]). Each is held to
//! values that were computed elsewhere.
//!
//! `docs/statistics.md` says for each method when it is used, what it assumes, and works an example.
//!
//! Of 40 cases, a new version fixed 8 and broke 1:
//!
//! ```
//! # fn main() -> Result<(), promptassay_stats::Undefined> {
//! use promptassay_stats::Confidence;
//! use promptassay_stats::score::score_interval_of_differences;
//!
//! let differences = [vec![1.0; 8], vec![-1.0], vec![0.0; 31]].concat();
//! let interval = score_interval_of_differences(&differences, Confidence::each_end(0.95)?)?;
//! let points = |share: f64| (share * 1000.0).round() / 10.0;
//! assert_eq!([interval.lower, interval.estimate, interval.upper].map(points), [6.1, 17.5, 30.3]);
//! # Ok(())
//! # }
//! ```
#![expect(clippy::doc_markdown, reason = "people and programs have capital letters inside their names")]

pub mod canary;
pub mod chance_to_pass;
mod confidence;
pub mod cuped;
pub mod distributions;
pub mod feasibility;
pub mod fieller;
pub mod holm;
pub mod homogeneity;
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
