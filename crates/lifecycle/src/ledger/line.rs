//! A line of a ledger, as it is written.

use jiff::Timestamp;
use promptassay_registry::digest::Digest;
use promptassay_registry::name::PromptName;
use promptassay_registry::version::Version;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FaultKind, Line};
use crate::actor::Actor;
use crate::canonical::canonical_json;
use crate::event::{Canary, Change, Event, Grounds, Verb};
use crate::evidence::EvidenceSummary;
use crate::stage::{Move, Stage};

/// The format of the lines.
pub const SCHEMA: u64 = 1;

/// The line's fields, in the order in which they are written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineSpec {
    schema: u64,
    seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
    at: Timestamp,
    prompt: PromptName,
    actor: Actor,
    command: Verb,
    action: Action,
    version: Version,
    sha256: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canary: Option<Canary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceSummary>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    break_glass: bool,
    policy: Digest,
    prev: Option<Digest>,
    hash: Digest,
}

/// Which line of a command's lines it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// From 1.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// What happened to the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// It went from one stage to another.
    Transition,
    /// It was live before there was a ledger.
    Adopt,
    /// Its canary is served to more users.
    Widen,
}

/// A line that is well-formed, not yet held against its neighbours.
#[derive(Debug)]
pub(super) struct Parsed {
    spec: LineSpec,
    change: Change,
    json: Value,
}

/// What stands before a line.
#[derive(Debug)]
pub(super) enum Before {
    /// It is the first.
    Nothing,
    /// Something that cannot be read.
    Unknown,
    /// Another line.
    Line { hash: Digest, seq: u64, part: Part, command: Verb },
}

/// A new line.
pub(super) fn render(
    event: &Event,
    prompt: &PromptName,
    seq: u64,
    part: Part,
    prev: Option<Digest>,
) -> (String, Digest) {
    let step = event.change.step();
    let (evidence, break_glass) = match event.change.grounds() {
        Grounds::Policy => (None, false),
        Grounds::Evidence(summary) => (Some(summary.clone()), false),
        Grounds::BreakGlass => (None, true),
    };
    let mut spec = LineSpec {
        schema: SCHEMA,
        seq,
        part: (part.of > 1).then_some(part),
        at: event.at,
        prompt: prompt.clone(),
        actor: event.actor.clone(),
        command: event.command,
        action: match step {
            Some(Move::Adopt) => Action::Adopt,
            Some(_) => Action::Transition,
            None => Action::Widen,
        },
        version: event.version.clone(),
        sha256: event.sha256,
        from: step.map(Move::from),
        to: step.map(Move::to),
        canary: event.change.canary().cloned(),
        reason: event.reason.clone(),
        evidence,
        break_glass,
        policy: event.policy,
        prev,
        hash: Digest::of(""),
    };
    spec.hash = hash(&spec);
    (to_text(&spec), spec.hash)
}

/// SHA-256 over the canonical form of everything but the hash itself.
fn hash(spec: &LineSpec) -> Digest {
    let mut value = to_value(spec);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("hash");
    }
    Digest::of(canonical_json(&value))
}

fn to_value(spec: &LineSpec) -> Value {
    // Nothing in it can fail to be written: there are no maps with keys that are not text.
    serde_json::to_value(spec).unwrap_or_default()
}

fn to_text(spec: &LineSpec) -> String {
    serde_json::to_string(spec).unwrap_or_default()
}

/// Whether a line that lacks its line feed lacks nothing else. No proper beginning of a JSON object is JSON, so a line that is was
/// written to its end, whoever wrote it: an editor took the line feed, or the disk.
pub(super) fn is_whole(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Reads a line without its line feed.
pub(super) fn parse(text: &str) -> Result<Parsed, FaultKind> {
    if text.starts_with("<<<<<<<") || text.starts_with("=======") || text.starts_with(">>>>>>>") {
        return Err(FaultKind::ConflictMarker);
    }
    if text.trim().is_empty() {
        return Err(FaultKind::Unreadable { message: "it is blank".to_owned() });
    }
    let unreadable = |error: serde_json::Error| FaultKind::Unreadable { message: error.to_string() };
    let json: Value = serde_json::from_str(text).map_err(unreadable)?;
    known_words(&json)?;
    let spec: LineSpec = serde_json::from_str(text).map_err(unreadable)?;
    let change = change(&spec).map_err(|message| FaultKind::Contradiction { message: message.to_owned() })?;
    if to_text(&spec) != text {
        return Err(FaultKind::NotExact);
    }
    Ok(Parsed { spec, change, json })
}

/// What only a newer program knows is named before the rest is looked at.
fn known_words(json: &Value) -> Result<(), FaultKind> {
    if let Some(schema) = json.get("schema").and_then(Value::as_u64).filter(|schema| *schema != SCHEMA) {
        return Err(FaultKind::UnknownSchema { schema });
    }
    let check = |what: &'static str, key: &str, known: &[&str]| match json.get(key).and_then(Value::as_str) {
        Some(name) if !known.contains(&name) => {
            Err(FaultKind::UnknownWord { what, name: name.escape_debug().to_string() })
        }
        _ => Ok(()),
    };
    let stages = Stage::ALL.map(Stage::name);
    check("action", "action", &["transition", "adopt", "widen"])?;
    check("command", "command", &Verb::ALL.map(Verb::name))?;
    check("stage", "from", &stages)?;
    check("stage", "to", &stages)
}

