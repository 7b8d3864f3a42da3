//! From a suite to a verdict: a plan of trials, a run that emits events, a record of what happened, a summary, a gate, reports.
//!
//! This crate knows no command line, no terminal and no environment. What a run needs (replies, time, limits) comes in as
//! arguments; what comes out are values, and reports are pure functions of them.

pub mod outcome;
pub mod policy;
pub mod settings;
pub mod validator;
