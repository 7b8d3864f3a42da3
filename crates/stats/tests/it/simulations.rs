//! How often the score interval is wrong, by simulation: short seeded runs always, the full table on demand.

use promptassay_stats::Confidence;
use promptassay_stats::distributions::binomial;
use promptassay_stats::score::score_interval_of_differences;

/// `SplitMix64` (Steele, Lea and Flood 2014): enough for a simulation, and the same numbers for ever.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 0.5_f64.powi(53)
    }

    /// The mean of `repeats` trials that pass with probability `p`.
    fn mean(&mut self, p: f64, repeats: u32) -> f64 {
        f64::from((0..repeats).map(|_| u32::from(self.unit() < p)).sum::<u32>()) / f64::from(repeats)
    }
}

/// How a population of cases loses exactly `drop` in its mean pass rate: the pass probabilities of one case,
/// before and after.
struct Population {
    name: &'static str,
    case: fn(&mut Random, f64) -> (f64, f64),
}

const POPULATIONS: [Population; 5] = [
    Population {
        name: "ceiling, few cases break entirely",
        case: |random, drop| (1.0, f64::from(u8::from(random.unit() >= drop))),
    },
    Population { name: "ceiling, every case a little worse", case: |_, drop| (1.0, 1.0 - drop) },
    Population {
        name: "a third flaky, few steady cases break",
        case: |random, drop| {
            let kind = random.unit();
            if kind < drop {
                (1.0, 0.0)
            } else if kind > 0.67 {
                (0.7, 0.7)
            } else {
                (1.0, 1.0)
            }
        },
    },
    Population {
        name: "all flaky, every case a little worse",
        case: |random, drop| {
            let p = 0.5 + 0.5 * random.unit();
            (p, p - drop)
        },
    },
    Population {
        name: "some fixed, more broken",
        case: |random, drop| {
            let (kind, broken) = (random.unit(), drop / 0.95 + 0.05);
            if kind < broken {
                (0.95, 0.0)
            } else if kind < broken + 0.05 {
                (0.0, 0.95)
            } else {
                (0.95, 0.95)
            }
        },
    },
];

/// What one cell of the table counts.
#[derive(Default)]
struct Tally {
    above: u32,
    below: u32,
    runs: u32,
}

impl Tally {
    /// How often the whole interval lay above the truth: with the truth at −margin, the gate passed wrongly.
    fn passed(&self) -> f64 {
        f64::from(self.above) / f64::from(self.runs)
    }

    /// How often the whole interval lay below the truth: with no difference, "worse" was claimed wrongly.
    fn failed(&self) -> f64 {
        f64::from(self.below) / f64::from(self.runs)
    }

    fn coverage(&self) -> f64 {
        1.0 - self.passed() - self.failed()
    }
}

fn simulate(population: &Population, drop: f64, cases: usize, repeats: u32, runs: u32, seed: u64) -> Tally {
    let confidence = Confidence::each_end(0.95).expect("a level");
    let mut random = Random(seed);
    let mut tally = Tally { runs, ..Tally::default() };
    let mut differences = vec![0.0; cases];
    for _ in 0..runs {
        for difference in &mut differences {
            let (before, after) = (population.case)(&mut random, drop);
            *difference = random.mean(after, repeats) - random.mean(before, repeats);
        }
        let interval = score_interval_of_differences(&differences, confidence).expect("defined");
        tally.above += u32::from(interval.lower > -drop);
        tally.below += u32::from(interval.upper < -drop);
    }
    tally
}

/// Units with the margin that `margin: auto` picks for them; 10 units have the smallest margin within their
/// reach.
const SIZES: [(usize, f64); 5] = [(10, 0.26), (20, 0.15), (30, 0.15), (60, 0.10), (200, 0.05)];

