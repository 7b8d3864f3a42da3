//! Gates with a baseline: another run, or blessed results; and what a gate can show before it is asked.

mod narrowed;
mod several;

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;
use regex::Regex;

use crate::sandbox::Sandbox;

/// So many cases, asked so often. Replies are written by [`reply`].
fn suite(cases: usize, repeat: u32, gate: &str) -> String {
    let mut suite = format!("repeat: {repeat}\ngate: {gate}\ncases:\n");
    for case in 0..cases {
        writeln!(suite, "  - {{name: c{case:02}, inputs: {{name: N{case}}}, expected: {{polite: true}}}}")
            .unwrap();
    }
    suite
}

/// One version; `failing` are the cases that are not polite, on every repeat but the first `passes`.
fn write(sandbox: &Sandbox, cases: usize, repeat: u32, failing: &[usize], passes: u32) {
    let mut replies = String::new();
    for case in 0..cases {
        for number in 1..=repeat {
            let polite = !failing.contains(&case) || number <= passes;
            let row = serde_json::json!({
                "case": format!("c{case:02}"), "version": "1.0.0", "model": "default", "repeat": number,
                "text": if polite { "Thank you" } else { "No" }, "finish_reason": "stop", "source": "hand",
            });
            writeln!(replies, "{row}").unwrap();
        }
    }
    sandbox.write("replies/greet.jsonl", replies);
}

fn sandbox(cases: usize, gate: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite(cases, 1, gate));
    write(&sandbox, cases, 1, &[], 0);
    sandbox
}

