//! Several tests at once: Holm's correction keeps the chance of any false alarm at the promised level.

use crate::Undefined;
use crate::undefined::finite;

/// Holm-adjusted p-values, in the order of the input; compare each with the level of the whole family.
///
/// A test without a p-value is no member of the family: leave it out. An empty family stays empty.
/// Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65–70.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, Undefined> {
    let mut ranked = Vec::with_capacity(p_values.len());
    for (index, p) in p_values.iter().enumerate() {
        if !(0.0..=1.0).contains(&finite(*p)?) {
            return Err(Undefined::OutsideDomain);
        }
        ranked.push((*p, index));
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut adjusted = p_values.to_vec();
    let mut largest: f64 = 0.0;
    for (rank, (p, index)) in ranked.iter().enumerate() {
        let factor = (p_values.len() - rank) as f64;
        largest = largest.max((factor * p).min(1.0));
        if let Some(slot) = adjusted.get_mut(*index) {
            *slot = largest;
        }
    }
    Ok(adjusted)
}
