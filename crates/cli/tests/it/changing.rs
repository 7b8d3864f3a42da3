//! What a change does to its own exam: cases, frozen texts, prices, prompts that nothing judges.

#![expect(clippy::format_push_string, reason = "rows of a few hundred; the line says what they look like")]

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, Seen, git_command};

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";

/// `greet` with v1.0.0 registered on `main`, 20 cases and replies of every version: those of v1.1.0 to the first five cases fail. The branch
/// `change` is checked out; `None` where git is missing.
fn sandbox(gate: &str) -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    let mut suite = format!("gate: {gate}\nrepeat: 1\ncases:\n");
    let mut rows = String::new();
    for case in 0..20 {
        suite.push_str(&format!(
            "  - {{name: c{case:02}, inputs: {{name: Ada}}, validators: [contains: please]}}\n"
        ));
        for version in ["1.0.0", "1.1.0"] {
            let text = if version == "1.1.0" && case < 5 { "No" } else { "Yes please" };
            rows.push_str(&format!(
                "{{\"case\": \"c{case:02}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
                 \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
            ));
        }
    }
    sandbox
        .write(SUITE, suite)
        .write("replies/greet.jsonl", rows)
        .write(".gitignore", ".promptassay/\n*.lock\n!prompt.lock\n");
    register(&sandbox, "1.0.0");
    if !sandbox.commit_to_main() {
        return None;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    Some(sandbox)
}

fn register(sandbox: &Sandbox, version: &str) {
    let registered = sandbox.run(&["register", "greet", version, "-m", "for a test", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.stderr);
}

/// The exit code and what is said beside the report.
fn said(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let all = [&["eval", "--offline", "--changed-since", "main"], arguments].concat();
    let Seen { code, stdout, stderr } = sandbox.run(&all);
    let gate: String =
        stdout.lines().filter(|line| line.starts_with("gate") || line.starts_with("skipped:")).collect();
    let said: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("greet v")).collect();
    let day = regex::Regex::new(r"blessed 20\d\d-\d\d-\d\d").unwrap();
    let gate = day.replace(&gate, "blessed [DAY]");
    sandbox.clean(&format!("{}\n{gate}\nexit {}\n\n", said.join("\n"), code.unwrap()))
}

#[test]
fn cases_that_a_change_takes_out_of_its_exam_are_named() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.9}") else { return };
    sandbox.write("prompts/greet/v1.1.0.txt", "Worse {name} {tone}\n");
    register(&sandbox, "1.1.0");
    let suite = sandbox.read(SUITE);
    let mut seen = said(&sandbox, &[]);
    assert!(seen.contains("FAILED") && !seen.contains("warning"), "{seen}");
    let mut check = |title: &str, text: String| {
        sandbox.write(SUITE, text);
        seen.push_str(&format!("## {title}\n{}", said(&sandbox, &[])));
    };
    let is_kept = |line: &&str| !(0..5).any(|case| line.contains(&format!("c{case:02},")));
    let without: Vec<&str> = suite.lines().filter(is_kept).collect();
    check("removed", without.join("\n") + "\n");
    check("skipped", suite.replace("{name: c00,", "{skip: later, name: c00,"));
    check(
        "weakened, and moved to a cluster",
        suite.replace("contains: please", "min_words: 1").replace("{name: c19,", "{cluster: x, name: c19,"),
    );
    check("added", format!("{suite}  - {{name: new, inputs: {{name: Ada}}, validators: [max_words: 9]}}\n"));
    check("more often", suite.replace("repeat: 1", "repeat: 2"));
    assert_snapshot!(seen);
}