/// The directories of kept runs, oldest first.
fn runs(sandbox: &Sandbox) -> Vec<String> {
    let mut runs: Vec<String> = fs::read_dir(sandbox.path(".promptassay/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    runs.sort();
    runs
}

fn clean(sandbox: &Sandbox, text: &str) -> String {
    let text = Regex::new("[0-9a-f]{8}-[0-9a-f-]{27}").unwrap().replace_all(text, "[RUN]").into_owned();
    let text =
        Regex::new(r"20\d\d-\d\d-\d\d(T[0-9:.]+Z)?").unwrap().replace_all(&text, "[TIME]").into_owned();
    sandbox.clean(&text)
}

#[test]
fn two_runs_are_compared_whatever_the_files_are_today() {
    let sandbox = sandbox(40, "{margin: 0.15}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    write(&sandbox, 40, 1, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 0);
    assert_eq!(sandbox.run(&["eval", "--offline", "--min-pass-rate", "0.5"]).code, Some(0));
    let runs = runs(&sandbox);
    // What was not asked is not removed.
    let arguments = ["eval", "--offline", "--case", "c0", "--min-pass-rate", "0"];
    assert_eq!(sandbox.run(&arguments).code, Some(0));
    let few = sandbox.run(&["compare", "latest~2", "latest", "--margin", "none", "--min-pass-rate", "0"]);
    assert_snapshot!("narrowed", clean(&sandbox, &few.shown()));
    assert_eq!(sandbox.run(&["runs", "rm", "latest"]).code, Some(0));
    // Today's files are of no importance.
    sandbox.edit("prompts/greet/v1.0.0.txt", "Greet", "Welcome");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "name: c00", "name: other");
    let seen = sandbox.run(&["compare", &runs[0], &runs[1], "--min-pass-rate", "0"]);
    assert_snapshot!("worse", clean(&sandbox, &seen.shown()));
    assert_eq!(sandbox.run(&["compare", "latest~1", "latest", "--min-pass-rate", "0"]).stdout, seen.stdout);
    let seen = sandbox.run(&["compare", &runs[1], "latest", "--margin", "0.15"]);
    assert_snapshot!("the_same", clean(&sandbox, &seen.shown()));
    let json = sandbox.run(&[
        "compare",
        &runs[0],
        &runs[1],
        "--format",
        "json",
        "--margin",
        "none",
        "--min-pass-rate",
        "0",
    ]);
    assert_eq!(json.code, Some(0), "{}", json.shown());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["gates"][0]["with_itself"], false);
    let comparison = &json["gates"][0]["comparison"];
    assert_eq!(comparison["broken"].as_array().unwrap().len(), 10);
    assert_eq!(comparison["metrics"][0]["call"], "worse");
    assert!((comparison["metrics"][0]["difference"]["estimate"].as_f64().unwrap() + 0.25).abs() < 1e-12);
}

#[test]
fn a_narrowed_run_is_compared_as_the_first_one_too() {
    let sandbox = sandbox(40, "{margin: auto}");
    assert_eq!(sandbox.run(&["eval", "--offline", "--case", "c00"]).code, Some(0));
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let seen = sandbox.run(&["compare", "latest~1", "latest"]);
    assert_snapshot!("narrowed_first", clean(&sandbox, &seen.shown()));
    // What stands in the way of the second run stands in the way here.
    write(&sandbox, 40, 1, &[7], 0);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(1));
    let seen = sandbox.run(&["compare", "latest~2", "latest"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    // Who asks for a margin means it, and it stands in no file.
    let asked = sandbox.run(&["compare", "latest~2", "latest~1", "--margin", "0.01"]);
    assert_snapshot!("margin_of_the_command_line", clean(&sandbox, &asked.shown()));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let sandbox = sandbox(10, "{min_pass_rate: 0.5}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["eval", "--offline", "--shard", "1/2", "--runs", "part"]).code, Some(0));
    let part = fs::read_dir(sandbox.path("part")).unwrap().next().unwrap().unwrap().path();
    let part = part.to_str().unwrap();
    let mut shown = String::new();
    for arguments in [
        &["latest", "nothing"][..],
        &["latest", part],
        &["latest", "latest", "--margin", "0.1"],
        &["latest", "latest", "--baseline-version", "v2.0.0"],
        &["latest", "latest", "--candidate-version", "v2.0.0"],
    ] {
        let seen = sandbox.run(&[&["compare"], arguments].concat());
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
        writeln!(shown, "$ compare {}\n{}", arguments.join(" "), seen.stderr).unwrap();
    }
    assert_snapshot!(clean(&sandbox, &shown));
}

#[test]
fn a_run_is_blessed_and_compared_with() {
    let sandbox = sandbox(30, "{margin: auto}   # of this suite");
    let absent = sandbox.run(&["eval", "--offline", "--against-baseline"]);
    assert_eq!(absent.code, Some(2), "{}", absent.shown());
    assert_snapshot!("nothing_is_blessed", clean(&sandbox, &absent.shown()));
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_snapshot!("blessing", clean(&sandbox, &sandbox.run(&["baseline", "bless"]).shown()));
    assert!(
        sandbox
            .read("prompts/greet/tests/test_cases.yaml")
            .contains("gate: {margin: 0.15}   # of this suite\n")
    );
    let file = sandbox.read("prompts/greet/tests/baseline.json");
    let few: Vec<&str> = file.lines().take(26).collect();
    assert_snapshot!("blessed_file", clean(&sandbox, &few.join("\n")));
    // The same replies are no worse than themselves.
    let same = sandbox.run(&["eval", "--offline", "--against-baseline"]);
    assert_eq!(same.code, Some(0), "{}", same.shown());
    // The run remembers what it was compared with, and so does whoever judges it anew.
    assert_eq!(sandbox.run(&["report"]).stdout, same.stdout);
    assert_eq!(sandbox.run(&["eval", "--offline", "--resume"]).stdout, same.stdout);
    let anew = sandbox.run(&["rescore"]);
    assert_eq!((anew.code, anew.stdout.contains("v1.0.0, blessed")), (Some(0), true), "{}", anew.shown());
    sandbox.write("prompts/greet/tests/baseline.json", format!("{file}\n"));
    assert_snapshot!("blessed_anew_since", clean(&sandbox, &sandbox.run(&["report"]).shown()));
    sandbox.write("prompts/greet/tests/baseline.json", &file);
    // So do the shards of a run, and whoever merges them.
    for shard in ["1/2", "2/2"] {
        let arguments = ["eval", "--offline", "--against-baseline", "--runs", "shards", "--shard", shard];
        assert_eq!(sandbox.run(&arguments).code, Some(0));
    }
    let shards: Vec<String> =
        sandbox.files("shards").into_iter().filter(|file| file.ends_with("run.json")).collect();
    let shards: Vec<&str> = shards.iter().map(|file| file.strip_suffix("/run.json").unwrap()).collect();
    assert_eq!(sandbox.run(&[&["merge"][..], &shards].concat()).stdout, same.stdout);
    // Worse ones are.
    write(&sandbox, 30, 1, &[1, 2, 3, 4, 5, 6, 7, 8], 0);
    let worse = sandbox.run(&["eval", "--offline", "--against-baseline", "--report", "markdown=-"]);
    assert_eq!(worse.code, Some(1), "{}", worse.shown());
    assert_snapshot!("worse_than_blessed", clean(&sandbox, &worse.stdout));
    // Whoever accepts that is told what it comes to.
    let seen = sandbox.run(&["baseline", "bless"]);
    assert_snapshot!("blessing_again", clean(&sandbox, &seen.shown()));
    assert_eq!(
        sandbox.run(&["eval", "--offline", "--against-baseline", "--baseline", "v1.0.0"]).code,
        Some(2)
    );
    // A model more has no first blessing to be held against.
    sandbox.edit("prompts/registry.yaml", "models:\n", "models:\n  other: {provider: openai, model: m}\n");
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "repeat: 1", "models: [default, other]\nrepeat: 1");
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("replies/greet.jsonl", format!("{replies}{}", replies.replace("\"default\"", "\"other\"")));
    sandbox.run(&["eval", "--offline"]);
    let arguments = ["baseline", "bless"];
    assert_snapshot!("blessing_a_model_more", clean(&sandbox, &sandbox.run(&arguments).stdout));
    let blessed: serde_json::Value =
        serde_json::from_str(&sandbox.run(&["baseline", "bless", "--json"]).stdout).unwrap();
    let models = blessed["blessed"][0]["models"].as_array().unwrap().iter();
    assert_eq!(models.map(|model| model["first_blessed_at"].is_string()).collect::<Vec<_>>(), [true, false]);
    sandbox.write("prompts/greet/tests/baseline.json", "{\"schema\": 9}");
    assert_snapshot!("unknown_shape", sandbox.run(&["eval", "--offline", "--against-baseline"]).shown());
}

#[test]
fn what_a_selection_leaves_out_is_missing_on_neither_side() {
    let sandbox = sandbox(30, "{min_pass_rate: 0.5}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless"]).code, Some(0));
    let narrowed = ["eval", "--offline", "--against-baseline", "--sample", "3"];
    let seen = sandbox.run(&narrowed);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_snapshot!("narrowed_against_blessed", clean(&sandbox, &seen.stdout));
    assert_eq!(sandbox.run(&["report"]).stdout, seen.stdout);
    // With a margin it is refused for their number, and not as an edited suite.
    let refused = sandbox.run(&[&narrowed[..], &["--margin", "0.15"]].concat());
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert!(refused.stderr.contains("3 units") && !refused.stderr.contains("removed"), "{}", refused.stderr);
    // Where that is written nothing stands.
    assert!(!refused.stderr.contains("test_cases.yaml"), "{}", refused.stderr);
}

