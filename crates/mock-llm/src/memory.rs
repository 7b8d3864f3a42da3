//! What the mock remembers between calls, and the decision what answers a call. Rendering the answer is not here, so
//! that a front can do it without holding the memory.

pub(crate) mod counters;
mod token_bucket;

use std::collections::HashMap;
use std::time::Duration;

use crate::chance::{Draws, Purpose, digest, mix};
use crate::request::Request;
use crate::respond::{Delivery, Origin, Reply};
use crate::script::{Conditions, CountPer, DrawPer, Response, Script};
use crate::wire::ModelCall;
use counters::{Counters, Tally};
use token_bucket::TokenBucket;

/// The state of a mock: how often what was called. One script, one memory.
#[derive(Debug, Default)]
pub struct Memory {
    calls: u64,
    rule_calls: Vec<u64>,
    arrivals: HashMap<u64, u64>,
    bucket: Option<TokenBucket>,
    tally: Tally,
}

/// What answers a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decision<'s> {
    pub(crate) origin: Origin,
    /// `None` if no rule matches and there is no default.
    pub(crate) response: Option<&'s Response>,
    /// Number of the call at this server, from 1.
    pub(crate) number: u64,
    pub(crate) draws: Draws,
}

/// The numbers of one call, before its rules are looked at.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    server: u64,
    request: u64,
}

impl Memory {
    /// What has happened so far.
    pub fn counters(&self, script: &Script) -> Counters {
        self.tally.counters(script, self.calls)
    }

    pub(crate) fn decide<'s>(
        &mut self,
        script: &'s Script,
        request: &Request<'_>,
        call: &ModelCall,
        now: Duration,
    ) -> Decision<'s> {
        self.calls += 1;
        let mut numbers = Numbers { server: self.calls, request: 0 };
        let mut key = self.calls;
        if script.counts_arrivals {
            let identity = digest(&[request.path_without_query().as_bytes(), request.body]);
            let arrivals = self.arrivals.entry(identity).or_insert(0);
            *arrivals += 1;
            numbers.request = *arrivals;
            if script.draw_per == DrawPer::Request {
                key = identity ^ mix(*arrivals);
            }
        }
        let draws = Draws::new(script.seed, key);
        let (origin, response) = self.choose(script, request, call, numbers, draws, now);
        Decision { origin, response, number: numbers.server, draws }
    }

    fn choose<'s>(
        &mut self,
        script: &'s Script,
        request: &Request<'_>,
        call: &ModelCall,
        numbers: Numbers,
        draws: Draws,
        now: Duration,
    ) -> (Origin, Option<&'s Response>) {
        if let Some(limit) = &script.rate_limit {
            let bucket = self.bucket.get_or_insert_with(|| TokenBucket::full(limit.burst, now));
            if !bucket.take(limit.requests_per_second, limit.burst, now) {
                return (Origin::RateLimit, Some(&limit.response));
            }
        }
        if !script.faults.is_empty() {
            let draw = draws.uniform(Purpose::Fault);
            if let Some(index) = script.faults.iter().position(|fault| draw < fault.upper) {
                return (Origin::Fault(index), Some(&script.faults[index].response));
            }
        }
        for (index, rule) in script.rules.iter().enumerate() {
            if self.holds(&rule.conditions, index, request, call, numbers, draws) {
                return (Origin::Rule(index), Some(&rule.response));
            }
        }
        match &script.default {
            Some(response) => (Origin::Default, Some(response)),
            None => (Origin::Unmatched, None),
        }
    }

    fn holds(
        &mut self,
        conditions: &Conditions,
        index: usize,
        request: &Request<'_>,
        call: &ModelCall,
        numbers: Numbers,
        draws: Draws,
    ) -> bool {
        if !asks_for(conditions, request, call) {
            return false;
        }
        if conditions.chance.is_some_and(|chance| draws.uniform(Purpose::Rule(index)) >= chance) {
            return false;
        }
        let Some(call_numbers) = conditions.call else { return true };
        let number = match call_numbers.per {
            CountPer::Server => numbers.server,
            CountPer::Request => numbers.request,
            CountPer::Rule => {
                if self.rule_calls.len() <= index {
                    self.rule_calls.resize(index + 1, 0);
                }
                self.rule_calls[index] += 1;
                self.rule_calls[index]
            }
        };
        call_numbers.contains(number)
    }

    /// Writes down what a call was answered with.
    pub(crate) fn record(&mut self, reply: &Reply, model: Option<&str>) {
        let status = match &reply.delivery {
            Delivery::Whole(http) => Some(http.status),
            Delivery::Cut { .. } | Delivery::Reset => None,
        };
        self.tally.record(reply, status, model);
    }
}

/// Whether the conditions on the request itself hold; they need no memory.
fn asks_for(conditions: &Conditions, request: &Request<'_>, call: &ModelCall) -> bool {
    let matches_model = conditions.model.as_ref().is_none_or(|model| model.matches(&call.model));
    let matches_last = || {
        let condition = conditions.last_user_message.as_ref();
        condition.is_none_or(|text| {
            call.messages.iter().any(|message| message.is_from_user) && text.matches(call.last_user_message())
        })
    };
    let matches_any = || {
        let condition = conditions.any_message.as_ref();
        condition.is_none_or(|text| call.messages.iter().any(|message| text.matches(&message.text)))
    };
    let matches_headers = || {
        conditions.headers.iter().all(|condition| {
            let mut same_name =
                request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&condition.name));
            same_name.any(|(_, value)| condition.value.matches(&String::from_utf8_lossy(value)))
        })
    };
    matches_model && matches_last() && matches_any() && matches_headers()
}
