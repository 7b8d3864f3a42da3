//! What a reader should know of replies that are not what models said.

use promptassay_llm::EnvironmentName;

use crate::plan::Remark;
use crate::record::{CutOut, Record};

/// A warning for each variable of the environment whose value was cut out of replies of a run.
pub(super) fn remarks(record: &Record) -> Vec<Remark> {
    record.redacted().into_iter().map(|(name, cut_out)| remark(name, cut_out)).collect()
}

fn remark(name: &EnvironmentName, cut_out: CutOut) -> Remark {
    let count = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {many}")),
    };
    let replies = count(cut_out.replies, "reply", "replies");
    let judgements = count(cut_out.judgements, "answer of a judge", "answers of judges");
    let among: Vec<String> = replies.into_iter().chain(judgements).collect();
    Remark {
        code: "run::redacted".to_owned(),
        message: format!(
            "the value of `{name}` was cut out of {}; `[redacted]` stands in its place, 0 in that of a number, and that is what was judged",
            among.join(" and ")
        ),
        help: Some(
            "if it is a secret, find out who tells it to the model or repeats it, and renew it; if it is none, such as a number that answers \
             may well hold, give the variable another value. Replies that are kept stay as they are until `--refresh` asks anew"
                .to_owned(),
        ),
        file: None,
        prompt: None,
    }
}
