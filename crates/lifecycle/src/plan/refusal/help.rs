//! What to do after a refusal, where that takes more than a sentence.

use promptassay_registry::version::Version;

use crate::evidence::{EvidenceFault, ReplySource};
use crate::stage::Stage;

/// The command that leads to evidence without these faults.
pub(super) fn help_with_evidence(version: &Version, faults: &[EvidenceFault], offline: bool) -> String {
    let eval = format!("promptassay eval NAME --candidate {version}");
    let not_allowed = faults.iter().find_map(|fault| match fault {
        EvidenceFault::Replies { source_of_replies, allowed } => Some((*source_of_replies, allowed)),
        _ => None,
    });
    if faults.iter().any(|fault| matches!(fault, EvidenceFault::ProductionMoved { .. })) {
        let offline = if offline { " --offline" } else { "" };
        return format!(
            "`{eval}{offline}` compares it with what is in production now; then `--evidence latest`"
        );
    }
    if faults.iter().any(EvidenceFault::is_of_age) {
        let has_no_model = |fault: &EvidenceFault| {
            matches!(
                fault,
                EvidenceFault::UndatedSinceRollback { source_of_replies: ReplySource::Recorded, .. }
            )
        };
        let without = if faults.iter().any(has_no_model) {
            ". Where none can be asked: `break_glass: allowed` under `lifecycle` in registry.yaml, and `--break-glass --reason WHY`"
        } else {
            ""
        };
        return format!(
            "`{eval} --refresh` asks the models now, whatever the cache or a file has; then `--evidence latest`{without}"
        );
    }
    match not_allowed {
        Some((ReplySource::Recorded, allowed)) => format!(
            "`{eval}`, without `--offline`, asks the models; then `--evidence latest`. Or let recorded replies prove something: `replies: [{allowed}, recorded]` under `lifecycle` in registry.yaml"
        ),
        Some((ReplySource::Cached, _)) => {
            format!(
                "`{eval} --refresh` asks the models now, whatever the cache has; then `--evidence latest`"
            )
        }
        Some((ReplySource::Live, _)) => {
            format!("`{eval} --offline` answers from recorded replies; then `--evidence latest`")
        }
        None => help_with_run(&if offline { format!("{eval} --offline") } else { eval }, faults),
    }
}

/// What to do before the suite is evaluated again with `eval`, and how.
fn help_with_run(eval: &str, faults: &[EvidenceFault]) -> String {
    let mut before = Vec::new();
    let (mut asks, mut with) = ("asks its whole suite", String::new());
    for fault in faults {
        match fault {
            EvidenceFault::NotPassed { .. } => {
                return "`promptassay report RUN` shows why, and what would change it".to_owned();
            }
            EvidenceFault::Incomplete => {
                return "`promptassay eval --resume RUN` asks what is missing; then bring the run again"
                    .to_owned();
            }
            EvidenceFault::TooFewCases { cases, least, .. } => before.push(format!(
                "give its suite {} more cases, or lower `min_cases` under `lifecycle` in registry.yaml",
                least.saturating_sub(*cases)
            )),
            EvidenceFault::ModelMissing { row } => {
                before.push(format!("add `{row}` to `models` of its suite"));
            }
            EvidenceFault::Filtered if with.is_empty() => {
                asks = "asks its whole suite, where no option chooses cases or models";
            }
            EvidenceFault::OtherBaseline { production, .. } | EvidenceFault::NoBaseline { production } => {
                asks = "compares it with";
                with = format!(" {production}, which is in production, where no `--baseline` says otherwise");
            }
            EvidenceFault::FromTheFuture { .. } => {
                before.push("set the clock of the machine that evaluates".to_owned());
            }
            _ => {}
        }
    }
    before.dedup();
    before.push(format!("`{eval}` {asks}{with}; then `--evidence latest`"));
    before.join("; ")
}

pub(super) fn help_with_move(version: &Version, from: Stage, to: Stage) -> String {
    match (from, to) {
        (Stage::Draft, Stage::Canary | Stage::Production) => {
            format!("`promptassay promote NAME {version} --to testing` comes first")
        }
        (Stage::Testing, Stage::Canary) => {
            format!("`promptassay canary NAME {version} --percent 5` begins a canary")
        }
        (Stage::Canary, Stage::Testing | Stage::Draft | Stage::Archived) => {
            "`promptassay abort NAME --reason WHY` ends the canary".to_owned()
        }
        (Stage::Production, Stage::Archived | Stage::Testing | Stage::Draft | Stage::Canary) => {
            "promote another version, roll back, or deprecate it first".to_owned()
        }
        (_, Stage::Archived) | (Stage::Production, Stage::Deprecated) => {
            format!(
                "`promptassay {} NAME {version} --reason WHY` does that",
                if to == Stage::Archived { "archive" } else { "deprecate" }
            )
        }
        _ => {
            let next: Vec<&str> = from.next().map(Stage::name).collect();
            match next.as_slice() {
                [] => format!("{from} is the end; add its text as a new version"),
                _ => format!("from {from} it can go to {}", next.join(" or ")),
            }
        }
    }
}
