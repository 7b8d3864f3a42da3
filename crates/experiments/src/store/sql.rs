//! The questions that both databases are asked, in the SQL that they share. `$1` is a parameter.

use std::borrow::Cow;

/// What leads from each format to the next one, the first from an empty database to format 1. A step never changes.
pub(super) const MIGRATIONS: [&str; 3] = [TABLES, RULES, PROMPT];

/// The newest format.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Ids are bytes; times are microseconds since 1970. Rows are found by the key they are stored under, so there is no second index to
/// write.
const TABLES: &str = "
CREATE TABLE phases (
  experiment TEXT NOT NULL, phase BIGINT NOT NULL, allocation TEXT NOT NULL, exposure BIGINT NOT NULL, planned_units BIGINT NOT NULL,
  started_at BIGINT NOT NULL, stopped_at BIGINT, reason TEXT, PRIMARY KEY (experiment, phase));
CREATE TABLE scopes (id {ID}, experiment TEXT NOT NULL, phase BIGINT NOT NULL, UNIQUE (experiment, phase));
CREATE TABLE variants (id {ID}, name TEXT NOT NULL UNIQUE);
CREATE TABLE series (id {ID}, experiment TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (experiment, name));
CREATE TABLE exposures (
  scope BIGINT NOT NULL, unit {BYTES} NOT NULL, variant BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (scope, unit, variant)){PACKED};
CREATE TABLE outcomes (
  series BIGINT NOT NULL, unit {BYTES} NOT NULL, id {BYTES} NOT NULL, at BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (series, unit, id)){PACKED};
";

/// A phase remembers by which rules it is judged. It does not know those of a phase from before.
const RULES: &str = "ALTER TABLE phases ADD COLUMN rules TEXT;";

/// A phase remembers whose versions it serves, for whoever looks for its file.
const PROMPT: &str = "ALTER TABLE phases ADD COLUMN prompt TEXT;";

/// The columns of a phase, which are read by their numbers.
macro_rules! phase {
    () => {
        "SELECT phase, allocation, exposure, planned_units, started_at, stopped_at, reason, rules, prompt, experiment FROM phases "
    };
}

const PHASES: &str = concat!(phase!(), "WHERE experiment = $1 ORDER BY phase");

const BEGUN: &str = concat!(
    phase!(),
    "AS last WHERE stopped_at IS NULL AND phase = (SELECT max(phase) FROM phases WHERE experiment = last.experiment)"
);

/// The phases of one experiment in a store of this format.
pub(super) fn phases(format: i64) -> Option<Cow<'static, str>> {
    in_format(PHASES, format)
}

/// The phases of all experiments that are not stopped.
pub(super) fn begun(format: i64) -> Option<Cow<'static, str>> {
    in_format(BEGUN, format)
}

/// All phases on one prompt. Stores of older formats do not know whose a phase is.
pub(super) fn phases_on(format: i64) -> Option<&'static str> {
    (format >= 3).then_some(concat!(phase!(), "WHERE prompt = $1 ORDER BY experiment, phase"))
}

/// A question for a store that may be older than the newest: one without tables has no answer.
fn in_format(question: &'static str, format: i64) -> Option<Cow<'static, str>> {
    match format {
        ..=0 => None,
        1 => Some(Cow::Owned(question.replace("rules, prompt", "NULL, NULL"))),
        2 => Some(Cow::Owned(question.replace("rules, prompt", "rules, NULL"))),
        _ => Some(Cow::Borrowed(question)),
    }
}

pub(super) const PUT_PHASE: &str = "INSERT INTO phases
(experiment, phase, allocation, exposure, planned_units, started_at, stopped_at, reason, rules, prompt)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (experiment, phase) DO UPDATE SET allocation = excluded.allocation, exposure = excluded.exposure,
planned_units = excluded.planned_units, started_at = excluded.started_at, stopped_at = excluded.stopped_at, reason = excluded.reason,
rules = excluded.rules, prompt = excluded.prompt WHERE phases.stopped_at IS NULL";

/// Units of one scope, first exposed up to $2, by the exposures up to $3: what a unit is served after that, nobody knew then.
macro_rules! first {
    () => {
        "WITH first AS (SELECT unit, min(at) AS at, min(variant) AS variant, count(*) AS variants
FROM exposures WHERE scope = $1 AND at <= $3 GROUP BY unit HAVING min(at) <= $2) "
    };
}

/// When each of those units was exposed in a later phase of the same experiment: what it brings from then on is brought there.
macro_rules! first_and_later {
    () => {
        concat!(
            first!(),
            ", later AS (SELECT e.unit, min(e.at) AS at FROM scopes this
JOIN scopes s ON s.experiment = this.experiment AND s.phase > this.phase JOIN exposures e ON e.scope = s.id
WHERE this.id = $1 GROUP BY e.unit) "
        )
    };
}

