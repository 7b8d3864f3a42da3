//! From a suite to a verdict: a plan of trials, a run that emits events, a record of what happened, a summary, a gate, reports.
//!
//! This crate knows no command line, no terminal and no environment. What a run needs (replies, time, limits) comes in as
//! arguments; what comes out are values, and reports are pure functions of them.

pub mod attempts;
pub mod cache;
pub mod comparison;
pub mod drive;
pub mod event;
pub mod evidence;
pub mod gate;
pub mod inline;
pub mod journal;
pub mod judge;
pub mod merge;
pub mod outcome;
pub mod outputs;
pub mod plan;
pub mod policy;
mod program_words;
pub mod programs;
pub mod record;
pub mod replay;
pub mod replies;
pub mod report;
pub mod rescore;
pub mod run;
pub mod runs;
pub mod selection;
pub mod settings;
pub mod spending;
pub mod suite;
pub mod summary;
mod unique_keys;
pub mod validator;
