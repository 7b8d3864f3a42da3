//! What the gates come to, in a line.

use crate::gate::{Gate, Verdict, grouped, plural};

/// How many gates passed; what could not be told and is let through did not, though it is in nobody's way.
pub(super) fn tally(gates: &[Gate]) -> String {
    let passed = gates.iter().filter(|gate| gate.verdict == Verdict::Passed).count();
    let through = match let_through(gates).count() {
        0 => String::new(),
        through => format!(", {} inconclusive let through", grouped(through as u64)),
    };
    format!("{} of {} passed{through}", grouped(passed as u64), plural(gates.len(), "gate"))
}

/// The gates that did not pass and do not block.
pub(super) fn let_through(gates: &[Gate]) -> impl Iterator<Item = &Gate> {
    gates.iter().filter(|gate| !gate.blocks && gate.verdict != Verdict::Passed)
}