#[test]
fn units_that_only_one_side_answered_are_not_counted_among_those_that_an_interval_rests_on() {
    let sandbox = sandbox(30, "{min_pass_rate: 0.5, max_missing: 0.5}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless"]).code, Some(0));
    let look = ["eval", "--offline", "--against-baseline", "--report", "markdown=-"];
    let whole = sandbox.run(&look).stdout;
    assert!(!whole.contains("judged on both sides"), "{whole}");
    let replies = sandbox.read("replies/greet.jsonl");
    sandbox.write("replies/greet.jsonl", replies.split_once('\n').unwrap().1);
    let seen = sandbox.run(&look);
    assert!(seen.stdout.contains("29 of 30 units judged on both sides"), "{}", seen.shown());
}

#[test]
fn a_blessed_file_that_a_merge_broke_is_mended_by_blessing() {
    let sandbox = sandbox(30, "{margin: 0.2}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless"]).code, Some(0));
    let path = "prompts/greet/tests/baseline.json";
    let file = sandbox.read(path);
    sandbox.write(path, format!("<<<<<<< HEAD\n{file}=======\n{file}>>>>>>> other\n"));
    assert_eq!(sandbox.run(&["eval", "--offline", "--against-baseline"]).code, Some(2));
    let blessed = sandbox.run(&["baseline", "bless", "latest"]);
    assert!(
        blessed.code == Some(0) && blessed.stderr.contains("cannot be used and is replaced"),
        "{}",
        blessed.shown()
    );
    assert_eq!(sandbox.run(&["eval", "--offline", "--against-baseline"]).code, Some(0));
    // What a newer program wrote is whole, and not this one's to throw away.
    let newer = sandbox.read(path).replace("\"schema\": 1", "\"schema\": 2");
    sandbox.write(path, &newer);
    let refused = sandbox.run(&["baseline", "bless", "latest"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert!(refused.stderr.contains("use the version of promptassay that wrote it"), "{}", refused.shown());
    assert_eq!(sandbox.read(path), newer);
}

#[test]
fn a_suite_that_was_edited_since_it_was_blessed_is_named_and_not_its_size() {
    let sandbox = sandbox(30, "{margin: auto}");
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_snapshot!(
        "a_prompt_is_no_run",
        clean(&sandbox, &sandbox.run(&["baseline", "bless", "greet"]).shown())
    );
    assert_eq!(sandbox.run(&["baseline", "bless", "latest", "greet"]).code, Some(0));
    assert_eq!(sandbox.run(&["eval", "--offline", "--against-baseline"]).code, Some(0));
    sandbox.edit("prompts/greet/tests/test_cases.yaml", "cases:", "validators: [{max_words: 9}]\ncases:");
    let refused = sandbox.run(&["rescore"]);
    assert_eq!(refused.code, Some(2), "{}", refused.shown());
    assert_snapshot!("edited_since_it_was_blessed", clean(&sandbox, &refused.shown()));
    // What the help says, done: the run that was blessed is judged by today's suite and blessed again.
    assert_eq!(sandbox.run(&["rescore", "latest~1"]).code, Some(0));
    assert_eq!(sandbox.run(&["baseline", "bless", "latest", "greet"]).code, Some(0));
    let seen = sandbox.run(&["eval", "--offline", "--against-baseline"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[test]
fn what_is_no_whole_run_is_not_blessed() {
    let sandbox = sandbox(30, "{min_pass_rate: 0.5}");
    let mut shown = String::new();
    let mut refused = |sandbox: &Sandbox, arguments: &[&str]| {
        let seen = sandbox.run(&[&["baseline", "bless"], arguments].concat());
        assert_eq!((seen.code, seen.stdout.as_str()), (Some(2), ""), "{}", seen.shown());
        writeln!(shown, "{}", seen.stderr).unwrap();
    };
    sandbox.run(&["eval", "--offline", "--case", "c0"]);
    refused(&sandbox, &[]);
    sandbox.run(&["eval", "--offline", "--shard", "1/2"]);
    refused(&sandbox, &[]);
    sandbox.run(&["eval", "--offline"]);
    refused(&sandbox, &["latest", "other"]);
    refused(&sandbox, &["latest", "--version", "v3.0.0"]);
    let journal = sandbox.path(&format!(".promptassay/runs/{}/events.jsonl", runs(&sandbox).last().unwrap()));
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.lines().take(9).fold(String::new(), |text, line| text + line + "\n")).unwrap();
    refused(&sandbox, &[]);
    sandbox.edit("prompts/registry.yaml", "gpt-6-luna", "gpt-6-latest");
    sandbox.run(&["eval", "--offline"]);
    refused(&sandbox, &[]);
    assert!(!sandbox.path("prompts/greet/tests/baseline.json").exists());
    assert_eq!(sandbox.run(&["baseline", "bless", "--force"]).code, Some(0));
    assert_snapshot!(clean(&sandbox, &shown));
}

#[test]
fn the_price_of_a_margin_is_said_before_it_is_paid() {
    let sandbox = Sandbox::new();
    sandbox.write("prompts/greet/tests/test_cases.yaml", suite(30, 3, "{min_pass_rate: 0.5}"));
    write(&sandbox, 30, 3, &[1, 2, 3, 4, 5, 6], 2);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    assert_snapshot!("from_a_run", sandbox.run(&["power"]).shown());
    let numbers = [
        "power",
        "--pass-rate",
        "0.9",
        "--flaky",
        "0.1",
        "--cases",
        "40",
        "--repeats",
        "3",
        "--margin",
        "0.1",
    ];
    assert_snapshot!("from_numbers", sandbox.run(&numbers).shown());
    let json = sandbox.json(&numbers);
    let chance = json["of"][0]["chances"][0]["passes_unchanged"].as_f64().unwrap();
    assert!(chance > 0.5 && chance < 1.0, "{json}");
    assert_eq!(sandbox.run(&["power", "--pass-rate", "0.99", "--flaky", "0.5"]).code, Some(2));
    // A case that is asked once does not say how flaky it is.
    let sandbox = self::sandbox(10, "{min_pass_rate: 0.5}");
    sandbox.run(&["eval", "--offline"]);
    assert_snapshot!("not_known", sandbox.run(&["power"]).shown());
}

#[test]
fn what_is_blessed_without_a_name_and_is_not_served_is_said_so() {
    let sandbox = sandbox(2, "{min_pass_rate: 0.5}");
    sandbox.write("prompts/greet/v1.1.0.txt", "Greet {name} well, in a {tone} tone.\n");
    let older = sandbox.read("replies/greet.jsonl");
    let newer = older.replace("1.0.0", "1.1.0");
    sandbox.write("replies/greet.jsonl", older + &newer);
    assert_eq!(sandbox.run(&["eval", "--offline"]).code, Some(0));
    let seen = sandbox.run(&["baseline", "bless"]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    assert_snapshot!(clean(&sandbox, &seen.stderr), @r"
    warning: greet v1.1.0 is blessed, and is not what is served: v1.0.0 is active
      = help: `--version v1.0.0` blesses what is served, which the run judged too; `--version v1.1.0` says that this one is meant
    ");
    for version in ["v1.1.0", "v1.0.0"] {
        let named = sandbox.run(&["baseline", "bless", "--version", version]);
        assert_eq!((named.code, named.stderr.as_str()), (Some(0), ""), "{}", named.shown());
    }
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "active_version: v1.1.0");
    let active = sandbox.run(&["baseline", "bless"]);
    assert_eq!((active.code, active.stderr.as_str()), (Some(0), ""), "{}", active.shown());
}

#[test]
fn of_many_gates_the_end_of_the_log_says_which_stand_in_the_way() {
    let sandbox = Sandbox::new();
    for prompt in 1..=6 {
        let name = format!("p_{prompt}");
        let (directory, text) = (format!("prompts/{name}"), if prompt == 2 { "No" } else { "Yes" });
        sandbox.write(&format!("{directory}/prompt.yaml"), format!("name: {name}\n"));
        sandbox.write(&format!("{directory}/v1.0.0.txt"), "Say yes.\n");
        let suite = "- {name: a, validators: [{contains: Yes}]}\n- {name: b, validators: [{max_words: 1}]}\n";
        sandbox.write(&format!("{directory}/tests/test_cases.yaml"), suite);
        let row = |case: &str| {
            format!(
                "{{\"case\": \"{case}\", \"version\": \"1.0.0\", \"model\": \"default\", \"repeat\": 1, \
                 \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
            )
        };
        sandbox.write(&format!("replies/{name}.jsonl"), row("a") + &row("b"));
    }
    let end =
        |seen: &crate::sandbox::Seen| seen.stdout[seen.stdout.find("\ngate  ").unwrap() + 1..].to_owned();
    let seen = sandbox.run(&["eval", "--offline", "p_*"]);
    assert_eq!(seen.code, Some(1), "{}", seen.shown());
    let passed = sandbox.run(&["eval", "--offline", "p_1", "p_3", "p_4", "p_5", "p_6"]);
    assert_snapshot!(format!("{}\n{}", end(&seen), end(&passed)));
}
