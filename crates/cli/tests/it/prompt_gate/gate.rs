//! What a change leads to: exit code, verdict, comment, annotations.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::{KEY, World};

#[test]
fn a_change_that_regresses_is_red_and_one_that_does_not_brings_the_comment_up_to_date() {
    let Some(world) = World::new() else { return };
    // Anybody can write the line that marks our comment.
    world.github.add_comment("mallory", "<!-- promptassay -->\n## Prompt gate: passed\n");
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    world.commit("be curt");
    let done = world.job().run();
    done.assert(1, "failed");
    assert_eq!(
        world.github.take_calls(),
        [
            "GET /repos/ada/shop/issues/7/comments?per_page=100&page=1",
            "POST /repos/ada/shop/issues/7/comments"
        ]
    );
    let comments = world.github.own_comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].body, done.summary);
    assert_snapshot!("comment_of_a_regression", world.clean(&comments[0].body));
    assert_snapshot!("annotations_of_a_regression", world.clean(&done.commands().join("\n")));
    assert_eq!(done.elsewhere, ["Restore replies", "Keep replies", "Upload"]);
    for text in [&done.log, &done.summary] {
        assert!(!text.contains(KEY), "{text}");
    }

    world.reset();
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    let done = world.job().run();
    done.assert(0, "passed");
    assert_eq!(
        world.github.take_calls(),
        [
            "GET /repos/ada/shop/issues/7/comments?per_page=100&page=1",
            "PATCH /repos/ada/shop/issues/comments/101"
        ]
    );
    assert_eq!(world.github.own_comments().len(), 1);
    assert_snapshot!("comment_of_no_regression", world.clean(&world.github.own_comments()[0].body));
    assert!(world.github.comments()[0].body.contains("passed"), "somebody else's comment is left alone");

    // The change is taken back: the comment must not go on saying what was true before.
    world.reset();
    let done = world.job().run();
    done.assert(0, "unchanged");
    assert_snapshot!("comment_of_no_change", world.clean(&world.github.own_comments()[0].body));
}

#[test]
fn a_change_that_touches_no_prompt_is_green_and_writes_nothing() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("README.md", "A larger shop.\n");
    world.commit("grow");
    let done = world.job().run();
    done.assert(0, "unchanged");
    assert_eq!(world.mock.calls(), 0);
    assert_eq!(world.github.take_calls(), ["GET /repos/ada/shop/issues/7/comments?per_page=100&page=1"]);
    assert!(done.summary.contains("## Prompt gate: nothing to judge"), "{}", done.summary);
}

/// Recorded replies to a version, in which all are thanked but those whose names are here.
fn record(world: &World, version: &str, cases: &[&str], rude: &[&str]) {
    let path = "replies/greet.jsonl";
    let mut rows = std::fs::read_to_string(world.sandbox.path(path)).unwrap_or_default();
    for case in cases {
        let text = if rude.contains(case) { "What?" } else { "Thank you" };
        writeln!(
            rows,
            "{{\"case\": \"{case}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
             \"text\": \"{text}\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}"
        )
        .unwrap();
    }
    world.sandbox.write(path, rows);
}

const ALL: &[&str] = &["ada", "bob", "cem", "dai"];

#[test]
fn a_fork_without_keys_is_validated_and_replayed_and_skipped() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    record(&world, "1.0.0", ALL, &[]);
    record(&world, "1.1.0", ALL, &[]);
    world.commit("from outside");
    let done = world.job_of("mallory/shop").run();
    done.assert(0, "skipped");
    assert_eq!(world.mock.calls(), 0, "a fork may cost nothing");
    assert_eq!(done.elsewhere, ["Upload"], "a fork neither reads nor writes the cache");
    let body = world.github.own_comments()[0].body.clone();
    assert!(!body.to_lowercase().contains("passed"), "{body}");
    assert_snapshot!("comment_of_a_fork", world.clean(&body));

    // A reply that is not there yet is no fault of the pull request; a token that cannot write is none either.
    world.github.make_read_only();
    world.add_version("1.2.0", "Greet {name} very warmly.\n");
    record(&world, "1.2.0", &["ada"], &[]);
    world.commit("more from outside");
    let done = world.job_of("mallory/shop").run();
    done.assert(0, "skipped");
    assert_snapshot!("summary_of_a_fork_that_may_not_comment", world.clean(&done.summary));
    assert_snapshot!("annotations_of_a_fork", world.clean(&done.commands().join("\n")));
}

