//! What assigning one unit costs; the goal is below 300 ns.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use promptassay_experiments::assignment::{Assigner, Exposure, HashedKey, Seed};

fn assign(criterion: &mut Criterion) {
    let key = HashedKey { seed: Seed::new([7; 16]), phase: 1, unit_type: "user" };
    let weights = [50, 30, 20];
    let hashed = |share: f64| {
        Exposure::from_share(share).and_then(|exposure| Assigner::hashed(&key, &weights, exposure).ok())
    };
    let assigners = [
        ("sha256-u64-v2", hashed(1.0)),
        ("sha256-u64-v2, exposure 0.9", hashed(0.9)),
        ("md5-10000-v1", Assigner::classic("support_v2", &[0.5, 0.3, 0.2]).ok()),
    ];
    for (name, assigner) in assigners.into_iter().filter_map(|(name, assigner)| Some((name, assigner?))) {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| assigner.assign(black_box(b"0193b1f2-7f1e-7cc3-98c4-dc0c0c07398f")));
        });
    }
}

criterion_group!(benches, assign);
criterion_main!(benches);
