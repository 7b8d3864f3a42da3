//! Experiments of one prompt that give users the same as another one.

use promptassay_registry::problem::{Place, Problem};

use super::Found;

/// Those of `experiments` that spread users as an earlier one of the list does, by seed, phase and kind of units: whoever was in its treatment is in that
/// of the next, with what he remembers of it. The list begins with those that began first, as far as that is known. Only of one that is a
/// draft the seed can still be another one: in the file of one that runs it takes the experiment from all of its users.
pub(crate) fn spread_alike<'a>(
    experiments: &[&'a Found],
    is_draft: impl Fn(&Found) -> bool,
) -> Vec<(&'a Found, Problem)> {
    let spread = |found: &Found| {
        let allocation = &found.experiment.allocation;
        allocation.seed.map(|seed| (seed, allocation.phase, allocation.unit_type.clone()))
    };
    let alike = experiments.iter().enumerate().filter_map(|(index, found)| {
        let own = spread(found)?;
        let other = experiments[..index].iter().find(|other| spread(other).as_ref() == Some(&own))?;
        let message = format!(
            "`{}` and `{}` have the same seed, so they spread users alike: the later of them begins with what the other left in each variant",
            found.experiment.name, other.experiment.name
        );
        let help = "draw another one before it starts: 32 hexadecimal digits, as `promptassay experiment new` writes them";
        let problem = Problem::warning("experiment::same_seed", message)
            .at(Place::whole_file(found.file.as_path()))
            .maybe_help(is_draft(found).then(|| help.to_owned()));
        Some((*found, problem))
    });
    alike.collect()
}
