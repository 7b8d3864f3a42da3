//! Rendering a template of 2 kB with five variables, beside the plain concatenation of the same pieces.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use promptassay_registry::template::{Template, TemplateFormat, Values};
use serde_json::json;

const TEMPLATE_BYTES: usize = 2048;

/// A template of 2 kB with five variables, each once, and some literal braces.
fn template_text(open: &str, close: &str) -> String {
    let filler = "Answer in the language of the customer, name the order, and never promise what is not in the policy.\n";
    let mut text = String::new();
    for name in ["company_name", "query", "account_status", "tone", "order_count"] {
        text.push_str(&filler.repeat(4)[..TEMPLATE_BYTES / 5 - name.len() - open.len() - close.len()]);
        text.push_str(open);
        text.push_str(name);
        text.push_str(close);
    }
    text
}

fn values() -> Values {
    [
        ("company_name", json!("TechCorp")),
        ("query", json!("My order has not arrived, and it has been two weeks. What can you do about it?")),
        ("account_status", json!("Premium")),
        ("tone", json!("calm and precise")),
        ("order_count", json!("17")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn render(criterion: &mut Criterion) {
    let values = values();
    let format_text = template_text("{", "}");
    let jinja_text = template_text("{{", "}}");
    let format = Template::parse(TemplateFormat::Format, &*format_text).expect("the template is valid");
    let jinja = Template::parse(TemplateFormat::Jinja, &*jinja_text).expect("the template is valid");

    let texts: Vec<&str> = values.values().filter_map(|value| value.as_str()).collect();
    let literals: Vec<&str> = format_text.split(['{', '}']).step_by(2).collect();
    let pieces: Vec<&str> =
        literals.iter().zip(&texts).flat_map(|(literal, text)| [*literal, *text]).collect();
    assert_eq!(format.render(&values).as_deref(), Ok(&*pieces.concat()), "both build the same text");

    let mut group = criterion.benchmark_group("render 2 kB, 5 variables");
    group.bench_function("String concatenation (baseline)", |bencher| {
        bencher.iter(|| black_box(&pieces).concat());
    });
    group.bench_function("format", |bencher| bencher.iter(|| format.render(black_box(&values))));
    group.bench_function("jinja", |bencher| bencher.iter(|| jinja.render(black_box(&values))));
    group.finish();

    let mut group = criterion.benchmark_group("parse 2 kB, 5 variables");
    group.bench_function("format", |bencher| {
        bencher.iter(|| Template::parse(TemplateFormat::Format, black_box(&*format_text)));
    });
    group.bench_function("jinja", |bencher| {
        bencher.iter(|| Template::parse(TemplateFormat::Jinja, black_box(&*jinja_text)));
    });
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
