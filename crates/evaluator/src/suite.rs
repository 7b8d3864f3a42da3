//! A suite: the cases of a prompt, resolved. Whoever has a [`Suite`] knows that every case has a name of its own, inputs that the
//! prompt accepts, and at least one validator.

mod resolve;
mod spec;

use std::collections::BTreeSet;
use std::sync::Arc;

use promptassay_registry::problem::Place;
use promptassay_registry::template::Values;

use crate::policy::Policy;
use crate::validator::Validator;

pub use resolve::resolve;
pub use spec::{CaseSpec, SuiteSpec};

/// The cases of one prompt and how they are asked.
#[derive(Debug)]
pub struct Suite {
    /// The cases, in the file's order.
    pub cases: Vec<Case>,
    /// The names of the model rows that the cases are asked on; never empty.
    pub models: Vec<String>,
    /// How often each case is asked; at least 1.
    pub repeat: u32,
    /// What the gate asks for.
    pub policy: Policy,
}

/// One question, and what its answer must be like.
#[derive(Debug)]
pub struct Case {
    /// Unique in the suite; its identity from run to run.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The values that fill the prompt, defaults included.
    pub inputs: Values,
    /// What the answer must be like; never empty. Those of the suite come first and are shared.
    pub validators: Vec<Arc<Validator>>,
    /// Words to select by.
    pub tags: BTreeSet<String>,
    /// Cases of one cluster share a source and count as one unit.
    pub cluster: Option<String>,
    /// Whether every repeat must pass, whatever the gate's rate is.
    pub must_pass: bool,
    /// Why it is not asked, where it is not.
    pub skip: Option<String>,
}
