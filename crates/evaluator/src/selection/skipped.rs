//! Cases that somebody names and that are skipped.

use promptassay_registry::problem::Problem;

use super::Selection;
use crate::suite::Suite;

impl Selection {
    /// A warning for each `--case` that finds nothing but skipped cases, where others are asked: whoever names a case wants it asked. Where
    /// all find nothing, that is an error already.
    pub fn only_skipped<P>(&self, suites: &[(P, Suite)]) -> Vec<Problem> {
        let cases = || suites.iter().flat_map(|(_, suite)| &suite.cases);
        let mut problems = Vec::new();
        let mut is_one_asked = false;
        for named in self.names(suites) {
            let mut skipped = Vec::new();
            let mut is_asked = false;
            for case in cases().filter(|case| named.takes(&case.name)) {
                match &case.skip {
                    Some(reason) => skipped.push((case.name.as_str(), reason.as_str())),
                    None => is_asked = true,
                }
            }
            is_one_asked |= is_asked;
            if let ([(name, reason), more @ ..], false) = (skipped.as_slice(), is_asked) {
                let more = match more.len() {
                    0 => String::new(),
                    1 => ", and so is 1 more".to_owned(),
                    more => format!(", and so are {more} more"),
                };
                let message = format!(
                    "`--case {}` asks nothing: `{name}` is skipped ({}){more}",
                    named.pattern,
                    reason.trim().escape_debug()
                );
                let help = "take `skip` out of the case to have it asked";
                problems.push(Problem::warning("selection::only_skipped", message).help(help));
            }
        }
        if is_one_asked { problems } else { Vec::new() }
    }
}
