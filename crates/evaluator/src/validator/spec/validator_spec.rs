//! The file shape of a validator, `{check: argument, name?, weight?, threshold?, warn?, at?}`, and how it becomes one that cannot be
//! wrong.
//!
//! Read by hand: exactly one key is a check, and a place survives for everything that can be wrong.

use std::borrow::Cow;
use std::fmt;

use promptassay_registry::problem::{Problem, closest, did_you_mean};
use promptassay_registry::yaml::{Located, Span, error_of_whole, error_with_help};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::check_spec::CheckSpec;
use super::{Builder, CHECKS, CheckDescription, Context};
use crate::policy::Metric;
use crate::validator::Validator;
use crate::validator::json_path::JsonPath;

/// The keys that may stand beside the check.
const COMMON_KEYS: [&str; 5] = ["name", "weight", "threshold", "warn", "at"];

/// The file shape of a validator.
#[derive(Debug, Clone)]
pub struct ValidatorSpec {
    pub(super) name: Option<String>,
    pub(super) weight: Option<Located<f64>>,
    pub(super) threshold: Option<Located<f64>>,
    pub(super) warn: Option<Located<bool>>,
    pub(super) at: Option<Located<String>>,
    pub(super) description: &'static CheckDescription,
    pub(super) negated: bool,
    key: Span,
    pub(super) check: CheckSpec,
}

impl ValidatorSpec {
    /// Where the key of its check stands.
    pub(crate) fn key_span(&self) -> Span {
        self.key
    }

    /// Where it says that it is only reported.
    pub(in crate::validator) fn warn_span(&self) -> Option<Span> {
        self.warn.filter(|warn| warn.value).map(|warn| warn.span)
    }

    /// Where its weight stands.
    pub(in crate::validator) fn weight_span(&self) -> Option<Span> {
        self.weight.map(|weight| weight.span)
    }

    /// Builds a part of another check.
    pub(in crate::validator) fn build_inside(&self, builder: &mut Builder<'_>) -> Option<Validator> {
        let (context, problems) = builder.inside();
        self.build_part(context, problems)
    }

    /// Builds the validator, or adds what is wrong with it to `problems`. Warnings do not keep it from being built.
    pub(crate) fn build(&self, context: Context<'_>, problems: &mut Vec<Problem>) -> Option<Validator> {
        if let Some(message) = self.name.as_deref().and_then(Metric::taken) {
            let mut builder = Builder::new(context, self.key, None, problems);
            builder.refuse("suite::taken_name", message, self.key, Metric::HOW_TO_NAME);
            return None;
        }
        let validator = self.build_part(context, problems)?;
        if let Some(message) = validator.idle() {
            let help = "ask something of `output` or `json` that a reply can get wrong";
            Builder::new(context, self.key, None, problems).warn(
                "suite::always_holds",
                message,
                self.key,
                help,
            );
        }
        Some(validator)
    }

    /// The same; what is only a part of another check is no metric, so it may have any name.
    fn build_part(&self, context: Context<'_>, problems: &mut Vec<Problem>) -> Option<Validator> {
        let before = problems.len();
        let threshold = self.threshold.map(|threshold| threshold.value);
        let mut builder = Builder::new(context, self.key, threshold, problems);
        self.check_common_keys(&mut builder);
        let at = self.path(&mut builder);
        let check = self.check.build(&mut builder);
        let validator = Validator {
            name: self.report_name(),
            weight: self.weight.map_or(1.0, |weight| weight.value),
            threshold,
            warn: self.warn.is_some_and(|warn| warn.value),
            at,
            negated: self.negated,
            property: None,
            written: None,
            check: check?,
        };
        let is_sound = !promptassay_registry::problem::has_errors(&problems[before..]);
        is_sound.then_some(validator)
    }

    /// Its own name, else its check's.
    pub(crate) fn report_name(&self) -> String {
        let of_check = || format!("{}{}", if self.negated { "not_" } else { "" }, self.description.name);
        self.name.clone().unwrap_or_else(of_check)
    }

    fn check_common_keys(&self, builder: &mut Builder<'_>) {
        if let Some(weight) = self.weight.filter(|weight| !(weight.value.is_finite() && weight.value >= 0.0))
        {
            builder.refuse(
                "suite::invalid_weight",
                format!("the weight {weight} is not usable"),
                weight.span,
                "write a number, 0 or more",
            );
        }
        let Some(threshold) = self.threshold else { return };
        if !self.description.kind.is_graded() {
            builder.refuse(
                "suite::invalid_option",
                format!("`threshold` has no meaning for `{}`: its score is 0 or 1", self.description.name),
                threshold.span,
                "leave it out",
            );
        } else if !(0.0..=1.0).contains(&threshold.value) {
            builder.refuse(
                "suite::invalid_threshold",
                format!("the threshold {threshold} is not a score"),
                threshold.span,
                "write a number from 0 to 1",
            );
        }
    }

