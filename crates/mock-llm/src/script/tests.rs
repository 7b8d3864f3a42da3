use serde_json::{Value, json};

use super::*;

fn problems(value: Value) -> String {
    Script::from_json(value).unwrap_err().to_string()
}

#[test]
fn every_problem_is_reported_at_once_with_its_place_and_a_fix() {
    let script = json!({
        "schema": 2,
        "rate_limit": {"requests_per_second": 0.0, "burst": 0, "hints": {"retry_after": "soon"}},
        "faults": [
            {"share": 0.7, "answer": {"reset": {}}},
            {"share": 0.6, "answer": {"garbage": {"bytes": 0}}},
            {"share": 0.0, "answer": {"proxy_html": {"status": 204}}},
        ],
        "delay": {"uniform": {"from": "2s", "to": "1s"}},
        "rules": [
            {
                "name": "first",
                "when": {
                    "model": {"regex": "("},
                    "headers": [{"name": "bad name", "value": {"equals": "x"}}],
                    "chance": 1.5,
                    "call": {"from": 0, "every": 0},
                },
                "answer": {"template": "Hi {name}"},
                "usage": {"tokens": {"input": 1, "cached_input": 2, "output": 1, "reasoning": 2}},
                "headers": {"Content-Length": "5", "x-note": "two\nlines"},
            },
            {"name": "first", "when": {"call": {}}, "answer": {"tool_calls": []}, "served_model": ""},
            {"name": "default", "answer": {"quota_exhausted": {"status": 403}}, "delay": {"lognormal": {"median": "0s", "p95": "1s"}}},
            {"when": {"call": {"from": 3, "to": 2}}, "answer": {"cut_body": {"keep": 1.0}}},
        ],
        "default": {"answer": {"huge_body": {"bytes": 9_999_999_999_u64}}, "delay": {"fixed": "5"}},
    });
    insta::assert_snapshot!(problems(script));
}

#[test]
fn a_wrong_shape_names_the_unknown_key() {
    let unknown_key = problems(json!({"default": {"answer": {"text": "x"}, "dely": {"fixed": "1s"}}}));
    assert!(unknown_key.contains("unknown field `dely`"), "{unknown_key}");
    let unknown_answer = problems(json!({"default": {"answer": {"txt": "x"}}}));
    assert!(unknown_answer.contains("unknown variant `txt`"), "{unknown_answer}");
    let options_of_none = problems(json!({"default": {"answer": {"reset": {"hard": true}}}}));
    assert!(options_of_none.contains("unknown field `hard`"), "{options_of_none}");
}

#[test]
fn shares_may_add_up_to_one_with_rounding() {
    let faults: Vec<Value> =
        [0.1, 0.2, 0.7].map(|share| json!({"share": share, "answer": {"reset": {}}})).to_vec();
    assert!(Script::from_json(json!({"faults": faults})).is_ok());
}

#[test]
fn an_empty_script_is_valid_and_matches_nothing() {
    let script = Script::from_json(json!({})).unwrap();
    assert!(script.rules.is_empty() && script.default.is_none());
}

#[test]
fn the_schema_knows_every_answer_and_refuses_unknown_keys() {
    let schema = serde_json::to_value(schemars::schema_for!(ScriptSpec)).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    let answers = schema["$defs"]["AnswerSpec"]["oneOf"].as_array().unwrap();
    let keys: Vec<&str> = answers.iter().filter_map(|answer| answer["required"][0].as_str()).collect();
    assert_eq!(keys.len(), 21, "{keys:?}");
    assert!(keys.contains(&"rate_limited") && keys.contains(&"reset"), "{keys:?}");
}
