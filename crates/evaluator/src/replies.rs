//! Recorded replies: what a model answered once, or what a person wrote in its place, for review and for runs without a network.

mod judgements;
mod lines;
mod merge;
mod row;
mod unused;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use promptassay_llm::{ChatRequest, ModelRow, Reply};
use promptassay_registry::digest::Digest;
use promptassay_registry::files::{check_inside, may_be_there, read_text};
use promptassay_registry::problem::{Place, Problem};
use promptassay_registry::version::Version;
use serde::{Deserialize, Serialize};

pub use judgements::{Beside, NoJudgement, RecordedJudgements, merge_judgements};
pub use merge::{Merged, merge, without_lines};
pub use unused::Unused;

use lines::Lines;
use row::RowSpec;

/// The largest file of recorded replies that is read.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// The text of a file of recorded replies; `None` where there is none. One that is a link out of `repository` is refused.
pub fn read_file(path: &Path, repository: &Path) -> Result<Option<String>, Box<Problem>> {
    if !may_be_there(path) {
        return Ok(None);
    }
    check_inside(path, repository)?;
    read_text(path, MAX_FILE_BYTES).map(Some)
}

/// The digest of a request to a model: what ties a recorded reply to the question that it answers. Secrets are no part of it.
pub fn request_digest(row: &ModelRow, request: &ChatRequest) -> Digest {
    Digest::of(request.canonical_json(row.provider, &row.endpoint(), &row.model))
}

/// Which question a recorded reply answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplyKey {
    /// The case's name.
    pub case: String,
    /// The version that was asked.
    pub version: Version,
    /// The name of the model row.
    pub model: String,
    /// Which repeat, from 1.
    pub repeat: u32,
}

/// Who wrote a recorded reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// A person.
    Hand,
    /// A model.
    Recorded,
}

/// The recorded replies of one prompt.
#[derive(Debug, Default)]
pub struct RecordedReplies {
    file: PathBuf,
    rows: HashMap<ReplyKey, Row>,
}

#[derive(Debug)]
struct Row {
    reply: Reply,
    request: Option<Digest>,
    author: Author,
    line: usize,
}

/// Why there is no recorded answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// Nobody recorded one.
    #[error("no reply is recorded in {}: `promptassay eval --record` asks the model and keeps one", file.display())]
    Missing {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// It answers another question than today's.
    #[error("stale reply: the one in {} answers another request than today's: {}", file.display(), renewed(*author))]
    Stale {
        /// The file.
        file: PathBuf,
        /// Who wrote it.
        author: Author,
        /// The row's line, from 1.
        line: usize,
    },
}

/// How a stale reply is renewed. What a person wrote is never replaced by a recording.
fn renewed(author: Author) -> &'static str {
    match author {
        Author::Recorded => "`promptassay eval --record` asks anew",
        Author::Hand => {
            "it was written by hand: write it anew, or delete its row and record one with `promptassay eval --record`"
        }
    }
}

