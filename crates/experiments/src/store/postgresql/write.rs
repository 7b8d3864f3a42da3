//! Writing events to PostgreSQL: whole batches in two statements, names replaced by numbers that are looked up once.

use std::collections::{BTreeMap, HashMap};

use postgres::types::ToSql;
use postgres::{GenericClient, Transaction};

use crate::event::{Event, Exposure, Outcome};
use crate::store::{Written, micros, sql};

/// Numbers that are known to be there.
#[derive(Debug, Default)]
pub(super) struct Ids {
    scopes: HashMap<(String, u32), i64>,
    variants: HashMap<String, i64>,
    series: HashMap<(String, String), i64>,
}

impl Ids {
    fn scope(
        &mut self,
        client: &mut impl GenericClient,
        exposure: &Exposure,
    ) -> Result<i64, postgres::Error> {
        let key = (exposure.experiment.clone(), exposure.phase);
        if let Some(id) = self.scopes.get(&key) {
            return Ok(*id);
        }
        let id = interned(client, sql::SCOPE, sql::ADD_SCOPE, &[&key.0, &i64::from(key.1)])?;
        self.scopes.insert(key, id);
        Ok(id)
    }

    fn variant(&mut self, client: &mut impl GenericClient, name: &str) -> Result<i64, postgres::Error> {
        if let Some(id) = self.variants.get(name) {
            return Ok(*id);
        }
        let id = interned(client, sql::VARIANT, sql::ADD_VARIANT, &[&name])?;
        self.variants.insert(name.to_owned(), id);
        Ok(id)
    }

    fn series(&mut self, client: &mut impl GenericClient, outcome: &Outcome) -> Result<i64, postgres::Error> {
        let key = (outcome.experiment.clone(), outcome.series.clone());
        if let Some(id) = self.series.get(&key) {
            return Ok(*id);
        }
        let id = interned(client, sql::SERIES_ID, sql::ADD_SERIES, &[&key.0, &key.1])?;
        self.series.insert(key, id);
        Ok(id)
    }
}

/// Finds the id of a name, adding the name first where it is not there.
fn interned(
    client: &mut impl GenericClient,
    find: &str,
    add: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<i64, postgres::Error> {
    if let Some(row) = client.query_opt(find, parameters)? {
        return row.try_get(0);
    }
    client.execute(add, parameters)?;
    client.query_one(find, parameters)?.try_get(0)
}

type ExposureKey = (i64, Vec<u8>, i64);
type OutcomeKey = (i64, Vec<u8>, Vec<u8>);

/// Adds events; the caller commits.
pub(super) fn write_all(
    transaction: &mut Transaction<'_>,
    ids: &mut Ids,
    events: &[Event],
) -> Result<Written, postgres::Error> {
    // Sorted, so that two writers lock rows in the same order; one row per key, because a statement may touch a row only once.
    let mut exposures: BTreeMap<ExposureKey, i64> = BTreeMap::new();
    let mut outcomes: BTreeMap<OutcomeKey, (i64, f64)> = BTreeMap::new();
    for event in events {
        match event {
            Event::Exposure(exposure) => {
                let scope = ids.scope(transaction, exposure)?;
                let variant = ids.variant(transaction, &exposure.variant)?;
                let at = micros(exposure.at);
                let first = exposures.entry((scope, exposure.unit.clone(), variant)).or_insert(at);
                *first = at.min(*first);
            }
            Event::Outcome(outcome) => {
                let series = ids.series(transaction, outcome)?;
                let key = (series, outcome.unit.clone(), outcome.id.clone());
                outcomes.entry(key).or_insert((micros(outcome.at), outcome.value));
            }
        }
    }
    let mut written = Written::default();
    if !exposures.is_empty() {
        let scopes: Vec<i64> = exposures.keys().map(|key| key.0).collect();
        let units: Vec<&[u8]> = exposures.keys().map(|key| key.1.as_slice()).collect();
        let variants: Vec<i64> = exposures.keys().map(|key| key.2).collect();
        let times: Vec<i64> = exposures.values().copied().collect();
        written.exposures = transaction.execute(
            "INSERT INTO exposures (scope, unit, variant, at)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[])
             ON CONFLICT (scope, unit, variant) DO UPDATE SET at = excluded.at WHERE excluded.at < exposures.at",
            &[&scopes, &units, &variants, &times],
        )?;
    }
    if !outcomes.is_empty() {
        let series: Vec<i64> = outcomes.keys().map(|key| key.0).collect();
        let units: Vec<&[u8]> = outcomes.keys().map(|key| key.1.as_slice()).collect();
        let keys: Vec<&[u8]> = outcomes.keys().map(|key| key.2.as_slice()).collect();
        let times: Vec<i64> = outcomes.values().map(|value| value.0).collect();
        let values: Vec<f64> = outcomes.values().map(|value| value.1).collect();
        written.outcomes = transaction.execute(
            "INSERT INTO outcomes (series, unit, id, at, value)
             SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::double precision[])
             ON CONFLICT DO NOTHING",
            &[&series, &units, &keys, &times, &values],
        )?;
    }
    written.repeated = events.len() as u64 - written.exposures - written.outcomes;
    Ok(written)
}