#[test]
fn a_fork_whose_files_or_replies_are_bad_is_red() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    record(&world, "1.0.0", ALL, &[]);
    record(&world, "1.1.0", ALL, &["bob"]);
    world.commit("from outside");
    world.job_of("mallory/shop").run().assert(1, "failed");

    world.reset();
    world.sandbox.write("prompts/greet/v1.1.0.txt", "Greet {nmae} warmly.\n");
    world.commit("unregistered, and a typing mistake");
    let done = world.job_of("mallory/shop").run();
    done.assert(2, "invalid");
    assert_eq!(world.mock.calls(), 0);
    assert_snapshot!("comment_of_invalid_files", world.clean(&done.summary));
    assert_snapshot!("annotations_of_invalid_files", world.clean(&done.commands().join("\n")));
}

#[test]
fn a_fork_that_fails_what_must_pass_is_red_whatever_it_did_not_record() {
    let Some(world) = World::new() else { return };
    world.sandbox.edit("prompts/greet/tests/test_cases.yaml", "{name: bob,", "{name: bob, must_pass: true,");
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    record(&world, "1.0.0", ALL, &[]);
    record(&world, "1.1.0", &["ada", "bob"], &["bob"]);
    world.commit("from outside");
    let done = world.job_of("mallory/shop").run();
    done.assert(4, "broken");
    assert!(done.summary.contains("and a case that must pass failed: bob"), "{}", done.summary);
}

#[test]
fn a_missing_key_is_never_green() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    for key in [None, Some("")] {
        let mut job = world.job();
        job.variables.remove("TEST_KEY");
        if let Some(key) = key {
            job = job.variable("TEST_KEY", key);
        }
        let done = job.run();
        assert_ne!(done.code, 0, "{}", done.log);
        assert!(["invalid", "broken"].contains(&done.verdict()), "{}", done.log);
    }
    // Dependabot acts in the repository itself, and gets no keys all the same.
    let done = world.job().variable("GITHUB_ACTOR", "dependabot[bot]").run();
    done.assert(0, "skipped");
}

#[test]
fn a_pull_request_cannot_relax_its_own_gate() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    world.sandbox.edit(
        "prompts/greet/tests/test_cases.yaml",
        "cases:\n",
        "gate: {min_pass_rate: 0.1}\ncases:\n",
    );
    world.commit("be curt, and lower the bar");
    world.job().run().assert(1, "failed");
}

#[test]
fn what_a_model_says_is_not_obeyed() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} curtly.\n");
    world.commit("be curt");
    let done = world.job().with("arguments", "--verbose").run();
    done.assert(1, "failed");
    assert!(done.log.contains("::error::obeyed"), "the reply is in the log:\n{}", done.log);
    let commands = done.commands();
    assert!(commands.iter().all(|command| !command.ends_with("::obeyed")), "{commands:?}");
    assert!(commands.iter().all(|command| !command.starts_with("::set-output")), "{commands:?}");
}

#[test]
fn inputs_are_words_and_never_run() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    let evil = "$(touch temporary/was-run) `touch temporary/was-run` ; touch temporary/was-run";
    for input in ["arguments", "prompts", "base", "shards", "mode", "artifact", "comment-author"] {
        let done = world.job().with(input, evil).run();
        assert!(!world.sandbox.path("temporary/was-run").exists(), "{input}");
        if !["artifact", "comment-author"].contains(&input) {
            assert_ne!(done.code, 0, "{input}: {}", done.log);
        }
    }
}

#[test]
fn a_clone_without_the_base_and_a_dangerous_event_are_refused() {
    let Some(world) = World::new() else { return };
    let without_base = world.job().variable("GITHUB_BASE_REF", "nowhere").run();
    without_base.assert(2, "invalid");
    let dangerous = world.job().variable("GITHUB_EVENT_NAME", "pull_request_target").run();
    dangerous.assert(2, "invalid");
    assert_snapshot!(
        world.clean(&[without_base, dangerous].map(|done| done.commands().join("\n")).join("\n"))
    );
}

