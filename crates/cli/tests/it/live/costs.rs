//! A limit on cost, where replies say what they cost, or nobody does.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{Mock, eval, sandbox, without_run_ids};

fn mock(extra: &Value) -> Mock {
    let mut default = json!({"answer": {"text": "Thank you"}});
    default.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    Mock::start(json!({"default": default}))
}

#[test]
fn a_limit_that_would_count_nothing_ends_the_run() {
    let mock = mock(&json!({"usage": {"absent": {}}}));
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let sandbox = sandbox(&row, 30);
    let limits = ["--no-cache", "--max-cost", "0.009"];
    let seen = eval(&sandbox, &limits);
    assert_eq!((seen.code, mock.counters().calls), (Some(4), 10), "{}", seen.shown());
    assert_snapshot!(without_run_ids(&seen.stderr));
    assert!(seen.stdout.contains("the cost of replies is not known: 20 of 30 questions not asked"));
    // It is not found out anew.
    let seen = eval(&sandbox, &[&["--resume"], &limits[..]].concat());
    assert_eq!((seen.code, mock.counters().calls), (Some(4), 10), "{}", seen.shown());
    // Without a limit nobody has to know.
    assert_eq!(eval(&sandbox, &["--no-cache"]).code, Some(0));
}

#[test]
fn a_first_reply_without_a_count_does_not_end_the_run_of_a_model_with_a_price() {
    let uncounted = |case: &str| {
        let when = json!({"last_user_message": {"contains": case}});
        json!({"when": when, "answer": {"text": "Thank you"}, "usage": {"absent": {}}})
    };
    let rules: Vec<Value> = ["Ada 0", "Ada 1", "Ada 2"].map(uncounted).to_vec();
    let mock = Mock::start(json!({"rules": rules, "default": {"answer": {"text": "Thank you"}}}));
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let seen = eval(&sandbox(&row, 6), &["--no-cache", "--max-cost", "5"]);
    assert_eq!((seen.code, mock.counters().calls), (Some(0), 6), "{}", seen.shown());
}

#[test]
fn behind_a_gateway_replies_may_say_what_they_cost() {
    let stated = mock(&json!({"headers": {"x-litellm-response-cost": "0.002"}}));
    let sandbox = sandbox(&stated.row(), 30);
    let limits = ["--no-cache", "--max-cost", "0.009", "--max-concurrency", "1"];
    let seen = eval(&sandbox, &limits);
    assert_eq!((seen.code, stated.counters().calls), (Some(4), 4), "{}", seen.shown());
    assert!(seen.stdout.contains("the budget is spent: 26 of 30 questions not asked"), "{}", seen.shown());
    // Where the first reply does not, it is the last.
    let silent = mock(&json!({}));
    sandbox.edit("prompts/registry.yaml", &stated.row(), &silent.row());
    let seen = eval(&sandbox, &limits);
    assert_eq!((seen.code, silent.counters().calls), (Some(4), 1), "{}", seen.shown());
}

#[test]
fn a_candidate_that_costs_more_is_named_wherever_people_look() {
    let counted =
        |tokens: u32| json!({"tokens": {"input": 10, "cached_input": 0, "output": tokens, "reasoning": 0}});
    let rule = json!({
        "when": {"last_user_message": {"contains": "at length"}},
        "answer": {"text": "Thank you"},
        "usage": counted(90),
    });
    let mock = Mock::start(
        json!({"rules": [rule], "default": {"answer": {"text": "Thank you"}, "usage": counted(10)}}),
    );
    let row = mock.row().replace("model: m", "model: m, price: {input: 1.0, output: 1.0}");
    let sandbox = sandbox(&row, 6);
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name} at length, {tone}.\n");
    let reports = ["markdown=r.md", "json=r.json", "junit=r.xml", "github=r.txt"];
    let reports: Vec<&str> = reports.iter().flat_map(|report| ["--report", report]).collect();
    let seen = eval(&sandbox, &reports);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let said = "beside v1.0.0, v1.1.0 costs 5.0 times as much and takes 5.0 times as many tokens";
    for text in [sandbox.read("r.md"), sandbox.read("r.json"), sandbox.read("r.xml"), sandbox.read("r.txt")] {
        assert!(text.contains(said), "{text}");
    }
    let lines = seen.stdout.lines().skip_while(|line| !line.starts_with("remark"));
    assert_snapshot!(lines.take(2).collect::<Vec<_>>().join("\n"), @r"
    remark greet v1.1.0  beside v1.0.0, v1.1.0 costs 5.0 times as much and takes 5.0
           times as many tokens
    ");
    let table = sandbox.read("r.md");
    let rows = table.lines().filter(|line| line.starts_with("| tokens") || line.starts_with("| cost"));
    assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @r"
    | tokens | 120 | 600 | 5.0 × | |
    | cost | $0.00012 | $0.00060 | 5.0 × | |
    ");
}