#[test]
fn a_weakened_check_is_undone_for_the_same_replies_by_what_the_help_says() {
    for (file, from, to) in
        [(SUITE, "contains: please", "min_words: 1"), ("prompts/registry.yaml", "please", ".")]
    {
        let Some(sandbox) = sandbox("{min_pass_rate: 0.9}") else { return };
        // By a check of the suite, and by one of registry.yaml.
        if file != SUITE {
            let shared =
                sandbox.read(SUITE).replace("validators: [contains: please]", "expected: {polite: true}");
            sandbox.write(SUITE, shared);
            sandbox.git(&["checkout", "-q", "main"]);
            sandbox.commit("shared checks");
            sandbox.git(&["checkout", "-qB", "change"]);
        }
        sandbox.write("prompts/greet/v1.1.0.txt", "Worse {name} {tone}\n");
        register(&sandbox, "1.1.0");
        sandbox.edit(file, from, to);
        sandbox.commit("worse, and not seen");
        let seen = said(&sandbox, &[]);
        assert!(seen.contains("PASSED"), "{seen}");
        let commands: Vec<&str> = seen
            .split('`')
            .filter(|quoted| quoted.starts_with("git checkout ") || quoted.starts_with("promptassay rescore"))
            .collect();
        let [checkout, rescore] = commands.as_slice() else { panic!("{seen}") };
        let words = |command: &str| command.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>();
        let checkout = words(checkout);
        assert!(sandbox.git(&checkout.iter().map(String::as_str).collect::<Vec<_>>()));
        let judged = sandbox.run(&words(rescore).iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(judged.code, Some(1), "{}", judged.shown());
        assert!(judged.stdout.contains("FAILED  75.0 % of 20 trials passed"), "{}", judged.shown());
    }
}

#[test]
fn what_the_base_has_registered_is_frozen() {
    let Some(sandbox) = sandbox("{margin: 0.2, min_pass_rate: 0.5}") else { return };
    let (text, lock) = ("prompts/greet/v1.0.0.txt", "prompts/greet/prompt.lock");
    let mut seen = String::new();
    let mut check = |title: &str| seen.push_str(&format!("## {title}\n{}", said(&sandbox, &[])));
    sandbox.write(text, "Worse {name} {tone}\n");
    std::fs::remove_file(sandbox.path(lock)).unwrap();
    check("another text, and no row");
    register(&sandbox, "1.0.0");
    check("registered anew with another text");
    sandbox.git(&["checkout", "-q", "--", "prompts"]);
    sandbox.edit("prompts/greet/prompt.yaml", "max_length: 20", "max_length: 30");
    std::fs::remove_file(sandbox.path(lock)).unwrap();
    register(&sandbox, "1.0.0");
    check("registered anew with other variables");
    sandbox.git(&["checkout", "-q", "--", "prompts"]);
    std::fs::remove_file(sandbox.path(lock)).unwrap();
    std::fs::rename(sandbox.path(text), sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    sandbox.edit("prompts/greet/prompt.yaml", "active_version: v1.0.0", "active_version: v1.1.0");
    register(&sandbox, "1.1.0");
    check("gone, for another number");
    sandbox.git(&["checkout", "-q", "--", "prompts"]);
    std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    // Who registered it again freezes the same.
    std::fs::remove_file(sandbox.path(lock)).unwrap();
    sandbox.run(&["register", "greet", "1.0.0", "-m", "once more", "--by", "Bob"]);
    // Whether that was in the same second is left to chance otherwise.
    let time = regex::Regex::new("created_at: .*").unwrap();
    let later = time.replace_all(&sandbox.read(lock), "created_at: 2026-12-01T00:00:00Z").into_owned();
    sandbox.write(lock, later);
    check("the same text, registered again");
    assert_snapshot!(seen);
}

#[test]
fn a_margin_that_decides_nothing_is_not_dropped_silently() {
    let Some(sandbox) = sandbox("{margin: 0.2, min_pass_rate: 0.5}") else { return };
    sandbox.git(&["checkout", "-q", "main"]);
    std::fs::remove_file(sandbox.path("prompts/greet/prompt.lock")).unwrap();
    sandbox.git(&["rm", "-q", "--cached", "prompts/greet/prompt.lock"]);
    sandbox.commit("nothing is registered");
    sandbox.git(&["checkout", "-qb", "rewrite"]);
    sandbox.write("prompts/greet/v1.0.0.txt", "Worse {name} {tone}\n");
    let mut seen = said(&sandbox, &[]);
    // Where a baseline is blessed, the margin is used; and whoever blesses anew is seen.
    let blessed = sandbox.run(&["baseline", "bless", "latest", "greet"]);
    assert_eq!(blessed.code, Some(0), "{}", blessed.shown());
    seen.push_str(&said(&sandbox, &["--against-baseline"]));
    assert_snapshot!(seen);
}

#[test]
fn a_prompt_without_a_suite_is_not_called_unchanged() {
    let Some(sandbox) = sandbox("{}") else { return };
    sandbox.write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say hello.\n");
    let mut seen = said(&sandbox, &[]);
    sandbox.commit("a new one");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    seen.push_str(&said(&sandbox, &[]));
    sandbox.write("prompts/other/v1.0.0.txt", "Say hello to them.\n");
    seen.push_str(&said(&sandbox, &[]));
    assert_snapshot!(seen);
}

#[test]
fn a_limit_on_cost_wants_prices_and_takes_those_of_the_base() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let registry = "prompts/registry.yaml";
    let live = |arguments: &[&str]| {
        let seen = sandbox.run(&[&["eval", "--max-cost", "5"], arguments].concat());
        sandbox.clean(&format!("{}exit {}\n\n", seen.stderr, seen.code.unwrap()))
    };
    let mut seen = live(&[]);
    sandbox.edit(registry, "model: gpt-6-luna}", "model: gpt-6-luna, price: {input: 2, output: 8}}");
    sandbox.commit("a price");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    sandbox.edit(registry, ", price: {input: 2, output: 8}", "");
    // There is no key, so it ends there: the price is no hindrance any more.
    seen.push_str(&live(&["--changed-since", "main"]));
    sandbox.edit(registry, "model: gpt-6-luna}", "model: gpt-6-luna, price: {input: 2, output: 0}}\n  other: {provider: openai, model: o, price: {input: 0, output: 0}}");
    seen.push_str(&live(&["--changed-since", "main"]));
    assert_snapshot!(seen);
}

#[test]
fn what_a_change_does_to_its_gate_is_said_however_quiet_it_should_be() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.9}") else { return };
    sandbox.edit(SUITE, "c03, inputs", "renamed, inputs");
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name}, {tone}.\n");
    let seen = sandbox.run(&["eval", "--offline", "--changed-since", "main", "--quiet"]);
    assert_snapshot!(sandbox.clean(&seen.stderr));
}

