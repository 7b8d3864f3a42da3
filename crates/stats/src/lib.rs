//! Numbers in, numbers out: intervals, tests, corrections and power for comparing versions of a prompt.
//!
//! Every function is pure and total: any input gives a value or a named reason ([`Undefined`]), in bounded time. Nothing
//! here reads files, a clock or global randomness, and nothing knows what a prompt is.
//!
//! `docs/statistics.md` says for each method when it is used, what it assumes, and works an example.

mod confidence;
pub mod distributions;
pub mod score;
mod undefined;

pub use confidence::Confidence;
pub use undefined::Undefined;
