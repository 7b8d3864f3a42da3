//! Homogeneity: is something as frequent in one group as in the others? Such as values that are missing.

use crate::Undefined;
use crate::distributions::chi_square;

/// Below this expected count the chi-square approximation is not trusted.
const SMALLEST_EXPECTED: f64 = 5.0;
/// Tables whose probability differs only by rounding count as equally probable.
const ROUNDING: f64 = 1e-7;

/// The p-value of "the groups share one rate", for how many of each group have something and how many lack it. Groups without
/// anybody say nothing. 1 where all have it, or all lack it.
///
/// Source: Pearson's chi-square of the whole table, without a correction, where every expected count is at least 5. Else Fisher's exact
/// test, two-sided: all tables with these sums that are at most as probable as the observed one (Fisher, Statistical Methods for Research
/// Workers, 1934, § 21.02); of more than two groups each against the rest, times their number, which is never too small.
pub fn homogeneity(groups: &[[u64; 2]]) -> Result<f64, Undefined> {
    let mut totals = [0_u64; 2];
    for group in groups {
        for (total, count) in totals.iter_mut().zip(group) {
            *total = total.checked_add(*count).ok_or(Undefined::Overflow)?;
        }
    }
    let all = totals[0].checked_add(totals[1]).ok_or(Undefined::Overflow)?;
    let groups: Vec<[u64; 2]> = groups.iter().copied().filter(|[have, lack]| have + lack > 0).collect();
    if groups.len() < 2 {
        return Err(Undefined::TooFew { needed: 2 });
    }
    if totals.contains(&0) {
        return Ok(1.0);
    }
    let rates = totals.map(|total| total as f64 / all as f64);
    let cells = groups.iter().flat_map(|group| {
        let size = (group[0] + group[1]) as f64;
        group.iter().zip(rates).map(move |(count, rate)| (*count as f64, size * rate))
    });
    if cells.clone().all(|(_, expected)| expected >= SMALLEST_EXPECTED) {
        let statistic = cells.map(|(count, expected)| (count - expected).powi(2) / expected).sum();
        return chi_square::sf(statistic, (groups.len() - 1) as f64);
    }
    let against_the_rest = |group: &[u64; 2]| {
        let rest = [totals[0] - group[0], totals[1] - group[1]];
        fisher(*group, rest)
    };
    if let [group, _] = groups.as_slice() {
        return Ok(against_the_rest(group));
    }
    let least = groups.iter().map(against_the_rest).fold(1.0, f64::min);
    Ok((least * groups.len() as f64).min(1.0))
}

/// Fisher's exact test, by the ratios of neighbouring tables: no factorial loses the digits of what is large.
fn fisher(one: [u64; 2], other: [u64; 2]) -> f64 {
    // The upper left count of a table with these sums says the whole table.
    let have = one[0] + other[0];
    let size = one[0] + one[1];
    let (least, most) = (have.saturating_sub(other[0] + other[1]), have.min(size));
    // ln of the probability over that of the observed table.
    let next = |x: u64| {
        let down = ((size - x) as f64).ln() + ((have - x) as f64).ln();
        // What the other group lacks: other[1] more where the first has one more.
        let lacking = other[1] as f64 + x as f64 - one[0] as f64;
        down - ((x + 1) as f64).ln() - (lacking + 1.0).ln()
    };
    let (mut sum, mut as_rare) = (0.0, 0.0);
    let mut add = |log: f64, peak: f64| {
        let weight = (log - peak).exp();
        sum += weight;
        if log <= ROUNDING {
            as_rare += weight;
        }
    };
    let logs = |count: &mut dyn FnMut(f64)| {
        count(0.0);
        let mut log = 0.0;
        for x in one[0]..most {
            log += next(x);
            count(log);
        }
        log = 0.0;
        for x in (least..one[0]).rev() {
            log -= next(x);
            count(log);
        }
    };
    let mut peak = 0.0_f64;
    logs(&mut |log| peak = peak.max(log));
    logs(&mut |log| add(log, peak));
    (as_rare / sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(found: f64, expected: f64) -> bool {
        (found / expected - 1.0).abs() < 1e-9
    }

    #[test]
    #[expect(clippy::unreadable_literal, reason = "as SciPy prints them")]
    fn values_are_those_of_scipy() {
        // SciPy 1.17.1: scipy.stats.chi2_contingency(table, correction=False), fisher_exact(table).
        let rows: [(&[[u64; 2]], f64); 10] = [
            (&[[2210, 0], [2078, 114]], 1.7410606677065157e-27),
            (&[[600, 0], [525, 75]], 3.744097384202887e-19),
            (&[[1200, 800], [1100, 900]], 0.0013816125257325867),
            (&[[2000, 0], [1900, 100]], 4.176328694122337e-24),
            (&[[100, 50], [90, 60], [120, 30]], 0.0007044702076747448),
            (&[[3, 1], [1, 3]], 0.48571428571428565),
            (&[[10, 0], [4, 6]], 0.010835913312693499),
            (&[[1000, 0], [990, 7]], 0.007649340411859493),
            (&[[5, 200], [0, 180]], 0.0635058586069652),
            (&[[0, 5], [5, 0]], 0.007936507936507938),
        ];
        for (table, expected) in rows {
            let found = homogeneity(table).unwrap();
            assert!(close(found, expected), "{table:?}: {found:e}, expected {expected:e}");
        }
    }

    #[test]
    fn what_says_nothing_is_said() {
        assert_eq!(homogeneity(&[[3, 4]]), Err(Undefined::TooFew { needed: 2 }));
        assert_eq!(homogeneity(&[[3, 4], [0, 0]]), Err(Undefined::TooFew { needed: 2 }));
        assert_eq!(homogeneity(&[[3, 0], [9, 0]]), Ok(1.0));
        assert_eq!(homogeneity(&[[0, 3], [0, 9]]), Ok(1.0));
        assert_eq!(homogeneity(&[[u64::MAX, 0], [1, 0]]), Err(Undefined::Overflow));
        // More than two groups, of which one is small: each against the rest, times three.
        let p = homogeneity(&[[1000, 0], [1000, 0], [0, 3]]).unwrap();
        assert!(p < 1e-6, "{p}");
    }

    proptest! {
        #[test]
        fn neither_order_nor_what_is_counted_matters(
            one in (0_u64..40, 0_u64..40),
            other in (0_u64..4000, 0_u64..40),
        ) {
            let table = [[one.0, one.1], [other.0, other.1]];
            let turned = [[other.1, other.0], [one.1, one.0]];
            match (homogeneity(&table), homogeneity(&turned)) {
                (Ok(p), Ok(same)) => {
                    prop_assert!((0.0..=1.0).contains(&p), "{p}");
                    prop_assert!((p - same).abs() <= 1e-9, "{p} {same}");
                }
                (p, same) => prop_assert_eq!(p, same),
            }
        }
    }
}
