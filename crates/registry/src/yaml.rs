//! YAML that people write, read strictly: every problem at once, each at its place.
//!
//! [`Document::parse`] turns text into a tree of nodes that remember where they stand; [`Document::read`] feeds that tree to a
//! serde type. A value that does not fit is reported, left out, and reading goes on, so that one mistake never hides the next.
//! The YAML library is known here and nowhere else.

mod control;
mod discretion;
mod document;
mod edit;
mod located;
mod node;
mod reader;
mod spelled;
mod unclosed;

pub(crate) use discretion::Discretion;

pub use control::{ControlCharacter, control_character, unmeant_character};
pub use document::{Document, Reading};
pub use edit::{EditError, replace_scalar};
pub use located::{Located, Span};
pub use reader::{error_of_whole, error_with_help};
pub use spelled::{any_spelled, spelled, spelled_text};