#[test]
fn a_registered_version_may_go_once_it_is_archived_where_the_change_goes() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name}, {tone}.\n");
    register(&sandbox, "1.1.0");
    sandbox.commit("another one");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    let frozen = |reference: &str| {
        let seen = sandbox.run(&["check", "--frozen-since", reference]);
        sandbox.clean(&format!("{}{}exit {}\n\n", seen.stderr, seen.stdout, seen.code.unwrap()))
    };
    let remove = || {
        let lock = sandbox.read("prompts/greet/prompt.lock");
        let row = lock.find("  1.1.0:").unwrap();
        sandbox.write("prompts/greet/prompt.lock", &lock[..row]);
        std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
    };
    let mut seen = frozen("HEAD");
    remove();
    // Nothing in the tree tells of it.
    assert_eq!(sandbox.run(&["check", "--locked"]).code, Some(0));
    seen.push_str(&frozen("HEAD"));
    // Archived by the very change that removes it, it is not.
    sandbox.git(&["checkout", "-q", "."]);
    for command in
        [&["adopt", "greet", "1.0.0"][..], &["archive", "greet", "1.1.0", "--reason", "Never used"]]
    {
        let moved = sandbox.run(&[command, &["--by", "Ada"]].concat());
        assert_eq!(moved.code, Some(0), "{}", moved.shown());
    }
    remove();
    seen.push_str(&frozen("main"));
    sandbox.git(&["checkout", "-q", "--", "prompts/greet/prompt.lock", "prompts/greet/v1.1.0.txt"]);
    sandbox.commit("archived");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    remove();
    seen.push_str(&frozen("main"));
    seen.push_str(&said(&sandbox, &[]));
    let checked = sandbox.run(&["check", "--locked"]);
    assert_eq!(checked.code, Some(0), "{}", checked.shown());
    assert_snapshot!(seen);
}