#[test]
fn other_events_evaluate_everything_and_comment_nowhere() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("temporary/none.json", "{}");
    let path = world.sandbox.path("temporary/none.json");
    let job = world
        .job()
        .variable("GITHUB_EVENT_NAME", "schedule")
        .variable("GITHUB_EVENT_PATH", path.to_str().unwrap());
    let done = job.run();
    done.assert(0, "passed");
    assert_eq!(world.mock.calls(), 4);
    assert!(world.github.take_calls().is_empty());
}

#[test]
fn a_comment_that_cannot_be_written_changes_no_verdict() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    world.job().with("token", "another").run().assert(0, "passed");
    world.job().with("token", "").run().assert(0, "passed");
    world.job().with("comment", "false").run().assert(0, "passed");
    assert!(world.github.own_comments().is_empty());
}

#[test]
fn our_comment_is_found_behind_many_others() {
    let Some(world) = World::new() else { return };
    for number in 0..150 {
        world.github.add_comment("ada", &format!("thought {number}"));
    }
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    world.job().run().assert(0, "passed");
    world.job().run().assert(0, "passed");
    assert_eq!(world.github.own_comments().len(), 1);
    assert!(world.github.take_calls().last().unwrap().starts_with("PATCH "));
}

#[test]
fn whatever_makes_it_invalid_stands_in_the_comment() {
    let Some(world) = World::new() else { return };
    world.sandbox.edit("prompts/greet/prompt.yaml", "active", "description: <b>@ada</b>\nactive");
    std::fs::remove_dir_all(world.sandbox.path("prompts/greet/tests")).unwrap();
    world.commit("no suite");
    let done = world.job().run();
    done.assert(2, "invalid");
    assert_snapshot!("comment_of_a_removed_suite", world.clean(&done.summary));
    for (job, reason) in [
        (world.job().with("arguments", "--bogus"), "unexpected argument &#39;--bogus&#39;"),
        (world.job().variable("GITHUB_BASE_REF", "nowhere"), "is not in this clone"),
        (world.job().with("mode", "dead"), "there is no mode `dead`"),
    ] {
        let done = job.run();
        done.assert(2, "invalid");
        let summary = done.summary.replace('\'', "&#39;");
        assert!(summary.contains(reason), "{reason}: {summary}");
    }
    // What was said of an earlier run in the same directory is not said of this one.
    world.reset();
    world.job().run().assert(0, "unchanged");
    // A key that is missing is not invalid, and as plain.
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    let done = world.job().variable("TEST_KEY", "").run();
    done.assert(4, "broken");
    assert!(done.summary.contains("TEST_KEY"), "{}", done.summary);
}

#[test]
fn a_fork_is_skipped_whatever_only_asking_needs() {
    let Some(world) = World::new() else { return };
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    record(&world, "1.0.0", ALL, &[]);
    record(&world, "1.1.0", ALL, &[]);
    world.commit("from outside");
    let arguments = "--no-cache --max-concurrency 4 --attempts=3 --timeout 5s --backoff 1s --max-cost 5 --max-time 30m --case .";
    let done = world.job_of("mallory/shop").with("arguments", arguments).run();
    done.assert(0, "skipped");
    assert!(done.summary.contains("Of 4 questions, 4 have a recorded reply"), "{}", done.summary);
}

#[test]
fn programs_of_a_suite_run_where_they_are_allowed_and_never_for_a_fork() {
    let Some(world) = World::new() else { return };
    let suite = "prompts/greet/tests/test_cases.yaml";
    world.git(&["checkout", "-q", "main"]);
    world.sandbox.write("prompts/greet/tests/judge.sh", "touch ran; echo '{\"pass\": true}'\n");
    world.sandbox.edit(suite, "cases:\n", "validators: [{command: [sh, judge.sh]}]\ncases:\n");
    world.commit("a program");
    world.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    world.git(&["checkout", "-q", "-B", "work"]);
    world.add_version("1.1.0", "Greet {name} warmly.\n");
    world.commit("be warm");
    let ran = world.sandbox.path("prompts/greet/tests/ran");
    let done = world.job_of("mallory/shop").with("arguments", "--allow-commands").run();
    done.assert(0, "skipped");
    assert!(!ran.exists(), "{}", done.log);
    let done = world.job().run();
    done.assert(2, "invalid");
    assert!(done.summary.contains("programs are not allowed"), "{}", done.summary);
    world.job().with("arguments", "--allow-commands").run().assert(0, "passed");
    assert!(ran.exists());
}

