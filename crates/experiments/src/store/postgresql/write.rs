//! Writing events to PostgreSQL: whole batches in two statements, names replaced by numbers that are looked up once.

use std::collections::HashMap;
use std::collections::btree_map::{BTreeMap, Entry};

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

/// The first outcome of a batch with its key.
struct Row<'a> {
    outcome: &'a Outcome,
    /// The value that stands under the key.
    kept: f64,
}

/// Adds events; the caller commits.
pub(super) fn write_all(
    transaction: &mut Transaction<'_>,
    ids: &mut Ids,
    events: &[Event],
) -> Result<Written, postgres::Error> {
    // Sorted, so that two writers lock rows in the same order; one row per key, because a statement may touch a row only once.
    let mut exposures: BTreeMap<ExposureKey, i64> = BTreeMap::new();
    let mut outcomes: BTreeMap<OutcomeKey, Row<'_>> = BTreeMap::new();
    let mut written = Written::default();
    let (mut exposed, mut again) = (0, Vec::new());
    for event in events {
        match event {
            Event::Exposure(exposure) => {
                let scope = ids.scope(transaction, exposure)?;
                let variant = ids.variant(transaction, &exposure.variant)?;
                let at = micros(exposure.at);
                let first = exposures.entry((scope, exposure.unit.clone(), variant)).or_insert(at);
                *first = at.min(*first);
                exposed += 1;
            }
            Event::Outcome(outcome) => {
                let series = ids.series(transaction, outcome)?;
                match outcomes.entry((series, outcome.unit.clone(), outcome.id.clone())) {
                    Entry::Vacant(entry) => {
                        entry.insert(Row { outcome, kept: outcome.value });
                    }
                    Entry::Occupied(entry) => again.push((entry.key().clone(), outcome)),
                }
            }
        }
    }
    if !exposures.is_empty() {
        add_exposures(transaction, &exposures, &mut written)?;
        // Of several in a batch one is written, the earliest.
        written.repeated = exposed - written.exposures - written.earlier;
    }
    if !outcomes.is_empty() {
        add_outcomes(transaction, &mut outcomes, &mut written)?;
    }
    for (key, outcome) in again {
        if let Some(row) = outcomes.get(&key) {
            written.was_there(outcome, row.kept);
        }
    }
    Ok(written)
}

fn add_exposures(
    transaction: &mut Transaction<'_>,
    exposures: &BTreeMap<ExposureKey, i64>,
    written: &mut Written,
) -> Result<(), postgres::Error> {
    let scopes: Vec<i64> = exposures.keys().map(|key| key.0).collect();
    let units: Vec<&[u8]> = exposures.keys().map(|key| key.1.as_slice()).collect();
    let variants: Vec<i64> = exposures.keys().map(|key| key.2).collect();
    let times: Vec<i64> = exposures.values().copied().collect();
    // A row that was updated has a transaction that ended its older form; one that is new has none.
    let changed = transaction.query(
        "INSERT INTO exposures (scope, unit, variant, at)
         SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bigint[])
         ON CONFLICT (scope, unit, variant) DO UPDATE SET at = excluded.at WHERE excluded.at < exposures.at
         RETURNING xmax = 0",
        &[&scopes, &units, &variants, &times],
    )?;
    for row in changed {
        *if row.try_get(0)? { &mut written.exposures } else { &mut written.earlier } += 1;
    }
    Ok(())
}

/// Adds the outcomes whose key is new, and finds the values of those that are there with another one.
fn add_outcomes(
    transaction: &mut Transaction<'_>,
    outcomes: &mut BTreeMap<OutcomeKey, Row<'_>>,
    written: &mut Written,
) -> Result<(), postgres::Error> {
    let series: Vec<i64> = outcomes.keys().map(|key| key.0).collect();
    let units: Vec<&[u8]> = outcomes.keys().map(|key| key.1.as_slice()).collect();
    let keys: Vec<&[u8]> = outcomes.keys().map(|key| key.2.as_slice()).collect();
    let times: Vec<i64> = outcomes.values().map(|row| micros(row.outcome.at)).collect();
    let values: Vec<f64> = outcomes.values().map(|row| row.outcome.value).collect();
    let added = transaction.execute(
        "INSERT INTO outcomes (series, unit, id, at, value)
         SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[], $5::double precision[])
         ON CONFLICT DO NOTHING",
        &[&series, &units, &keys, &times, &values],
    )?;
    written.outcomes += added;
    let there = outcomes.len() as u64 - added;
    if there == 0 {
        return Ok(());
    }
    let others = transaction.query(
        "SELECT given.number, o.value
         FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::double precision[])
           WITH ORDINALITY AS given (series, unit, id, value, number)
         JOIN outcomes o ON o.series = given.series AND o.unit = given.unit AND o.id = given.id AND o.value <> given.value",
        &[&series, &units, &keys, &values],
    )?;
    let mut kept: HashMap<i64, f64> = HashMap::new();
    for row in others {
        kept.insert(row.try_get(0)?, row.try_get(1)?);
    }
    for (number, row) in (1..).zip(outcomes.values_mut()) {
        if let Some(value) = kept.get(&number) {
            row.kept = *value;
            written.was_there(row.outcome, row.kept);
        }
    }
    written.repeated += there - kept.len() as u64;
    Ok(())
}