/// What GitHub's *Revert* makes of a change that added a version and moved to it.
#[test]
fn a_change_that_takes_the_served_version_away_is_told_how_to_go_back() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let began =
        ["prompts/greet/prompt.lock", "prompts/greet/prompt.yaml"].map(|file| (file, sandbox.read(file)));
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name}, {tone}.\n");
    register(&sandbox, "1.1.0");
    assert_eq!(sandbox.run(&["activate", "greet", "1.1.0"]).code, Some(0));
    sandbox.commit("moved");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    let mut seen = String::new();
    for title in ["by `active_version`", "by its ledger"] {
        std::fs::remove_file(sandbox.path("prompts/greet/v1.1.0.txt")).unwrap();
        for (file, text) in &began {
            sandbox.write(file, text);
        }
        seen.push_str(&format!("## {title}\n{}", said(&sandbox, &[])));
        sandbox.git(&["checkout", "-q", "."]);
        if !sandbox.path("prompts/greet/lifecycle.jsonl").exists() {
            assert_eq!(sandbox.run(&["adopt", "greet", "1.1.0", "--by", "Ada"]).code, Some(0));
            sandbox.commit("adopted");
            sandbox.git(&["branch", "-qf", "main", "change"]);
        }
    }
    assert_snapshot!(seen);
}

#[test]
fn a_replay_stands_on_recorded_replies() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let replies = "replies/greet.jsonl";
    let changed = |sandbox: &Sandbox| sandbox.run(&["eval", "--offline", "--changed-since", "main"]);
    let unchanged = changed(&sandbox);
    assert!(unchanged.stdout.starts_with("skipped: "), "{}", unchanged.shown());
    let text = sandbox.read(replies);
    sandbox.write(replies, text.replace("Yes please", "Oh yes please"));
    let seen = changed(&sandbox);
    assert!(
        seen.stdout.contains("greet.jsonl changed") && seen.stdout.contains("gate  greet"),
        "{}",
        seen.shown()
    );
    std::fs::remove_file(sandbox.path(replies)).unwrap();
    let seen = changed(&sandbox);
    assert_eq!(seen.code, Some(4), "{}", seen.shown());
}

#[test]
fn a_ledger_only_grows() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let ledger = "prompts/greet/lifecycle.jsonl";
    let moved = |arguments: &[&str]| {
        let moved = sandbox.run(&[arguments, &["--by", "Ada"]].concat());
        assert_eq!(moved.code, Some(0), "{}", moved.shown());
    };
    let seen = |change: &str| {
        let frozen = sandbox.run(&["check", "--frozen-since", "main"]);
        let frozen = format!("{}{}exit {}\n\n", frozen.stderr, frozen.stdout, frozen.code.unwrap());
        format!("# {change}\n{}{}\n", sandbox.clean(&frozen), said(&sandbox, &[]))
    };
    moved(&["adopt", "greet", "1.0.0"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name}, {tone}.\n");
    register(&sandbox, "1.1.0");
    moved(&["archive", "greet", "1.1.0", "--reason", "Never used"]);
    sandbox.commit("governed");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    let began = sandbox.read(ledger);

    std::fs::remove_file(sandbox.path(ledger)).unwrap();
    let mut text = seen("it is removed");
    let first = began.lines().next().unwrap();
    sandbox.write(ledger, format!("{first}\n"));
    text.push_str(&seen("it is cut back"));
    sandbox.write(ledger, began.replacen("Never used", "Nobody liked it", 1));
    text.push_str(&seen("it is rewritten"));
    sandbox.write(ledger, &began);
    moved(&["deprecate", "greet", "1.0.0", "--reason", "The product is gone"]);
    sandbox.commit("moved");
    text.push_str(&seen("it grows"));
    // What the other side has written since stands nowhere here.
    sandbox.git(&["checkout", "-q", "-b", "later", "main"]);
    moved(&["deprecate", "greet", "1.0.0", "--reason", "Replaced"]);
    sandbox.commit("moved there");
    sandbox.git(&["branch", "-qf", "main", "later"]);
    sandbox.git(&["checkout", "-q", "change"]);
    text.push_str(&seen("both sides grow"));
    assert_snapshot!(text);
}

