//! Resolving what a user is served, with and without a canary: less than a microsecond in process.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use promptassay_lifecycle::event::Canary;
use promptassay_lifecycle::serving::{Arm, CanaryArm, Served};
use promptassay_lifecycle::snapshot::Snapshot;
use promptassay_registry::digest::Digest;
use promptassay_registry::template::TemplateFormat;
use promptassay_registry::variables::{Interface, Variables};

fn arm(version: &str, text: &str) -> Arm {
    let variables = Variables::inferred(TemplateFormat::Format, ["query"]);
    let interface = Interface::new(TemplateFormat::Format, variables);
    let file = format!("v{version}.txt");
    Arm::new(version.parse().expect("a version"), file, text, interface.into()).expect("a template")
}

fn resolve(criterion: &mut Criterion) {
    let now: Timestamp = "2026-11-23T10:00:00Z".parse().expect("a time");
    let settings = Canary {
        basis_points: 500.try_into().expect("a share"),
        salt: "0123456789abcdef0123456789abcdef".to_owned(),
        expires_at: "2026-11-30T10:00:00Z".parse().expect("a time"),
    };
    let canary = Some(CanaryArm { settings, arm: arm("1.1.0", "Answer {query} kindly.") });
    let head = Some(Digest::of("head"));
    let served = Served { head, production: arm("1.0.0", "Answer {query}."), canary };
    let names = (0..1000).map(|number| format!("prompt_{number}").parse().expect("a name"));
    let prompts: BTreeMap<_, _> = names.map(|name| (name, served.clone())).collect();
    let snapshot = Snapshot::new(now, prompts);
    let unit = "3f2a8a54-9d0e-4d6c-8b0f-1d2f4f1a2b3c";

    let mut group = criterion.benchmark_group("resolve");
    group.bench_function("without a user", |bencher| {
        bencher.iter(|| black_box(&served).resolve(black_box(None), now));
    });
    group.bench_function("a user, with a canary", |bencher| {
        bencher.iter(|| black_box(&served).resolve(Some(black_box(unit)), now));
    });
    group.bench_function("a user, in a snapshot of 1,000 prompts", |bencher| {
        bencher.iter(|| black_box(&snapshot).resolve(black_box("prompt_512"), Some(unit), now));
    });
    group.finish();
}

criterion_group!(benches, resolve);
criterion_main!(benches);