impl RecordedReplies {
    /// Replies from a file's text, one JSON object a line. Everything that is wrong is added to `problems`.
    pub fn parse(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Self {
        let mut replies = Self::none(file);
        let help = "a row is {case, version, model, repeat, text or tool_calls, finish_reason, source}";
        Lines::new(file, text, help).each_row(problems, |row, line, place, problems| {
            replies.insert(row, line, place, problems);
        });
        replies
    }

    fn insert(&mut self, row: RowSpec, line: usize, place: &dyn Fn() -> Place, problems: &mut Vec<Problem>) {
        if let Some((message, help)) = row.fault() {
            problems.push(Problem::error("replies::invalid_row", message).at(place()).help(help));
            return;
        }
        let key = row.key();
        if let Some(first) = self.rows.get(&key) {
            problems.push(
                Problem::error(
                    "replies::duplicate_row",
                    format!(
                        "a second reply for {}, {}, model {}, repeat {}",
                        key.case, key.version, key.model, key.repeat
                    ),
                )
                .at(place())
                .help(format!("the first is in line {}; keep one of the two", first.line)),
            );
            return;
        }
        let (request, author) = (row.request_sha256, row.source);
        self.rows.insert(key, Row { reply: row.into_reply(), request, author, line });
    }

    /// No replies, looked for in `file`.
    pub fn none(file: &Path) -> Self {
        Self { file: file.to_owned(), rows: HashMap::new() }
    }

    /// How many replies there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The reply that a person wrote to a question, where one did; it may be stale.
    pub fn by_hand(&self, key: &ReplyKey, request: &Digest) -> Option<Result<&Reply, NoReply>> {
        self.rows.get(key).filter(|row| row.author == Author::Hand).map(|_| self.find(key, request))
    }

    /// The reply to a question, if it was recorded for this very request. Rows without a digest, written by hand, answer whatever
    /// the request looks like today.
    pub fn find(&self, key: &ReplyKey, request: &Digest) -> Result<&Reply, NoReply> {
        let row = self.rows.get(key).ok_or_else(|| NoReply::Missing { file: self.file.clone() })?;
        match row.request {
            Some(recorded) if recorded != *request => {
                Err(NoReply::Stale { file: self.file.clone(), author: row.author, line: row.line })
            }
            _ => Ok(&row.reply),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"case":"a","version":"1.0.0","model":"default","repeat":1,"text":"hi","finish_reason":"stop","source":"hand"}"#;

    fn parse(text: &str) -> (RecordedReplies, Vec<String>) {
        let mut problems = Vec::new();
        let replies = RecordedReplies::parse(Path::new("r.jsonl"), text, &mut problems);
        (replies, problems.iter().map(ToString::to_string).collect())
    }

    fn key(case: &str) -> ReplyKey {
        ReplyKey { case: case.into(), version: Version::release(1, 0, 0), model: "default".into(), repeat: 1 }
    }

    #[test]
    fn a_reply_is_found_by_its_key() {
        let (replies, problems) =
            parse(&format!("{{\"schema\":1,\"source\":\"hand\",\"note\":\"x\"}}\n\n{ROW}\r\n"));
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(replies.find(&key("a"), &Digest::of("any")).unwrap().text, "hi");
        insta::assert_snapshot!(replies.find(&key("b"), &Digest::of("any")).unwrap_err(), @"no reply is recorded in r.jsonl: `promptassay eval --record` asks the model and keeps one");
    }

    #[test]
    fn a_reply_to_another_request_is_stale() {
        let digest = Digest::of("then");
        let row = ROW.replace("\"text\"", &format!("\"request_sha256\":\"{digest}\",\"text\""));
        let (replies, _) = parse(&row.replace("\"hand\"", "\"recorded\""));
        assert!(replies.find(&key("a"), &digest).is_ok());
        insta::assert_snapshot!(replies.find(&key("a"), &Digest::of("now")).unwrap_err(), @"stale reply: the one in r.jsonl answers another request than today's: `promptassay eval --record` asks anew");
    }

    #[test]
    fn a_stale_reply_by_hand_is_renewed_by_hand() {
        let digest = Digest::of("then");
        let row = ROW.replace("\"text\"", &format!("\"request_sha256\":\"{digest}\",\"text\""));
        let (replies, _) = parse(&row);
        insta::assert_snapshot!(replies.find(&key("a"), &Digest::of("now")).unwrap_err(), @"stale reply: the one in r.jsonl answers another request than today's: it was written by hand: write it anew, or delete its row and record one with `promptassay eval --record`");
    }

    #[test]
    fn a_row_without_a_reply_is_none() {
        let without = ROW.replace("\"text\":\"hi\",", "");
        let (replies, problems) = parse(&format!("{without}\n{}\n", ROW.replace(":1,", ":0,")));
        assert_eq!(replies.count(), 0);
        insta::assert_snapshot!(problems.join("\n"), @r#"
        r.jsonl:1:1: there is no reply in this row (help: write its `text`, `refusal` or `tool_calls`; an empty reply is `"text":""`)
        r.jsonl:2:1: repeats are counted from 1 (help: write `"repeat":1` for the first)
        "#);
        let (replies, problems) = parse(&ROW.replace("hi", ""));
        assert!(problems.is_empty(), "an empty reply is one: {problems:?}");
        assert_eq!(replies.find(&key("a"), &Digest::of("any")).unwrap().text, "");
    }

    #[test]
    fn every_bad_row_is_reported_with_its_line() {
        let text =
            format!("{{\"schema\":2}}\n{ROW}\nnot json\n{ROW}\n{}\n", ROW.replace("\"case\"", "\"kase\""));
        let (_, problems) = parse(&text);
        insta::assert_snapshot!(problems.join("\n"));
    }
}