#[test]
fn what_nothing_judges_is_said_in_the_comment() {
    let Some(world) = World::new() else { return };
    world.sandbox.write("prompts/new/prompt.yaml", "name: new\nactive_version: v1.0.0\n");
    world.sandbox.write("prompts/new/v1.0.0.txt", "Say hello.\n");
    let registered = world.sandbox.run(&["register", "new", "1.0.0", "-m", "for a test", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.stderr);
    world.commit("a prompt without a suite");
    let done = world.job().run();
    done.assert(0, "unchanged");
    assert_snapshot!("comment_of_a_prompt_without_a_suite", world.clean(&done.summary));
}

#[test]
fn what_init_writes_passes_with_the_limits_of_every_pipeline_of_the_documentation() {
    let page = include_str!("../../../../../docs/ci.md");
    let option = regex::Regex::new(r"--max-[a-z]+ [0-9]+[a-z]?\b").unwrap();
    let pipelines = page.split("```").skip(1).step_by(2);
    let limits: std::collections::BTreeSet<String> = pipelines
        .flat_map(str::lines)
        .map(|line| option.find_iter(line).map(|found| found.as_str()).collect::<Vec<_>>().join(" "))
        .filter(|limits| !limits.is_empty())
        .collect();
    assert!(limits.len() >= 3, "{limits:?}");
    let Some(world) = World::new() else { return };
    let text = "Sorry! We are open from 9 am, send it back within 30 days, and ask a colleague.";
    let mock =
        super::Mock::start_with(&world.sandbox, &format!("default: {{answer: {{text: \"{text}\"}}}}\n"));
    std::fs::remove_dir_all(world.sandbox.path("prompts")).unwrap();
    let made = world.sandbox.run(&["init"]);
    assert_eq!(made.code, Some(0), "{}", made.shown());
    let model = format!("    base_url: http://{}/v1\n    api_key_env: TEST_KEY\n    model:", mock.address);
    world.sandbox.edit("prompts/registry.yaml", "    model:", &model);
    world.commit("the sample");
    world.git(&["branch", "-qf", "main", "work"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    let version = world.sandbox.read("prompts/support_reply/v1.1.0.txt");
    world.sandbox.write("prompts/support_reply/v1.2.0.txt", format!("{version}Be brief.\n"));
    let registered =
        world.sandbox.run(&["register", "support_reply", "v1.2.0", "-m", "Brief", "--by", "Ada"]);
    assert_eq!(registered.code, Some(0), "{}", registered.shown());
    world.commit("a version");
    for limits in limits {
        let asked = mock.calls();
        world.job().with("arguments", &format!("{limits} --no-cache")).run().assert(0, "passed");
        assert!(mock.calls() > asked, "{limits}");
    }
}

#[test]
fn prompts_that_are_not_at_the_top_are_gated_where_a_variable_says_so() {
    let Some(world) = World::new() else { return };
    std::fs::create_dir_all(world.sandbox.path("services/shop")).unwrap();
    world.git(&["mv", "prompts", "services/shop/prompts"]);
    world.commit("one service among many");
    world.git(&["branch", "-qf", "main", "work"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    world.sandbox.write("services/shop/prompts/greet/v1.1.0.txt", "Greet {name} warmly.\n");
    let elsewhere = ["--prompts", "services/shop/prompts"];
    let register = ["register", "greet", "1.1.0", "-m", "for a test", "--by", "Ada"];
    let registered = world.sandbox.run(&[&register[..], &elsewhere].concat());
    assert_eq!(registered.code, Some(0), "{}", registered.shown());
    world.commit("be warm");
    world.job().run().assert(2, "invalid");
    world.job().variable("PROMPTASSAY_PROMPTS", "services/shop/prompts").run().assert(0, "passed");
}
