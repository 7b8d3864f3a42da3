//! Exposures that are not what the assignment gives. It is a pure function that other languages write again, and they may write it wrong.

use super::health::{Finding, MOST_CROSSOVERS, Weight};
use super::text::{counted, thousands};
use crate::assignment::Assignment;
use crate::definition::Experiment;
use crate::store::{Population, Store, StoreError};

/// Units of a phase that this definition spreads, served otherwise. `started_with` is the share, in millionths, that a phase was started
/// with; data of one that was not started here may have been spread by something else, and is judged all the same.
pub(super) fn find(
    experiment: &Experiment,
    store: &mut dyn Store,
    population: Population<'_>,
    started_with: Option<u32>,
) -> Result<Option<Finding>, StoreError> {
    // A share that shrank later leaves units behind that took part.
    let shrank = started_with.is_some_and(|share| share > experiment.allocation.exposure.millionths());
    let (mut units, mut others) = (0_u64, 0_u64);
    store.served(population, &mut |unit, variant| {
        units += 1;
        let agrees = match experiment.assign(unit) {
            Ok(Assignment::Variant(index)) => {
                experiment.variants.get(index).is_some_and(|assigned| assigned.name == variant)
            }
            Ok(Assignment::NotExposed) => shrank,
            Err(_) => false,
        };
        others += u64::from(!agrees);
    })?;
    if others == 0 {
        return Ok(None);
    }
    let message = format!(
        "{} of {} another variant than the assignment gives, or none by it: compare who serves them with `promptassay assign`",
        thousands(others),
        counted(units, "unit was served", "units were served")
    );
    let blocks = started_with.is_some() && others as f64 / units as f64 >= MOST_CROSSOVERS;
    let weight = if blocks { Weight::Blocks } else { Weight::Warning };
    Ok(Some(Finding { weight, code: "assignment", message }))
}