fn change(spec: &LineSpec) -> Result<Change, &'static str> {
    if spec.part.is_some_and(|part| part.of < 2 || part.index < 1 || part.index > part.of) {
        return Err("its part is not one of the parts");
    }
    let grounds = match (&spec.evidence, spec.break_glass) {
        (Some(_), true) => return Err("it has evidence and breaks the glass"),
        (Some(summary), false) => Grounds::Evidence(summary.clone()),
        (None, true) => Grounds::BreakGlass,
        (None, false) => Grounds::Policy,
    };
    let step = match (spec.action, spec.from, spec.to) {
        (Action::Widen, None, None) => None,
        (Action::Adopt, Some(Stage::Draft), Some(Stage::Production)) => Some(Move::Adopt),
        (Action::Transition, Some(from), Some(to)) => {
            Some(Move::between(from, to).ok_or("there is no move between these stages")?)
        }
        _ => return Err("its action does not fit its stages"),
    };
    match (step, &spec.canary) {
        (Some(Move::StartCanary), Some(canary)) => Ok(Change::StartCanary(canary.clone(), grounds)),
        (None, Some(canary)) if grounds == Grounds::Policy => Ok(Change::Widen(canary.clone())),
        (Some(step), None) if step != Move::StartCanary => Ok(Change::Move(step, grounds)),
        _ => Err("its canary does not fit its action"),
    }
}

impl Parsed {
    /// What is wrong with the line in its place.
    pub(super) fn faults(&self, before: &Before, prompt: &PromptName) -> Vec<FaultKind> {
        let spec = &self.spec;
        let mut faults = Vec::new();
        if hash(spec) != spec.hash {
            faults.push(FaultKind::WrongHash);
        }
        let (prev, seq, part) = match before {
            Before::Unknown => (spec.prev, spec.seq, self.part()),
            Before::Nothing => (None, 1, Part { index: 1, ..self.part() }),
            Before::Line { hash, seq, part, command } => {
                let continues = part.index < part.of;
                let wanted = if !continues {
                    Part { index: 1, ..self.part() }
                } else if *command == spec.command {
                    Part { index: part.index + 1, of: part.of }
                } else {
                    Part { index: 0, of: 0 }
                };
                (Some(*hash), seq.saturating_add(1), wanted)
            }
        };
        if prev != spec.prev {
            faults.push(FaultKind::BrokenChain { named: spec.prev, found: prev });
        }
        if seq != spec.seq {
            faults.push(FaultKind::WrongNumber { found: spec.seq, expected: seq });
        }
        if spec.prompt != *prompt {
            faults.push(FaultKind::OtherPrompt { found: spec.prompt.clone() });
        }
        if part != self.part() {
            faults.push(FaultKind::WrongPart { index: self.part().index, of: self.part().of });
        }
        faults
    }

    pub(super) fn as_before(&self) -> Before {
        let LineSpec { hash, seq, command, .. } = self.spec;
        Before::Line { hash, seq, part: self.part(), command }
    }

    fn part(&self) -> Part {
        self.spec.part.unwrap_or(Part { index: 1, of: 1 })
    }

    pub(super) fn into_line(self) -> Line {
        Line {
            seq: self.spec.seq,
            part: self.part(),
            event: Event {
                at: self.spec.at,
                actor: self.spec.actor,
                command: self.spec.command,
                version: self.spec.version,
                sha256: self.spec.sha256,
                change: self.change,
                reason: self.spec.reason,
                policy: self.spec.policy,
            },
            hash: self.spec.hash,
            json: self.json,
        }
    }
}
