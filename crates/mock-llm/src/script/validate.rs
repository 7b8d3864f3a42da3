//! From the file shape to the domain shape, with every problem at once. Shapes only: nothing is run here.

mod answer;
mod conditions;
mod response;

use std::collections::HashSet;

use super::delay::Delay;
use super::problem::{InvalidScript, Place};
use super::{CountPer, DrawPer, Fault, RateLimit, Response, Rule, Script, UsageReport, unnamed_rule};
use crate::spec::{DrawPerSpec, FaultSpec, RateLimitSpec, RuleSpec, SCHEMA_VERSION, ScriptSpec, WhenSpec};
use answer::rate_limited;
use conditions::conditions;
use response::{Parts, all_or_nothing, delay, response};

/// Rounding room for shares such as 0.1 + 0.2 + 0.7.
const SHARE_TOLERANCE: f64 = 1e-9;

pub(super) fn validate(spec: &ScriptSpec) -> Result<Script, InvalidScript> {
    let mut problems = Vec::new();
    let script = script(spec, &mut Place::root(&mut problems));
    match script {
        Some(script) if problems.is_empty() => Ok(script),
        _ => Err(InvalidScript { problems }),
    }
}

fn script(spec: &ScriptSpec, place: &mut Place<'_>) -> Option<Script> {
    if spec.schema != SCHEMA_VERSION {
        let help = format!("write schema: {SCHEMA_VERSION}");
        place.key("schema").report(format!("schema {} is not known", spec.schema), help);
    }
    let rate_limit = spec.rate_limit.as_ref().map(|limit| rate_limit(limit, &mut place.key("rate_limit")));
    let faults = faults(&spec.faults, &mut place.key("faults"));
    let script_delay = spec.delay.as_ref().and_then(|spec| delay(spec, &mut place.key("delay")));
    let rules = rules(&spec.rules, script_delay, &mut place.key("rules"));
    let default = spec.default.as_ref().map(|reply| {
        let parts = Parts {
            answer: &reply.answer,
            delay: reply.delay.as_ref(),
            served_model: reply.served_model.as_deref(),
            usage: reply.usage.as_ref(),
            headers: &reply.headers,
        };
        response(&parts, script_delay, &mut place.key("default"))
    });
    let draw_per = match spec.draw_per {
        DrawPerSpec::Call => DrawPer::Call,
        DrawPerSpec::Request => DrawPer::Request,
    };
    let rules = rules?;
    let counts_arrivals = draw_per == DrawPer::Request
        || rules.iter().any(|rule| rule.conditions.call.is_some_and(|call| call.per == CountPer::Request));
    Some(Script {
        seed: spec.seed,
        draw_per,
        rate_limit: all_or_nothing(rate_limit)?,
        faults: faults?,
        rules,
        default: all_or_nothing(default)?,
        counts_arrivals,
    })
}

fn rate_limit(spec: &RateLimitSpec, place: &mut Place<'_>) -> Option<RateLimit> {
    let rate = spec.requests_per_second;
    let rate_is_valid = rate.is_finite() && rate > 0.0;
    if !rate_is_valid {
        let help = "write the calls per second, above 0";
        place.key("requests_per_second").report(format!("a rate cannot be {rate}"), help);
    }
    if spec.burst == 0 {
        place.key("burst").report("a burst of 0 would refuse every call", "write at least 1");
    }
    let answer = rate_limited(&spec.hints, &mut place.key("hints"))?;
    let response = Response {
        answer,
        delay: None,
        served_model: None,
        usage: UsageReport::Estimated,
        headers: Vec::new(),
    };
    Some(RateLimit { requests_per_second: rate, burst: f64::from(spec.burst), response })
}

fn faults(specs: &[FaultSpec], place: &mut Place<'_>) -> Option<Vec<Fault>> {
    let mut faults = Vec::with_capacity(specs.len());
    let mut total = 0.0;
    for (index, spec) in specs.iter().enumerate() {
        let mut place = place.index(index);
        if is_share(spec.share) {
            total += spec.share;
        } else {
            let help = "write a share above 0 and at most 1, such as 0.2 for 20 %";
            place.key("share").report(format!("a share cannot be {}", spec.share), help);
        }
        let parts = Parts {
            answer: &spec.answer,
            delay: spec.delay.as_ref(),
            served_model: None,
            usage: None,
            headers: &spec.headers,
        };
        let response = response(&parts, None, &mut place);
        faults.push(response.map(|response| Fault { upper: total, response }));
    }
    if total > 1.0 + SHARE_TOLERANCE {
        place.report(format!("the shares add up to {total:.4}"), "all shares together are at most 1");
    }
    faults.into_iter().collect()
}

fn is_share(share: f64) -> bool {
    share > 0.0 && share <= 1.0
}

fn rules(specs: &[RuleSpec], script_delay: Option<Delay>, place: &mut Place<'_>) -> Option<Vec<Rule>> {
    let mut names = HashSet::new();
    let mut catch_all: Option<String> = None;
    let mut rules = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let mut place = place.index(index);
        let name = spec.name.clone().unwrap_or_else(|| unnamed_rule(index));
        if spec.name.is_some() && is_reserved_name(&name) {
            let help = "take another one: counters use it for what is not a rule";
            place.key("name").report(format!("a rule cannot be called `{name}`"), help);
        }
        if !names.insert(name.clone()) {
            let help = "give every rule a name of its own, or none";
            place.key("name").report(format!("the name `{name}` is taken by a rule above"), help);
        }
        if let Some(before) = &catch_all {
            let help = format!("give `{before}` a `when`, or move it to the end or to `default`");
            place.report(format!("no call reaches this rule: `{before}` above matches every call"), help);
        }
        let when = spec.when.clone().unwrap_or_default();
        if when == WhenSpec::default() && catch_all.is_none() {
            catch_all = Some(name.clone());
        }
        let conditions = conditions(&when, &mut place.key("when"));
        let parts = Parts {
            answer: &spec.answer,
            delay: spec.delay.as_ref(),
            served_model: spec.served_model.as_deref(),
            usage: spec.usage.as_ref(),
            headers: &spec.headers,
        };
        let response = response(&parts, script_delay, &mut place);
        rules.push(conditions.zip(response).map(|(conditions, response)| Rule {
            name,
            conditions,
            response,
        }));
    }
    rules.into_iter().collect()
}

/// Names under which counters show something else.
fn is_reserved_name(name: &str) -> bool {
    ["default", "rate_limit", "unmatched"].contains(&name)
        || name.starts_with("faults[")
        || name.starts_with("rules[")
}