#[test]
fn a_torn_ledger_of_the_base_may_be_repaired_by_a_change() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    assert_eq!(sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada"]).code, Some(0));
    let ledger = "prompts/greet/lifecycle.jsonl";
    let whole = sandbox.read(ledger);
    sandbox.write(ledger, format!("{whole}{}", &whole[..40]));
    sandbox.commit("torn");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    assert_eq!(sandbox.run(&["repair", "greet"]).code, Some(0));
    assert_eq!(sandbox.read(ledger), whole);
    let checked = sandbox.run(&["check", "--frozen-since", "main"]);
    assert!(checked.code == Some(0) && checked.stderr.is_empty(), "{}", checked.shown());
    // Of a torn first command nothing stays.
    sandbox.write(ledger, &whole[..40]);
    sandbox.commit("torn first");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    assert_eq!(sandbox.run(&["repair", "greet"]).code, Some(0));
    assert!(!sandbox.path(ledger).exists());
    let checked = sandbox.run(&["check", "--frozen-since", "main"]);
    assert!(checked.code == Some(0) && checked.stderr.is_empty(), "{}", checked.shown());
}

#[test]
fn what_the_base_asks_for_since_the_change_began_is_said_to_be_its_own() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    sandbox.commit("change");
    sandbox.git(&["checkout", "-q", "main"]);
    let suite = "prompts/greet/tests/test_cases.yaml";
    sandbox.edit(suite, "min_pass_rate: 0.5", "min_pass_rate: 0.6");
    sandbox.write(suite, sandbox.read(suite) + "  - {name: later, inputs: {name: Bob}, must_pass: true}\n");
    sandbox.commit("main moves on");
    sandbox.git(&["checkout", "-q", "change"]);
    assert_snapshot!(said(&sandbox, &[]));
}

#[test]
fn what_stands_behind_a_case_that_must_pass_is_part_of_it() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let registry = "prompts/registry.yaml";
    for case in ["c07", "c08"] {
        let name = format!("{{name: {case}, ");
        sandbox.edit(SUITE, &name, &format!("{name}must_pass: true, expected: {{polite: true}}, "));
    }
    sandbox.commit("what must pass");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    sandbox.edit(registry, "please|thank", ".");
    sandbox.edit(registry, "model: gpt-6-luna", "model: gpt-6-sol");
    let mut seen = said(&sandbox, &[]);
    // The other side may do that as well.
    sandbox.commit("main moves on");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    sandbox.commit("change");
    seen.push_str(&said(&sandbox, &[]));
    assert_snapshot!(seen);
}

#[test]
fn a_price_that_only_the_base_has_is_not_the_changes_doing() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let registry = "prompts/registry.yaml";
    let row = "model: gpt-6-luna, price: {input: 2, output: 8}}\n  gone: {provider: openai, model: g, price: {input: 1, output: 1}}";
    sandbox.edit(registry, "model: gpt-6-luna}", row);
    sandbox.commit("prices");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    sandbox.commit("change");
    sandbox.git(&["checkout", "-q", "main"]);
    sandbox.edit(registry, &row[17..], ", price: {input: 3, output: 9}}");
    sandbox.commit("dearer");
    sandbox.git(&["checkout", "-q", "change"]);
    let mut seen = said(&sandbox, &[]);
    sandbox.edit(registry, "output: 8", "output: 7");
    seen.push_str(&said(&sandbox, &[]));
    assert_snapshot!(seen);
}