    fn path(&self, builder: &mut Builder<'_>) -> Option<JsonPath> {
        let at = self.at.as_ref()?;
        if !self.description.kind.looks_at_output() {
            builder.refuse(
                "suite::invalid_option",
                format!(
                    "`at` has no meaning for `{}`: it does not look at the output",
                    self.description.name
                ),
                at.span,
                "leave it out",
            );
            return None;
        }
        match JsonPath::parse(at) {
            Ok(path) => Some(path),
            Err(error) => {
                let help = "write a path to one value, such as `$.answer.items[0]['unit price']`";
                builder.refuse(
                    "suite::invalid_path",
                    format!("not a usable JSON path: {error}"),
                    at.span,
                    help,
                );
                None
            }
        }
    }
}

/// A key of a validator.
enum Key {
    Name,
    Weight,
    Threshold,
    Warn,
    At,
    Check { check: &'static CheckDescription, negated: bool },
}

fn all_keys() -> impl Iterator<Item = Cow<'static, str>> {
    let checks = CHECKS.iter().flat_map(|check| {
        let negation = check.has_negation.then(|| Cow::Owned(format!("not_{}", check.name)));
        std::iter::once(Cow::Borrowed(check.name)).chain(negation)
    });
    checks.chain(COMMON_KEYS.into_iter().map(Cow::Borrowed))
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let check = |name: &str| CHECKS.iter().find(|check| check.name == name);
        match key.as_str() {
            "name" => Ok(Self::Name),
            "weight" => Ok(Self::Weight),
            "threshold" => Ok(Self::Threshold),
            "warn" => Ok(Self::Warn),
            "at" => Ok(Self::At),
            name => {
                if let Some(check) = check(name) {
                    return Ok(Self::Check { check, negated: false });
                }
                if let Some(check) =
                    name.strip_prefix("not_").and_then(check).filter(|check| check.has_negation)
                {
                    return Ok(Self::Check { check, negated: true });
                }
                if let Some((message, help)) = super::misplaced::option(name) {
                    return Err(error_with_help(message, help));
                }
                let known: Vec<_> = all_keys().collect();
                let known = || known.iter().map(AsRef::as_ref);
                if closest(name, known()).is_some_and(|close| COMMON_KEYS.contains(&close)) {
                    return Err(error_with_help(
                        format!("unknown key `{name}`"),
                        did_you_mean(name, known(), "keys"),
                    ));
                }
                let negated = name.strip_prefix("not_").and_then(check);
                let help = match (negated, closest(name, known())) {
                    (Some(check), _) => {
                        format!(
                            "write `none_of: [{{{}: …}}]`: only text checks have a `not_` form",
                            check.name
                        )
                    }
                    (None, Some(close)) => format!("did you mean `{close}`?"),
                    (None, None) => did_you_mean(name, CHECKS.iter().map(|check| check.name), "checks"),
                };
                Err(error_of_whole(format!("unknown check `{name}`"), help))
            }
        }
    }
}

impl<'de> Deserialize<'de> for ValidatorSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SpecVisitor)
    }
}

struct SpecVisitor;

impl<'de> Visitor<'de> for SpecVisitor {
    type Value = ValidatorSpec;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a validator: a map with one check, such as `max_words: 150`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ValidatorSpec, A::Error> {
        let (mut name, mut weight, mut threshold, mut warn, mut at) = (None, None, None, None, None);
        let mut found: Option<(&'static CheckDescription, bool, Span, CheckSpec)> = None;
        while let Some(key) = map.next_key::<Located<Key>>()? {
            match key.value {
                Key::Name => name = Some(map.next_value()?),
                Key::Weight => weight = Some(map.next_value()?),
                Key::Threshold => threshold = Some(map.next_value()?),
                Key::Warn => warn = Some(map.next_value()?),
                Key::At => at = Some(map.next_value()?),
                Key::Check { check, negated } => {
                    if let Some((first, ..)) = found {
                        return Err(error_with_help(
                            format!(
                                "a validator holds one check, this one has `{}` and `{}`",
                                first.name, check.name
                            ),
                            "write the second as a validator of its own",
                        ));
                    }
                    found = Some((check, negated, key.span, CheckSpec::read(&mut map, check.kind)?));
                }
            }
        }
        let (description, negated, key, check) = found.ok_or_else(|| {
            let checks: Vec<_> = CHECKS.iter().map(|check| format!("`{}`", check.name)).collect();
            error_with_help::<A::Error>(
                "this validator has no check",
                format!("add one of {}", checks.join(", ")),
            )
        })?;
        Ok(ValidatorSpec { name, weight, threshold, warn, at, description, negated, key, check })
    }
}