#[test]
fn a_real_drop_of_exactly_the_margin_rarely_passes() {
    // 2,000 runs see 6 % with a standard error of 0.5 points: 7.6 % is three of them above.
    for population in &POPULATIONS {
        for (cases, margin) in [(20, 0.15), (60, 0.10)] {
            for repeats in [1, 5] {
                let tally = simulate(population, margin, cases, repeats, 2000, 17);
                assert!(
                    tally.passed() < 0.076,
                    "{} n={cases} K={repeats}: {}",
                    population.name,
                    tally.passed()
                );
            }
        }
    }
}

#[test]
fn without_a_difference_the_interval_covers_it() {
    for population in &POPULATIONS {
        for (cases, repeats) in [(20, 3), (60, 1)] {
            let tally = simulate(population, 0.0, cases, repeats, 2000, 23);
            assert!(
                tally.coverage() > 0.87,
                "{} n={cases} K={repeats}: {}",
                population.name,
                tally.coverage()
            );
        }
    }
}

/// The margin that `margin: auto` picks for a number of units.
fn auto_margin(units: usize) -> f64 {
    match units {
        200.. => 0.05,
        60.. => 0.10,
        _ => 0.15,
    }
}

/// No simulation needed: where steady cases break entirely with probability `margin`, their number is
/// binomial, and the gate passes up to some number of them.
#[test]
fn exact_size_when_few_cases_break_entirely() {
    let confidence = Confidence::each_end(0.95).expect("a level");
    let (mut worst, mut sum, mut sizes) = ((0.0, 0), 0.0, 0.0);
    for units in 20..=400 {
        let margin = auto_margin(units);
        let mut differences = vec![0.0; units];
        let mut tolerated = None;
        for broken in 0..units {
            if broken > 0 {
                differences[broken - 1] = -1.0;
            }
            let interval = score_interval_of_differences(&differences, confidence).expect("defined");
            if interval.lower <= -margin {
                break;
            }
            tolerated = Some(broken as u64);
        }
        let size = tolerated.map_or(0.0, |k| binomial::cdf(k, units as u64, margin).expect("defined"));
        worst = if size > worst.0 { (size, units) } else { worst };
        sum += size;
        sizes += 1.0;
    }
    // The interval is not exact: between the sizes simulated below it passes up to 6.4 %, on average under 5 %.
    assert!(worst.0 < 0.064 && worst.1 == 47, "{worst:?}");
    assert!(sum / sizes < 0.05, "{}", sum / sizes);
}

#[test]
#[ignore = "a minute: cargo test --release -p promptassay-stats --test it -- --ignored --nocapture score_interval_table"]
#[expect(clippy::print_stdout, reason = "the table is the result; docs/statistics.md quotes it")]
fn score_interval_table() {
    const RUNS: u32 = 100_000;
    println!("Each cell is for K = 1 / 3 / 5 repeats, in percent.\n");
    println!("| population | n | margin | passes wrongly | covers −margin | fails wrongly | covers 0 |");
    println!("|---|---|---|---|---|---|---|");
    let mut worst: f64 = 0.0;
    for population in &POPULATIONS {
        for (cases, margin) in SIZES {
            let of =
                |drop, seed| [1, 3, 5].map(|repeats| simulate(population, drop, cases, repeats, RUNS, seed));
            let (drop, none) = (of(margin, 101), of(0.0, 102));
            worst = drop.iter().map(Tally::passed).fold(worst, f64::max);
            let cell = |tallies: &[Tally; 3], share: fn(&Tally) -> f64| {
                let [one, three, five] = tallies.each_ref().map(|tally| 100.0 * share(tally));
                format!("{one:.1} / {three:.1} / {five:.1}")
            };
            println!(
                "| {} | {cases} | {margin:.2} | {} | {} | {} | {} |",
                population.name,
                cell(&drop, Tally::passed),
                cell(&drop, Tally::coverage),
                cell(&none, Tally::failed),
                cell(&none, Tally::coverage),
            );
        }
    }
    println!("\nworst wrong pass: {:.2} %", 100.0 * worst);
}