#[test]
fn a_move_by_rules_that_nobody_reviews_is_named() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    let registry = sandbox.read("prompts/registry.yaml");
    let with = |rules: &str| format!("{registry}lifecycle: {rules}\n");
    sandbox.write("prompts/registry.yaml", with("{replies: [live]}"));
    assert_eq!(sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada"]).code, Some(0));
    sandbox.commit("rules");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    let check = || {
        let seen = sandbox.run(&["check", "--frozen-since", "main"]);
        sandbox.clean(&seen.shown())
    };
    assert!(!check().contains("warning: greet"), "{}", check());
    sandbox.write("prompts/registry.yaml", with("{canary: optional, evidence_for: []}"));
    for to in ["testing", "production"] {
        let moved =
            sandbox.run(&["promote", "greet", "1.1.0", "--to", to, "--reason", "Trust me", "--by", "Ada"]);
        assert_eq!(moved.code, Some(0), "{}", moved.shown());
    }
    let with_them = check();
    // The rules are what they were, and the moves stay.
    sandbox.write("prompts/registry.yaml", with("{replies: [live]}"));
    let status = sandbox.run(&["status", "greet"]);
    assert!(status.stdout.contains("no evidence: the rules of that time"), "{}", status.shown());
    assert_snapshot!(format!("{with_them}{}", check()));
}

#[test]
fn a_prompt_in_production_is_not_removed_by_a_change() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    sandbox.write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say hello.\n");
    let adopted = sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada"]);
    assert_eq!(adopted.code, Some(0), "{}", adopted.shown());
    sandbox.commit("in production");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    std::fs::remove_dir_all(sandbox.path("prompts/greet")).unwrap();
    let mut seen = said(&sandbox, &[]);
    // A file in the place of its directory hides nothing.
    sandbox.write("prompts/greet", "gone");
    assert_eq!(said(&sandbox, &[]), seen);
    std::fs::remove_file(sandbox.path("prompts/greet")).unwrap();
    sandbox.git(&["checkout", "-q", "."]);
    let retired =
        sandbox.run(&["deprecate", "greet", "1.0.0", "--reason", "The product is gone", "--by", "Ada"]);
    assert_eq!(retired.code, Some(0), "{}", retired.shown());
    sandbox.commit("retired");
    sandbox.git(&["branch", "-qf", "main", "change"]);
    std::fs::remove_dir_all(sandbox.path("prompts/greet")).unwrap();
    seen.push_str(&said(&sandbox, &[]));
    assert_snapshot!(seen);
}

#[test]
fn the_last_prompt_is_removed_as_any_other_is() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    std::fs::remove_dir_all(sandbox.path("prompts/greet")).unwrap();
    let frozen = || {
        let seen = sandbox.run(&["check", "--frozen-since", "HEAD"]);
        sandbox.clean(&format!("{}{}exit {}\n\n", seen.stderr, seen.stdout, seen.code.unwrap()))
    };
    // Taken out of the index as well, which a commit takes.
    sandbox.git(&["add", "-A"]);
    let mut seen = format!("{}{}", frozen(), said(&sandbox, &[]));
    sandbox.commit("all are gone");
    seen.push_str(&frozen());
    sandbox.git(&["branch", "-qf", "main", "change"]);
    seen.push_str(&said(&sandbox, &[]));
    assert_snapshot!(seen);
}

#[test]
fn a_base_that_is_an_id_is_named_by_its_first_digits() {
    let Some(sandbox) = sandbox("{min_pass_rate: 0.5}") else { return };
    let log = git_command().args(["rev-parse", "main"]).current_dir(sandbox.path("")).output().unwrap();
    let id = String::from_utf8(log.stdout).unwrap().trim().to_owned();
    let eval = || {
        let Seen { stdout, stderr, .. } =
            sandbox.run(&["eval", "--offline", "--changed-since", &id, "--report", "json=report.json"]);
        [stdout, stderr, sandbox.read("report.json")].concat()
    };
    let nothing = eval();
    sandbox.edit(SUITE, "c03, inputs", "renamed, inputs");
    sandbox.write("prompts/greet/v1.1.0.txt", "Please greet {name}, {tone}.\n");
    sandbox.write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Say hello.\n");
    for seen in [nothing, eval()] {
        assert!(seen.contains(&id[..12]) && !seen.contains(&id[..13]), "{seen}");
    }
}