pub(super) const ARMS: &str = concat!(
    first!(),
    "SELECT name, count(*) FROM first JOIN variants ON id = variant WHERE variants = 1 GROUP BY name ORDER BY name"
);

pub(super) const SERVED: &str =
    concat!(first!(), "SELECT unit, name FROM first JOIN variants ON id = variant WHERE variants = 1");

pub(super) const SPAN: &str = concat!(
    first!(),
    "SELECT coalesce(sum(CASE WHEN variants > 1 THEN 1 ELSE 0 END), 0), min(at), max(at) FROM first"
);

/// The first moment at which $3 units had been served one variant and no other: who crosses over later moves it no more.
pub(super) const NTH: &str = "WITH seen AS (SELECT at, row_number() OVER (PARTITION BY unit ORDER BY at) AS nth
FROM exposures WHERE scope = $1 AND at <= $2),
counted AS (SELECT at, sum(CASE nth WHEN 1 THEN 1 ELSE -1 END) OVER (ORDER BY at) AS units FROM seen WHERE nth <= 2)
SELECT min(at) FROM counted WHERE units >= $3";

pub(super) const UNITS: &str = concat!(
    first_and_later!(),
    "SELECT f.variant, count(o.value), coalesce(sum(o.value), 0.0), coalesce(max(abs(o.value)), 0.0)
FROM first f LEFT JOIN later l ON l.unit = f.unit
LEFT JOIN outcomes o ON o.series = $4 AND o.unit = f.unit AND o.at - f.at >= $5 AND o.at - f.at < $6 AND o.at <= $7
AND (l.at IS NULL OR o.at < l.at)
WHERE f.variants = 1 GROUP BY f.unit, f.variant ORDER BY f.unit"
);

/// Units whose window of this length was cut short by a later phase.
pub(super) const CUT: &str = concat!(
    first_and_later!(),
    "SELECT count(*) FROM first f JOIN later l ON l.unit = f.unit WHERE f.variants = 1 AND l.at <= $3 AND l.at - f.at < $4"
);

pub(super) const SERIES: &str = concat!(
    first_and_later!(),
    "SELECT s.name, v.name, count(*), avg(o.value), min(o.value), max(o.value)
FROM series s JOIN outcomes o ON o.series = s.id JOIN first f ON f.unit = o.unit AND f.variants = 1 AND o.at >= f.at
JOIN variants v ON v.id = f.variant LEFT JOIN later l ON l.unit = f.unit
WHERE s.experiment = $4 AND o.at <= $5 AND (l.at IS NULL OR o.at < l.at) GROUP BY s.name, v.name ORDER BY s.name, v.name"
);

pub(super) const UNEXPOSED: &str =
    "SELECT count(*) FROM (SELECT DISTINCT o.unit FROM outcomes o JOIN series s ON s.id = o.series
WHERE s.experiment = $2 AND o.at <= $3
AND NOT EXISTS (SELECT 1 FROM exposures e WHERE e.scope = $1 AND e.unit = o.unit AND e.at <= $3)) AS without";

pub(super) const FIRST_EXPOSURE: &str = "SELECT min(e.at) FROM exposures e JOIN scopes s ON s.id = e.scope
WHERE s.experiment = $1 AND s.phase = $2 AND e.unit = $3";

pub(super) const EXPOSURES: &str =
    "SELECT s.phase, e.unit, v.name, e.at FROM scopes s JOIN exposures e ON e.scope = s.id
JOIN variants v ON v.id = e.variant WHERE s.experiment = $1 ORDER BY s.phase, e.unit, v.name";

pub(super) const OUTCOMES: &str =
    "SELECT o.unit, s.name, o.value, o.at, o.id FROM series s JOIN outcomes o ON o.series = s.id
WHERE s.experiment = $1 ORDER BY s.name, o.unit, o.id";

pub(super) const SCOPE: &str = "SELECT id FROM scopes WHERE experiment = $1 AND phase = $2";
pub(super) const SERIES_ID: &str = "SELECT id FROM series WHERE experiment = $1 AND name = $2";
pub(super) const VARIANT: &str = "SELECT id FROM variants WHERE name = $1";
pub(super) const VARIANTS: &str = "SELECT id, name FROM variants";
pub(super) const ADD_SCOPE: &str =
    "INSERT INTO scopes (experiment, phase) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const ADD_SERIES: &str =
    "INSERT INTO series (experiment, name) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub(super) const ADD_VARIANT: &str = "INSERT INTO variants (name) VALUES ($1) ON CONFLICT DO NOTHING";
