//! What the commands of the lifecycle have in common: who acts, what allows it, how a move is carried out, how it is told.

mod acting;
mod evidence;
mod live;
mod moving;
mod reading;
mod telling;

pub(crate) use acting::{MoveArguments, VersionArguments};
pub(crate) use evidence::WarrantArguments;
pub(crate) use live::{Asked, BesideDrafts, find_asked, find_live};
pub(crate) use moving::{Moved, Reach, carry_out, finish_interrupted, not_mirrored, perform};
pub(crate) use reading::{
    Governed, directory_of, governed, history_of, ledger_of, passed_over, policy_of, sound, trusted,
};
pub(crate) use telling::{canary_json, canary_text, change_of, field, grounds_of};
