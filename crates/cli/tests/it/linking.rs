//! Files of a prompt that lie elsewhere: datasets beside the prompts, and links. A change of one is a change of the prompt.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const SUITE: &str = "prompts/greet/tests/test_cases.yaml";
pub(crate) const EVAL: [&str; 4] = ["eval", "--offline", "--changed-since", "main"];

/// `greet`, whose suite takes its cases from this dataset: `one` must pass, `two` need not. Nothing is committed yet.
pub(crate) fn sandbox(dataset: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", ".promptassay/\n");
    sandbox.write(
        SUITE,
        format!(
            "gate: {{min_pass_rate: 0.5}}\nrepeat: 1\nvalidators: [{{contains: please}}]\ndatasets: [{{file: '{dataset}'}}]\n"
        ),
    );
    let row = |case: &str, version: &str| {
        format!(
            "{{\"case\": \"{case}\", \"version\": \"{version}\", \"model\": \"default\", \"repeat\": 1, \
             \"text\": \"Yes please\", \"finish_reason\": \"stop\", \"source\": \"hand\"}}\n"
        )
    };
    let rows = ["one", "two", "three", "a"].map(|case| row(case, "1.0.0") + &row(case, "1.1.0"));
    sandbox.write("replies/greet.jsonl", rows.concat());
    sandbox
}

pub(crate) fn rows(cases: &[(&str, bool)]) -> String {
    let row = |(name, must_pass): &(&str, bool)| {
        format!("{{\"name\": \"{name}\", \"inputs\": {{\"name\": \"Ada\"}}, \"must_pass\": {must_pass}}}\n")
    };
    cases.iter().map(row).collect()
}

/// What the change of the working tree comes to, beside the report.
pub(crate) fn said(sandbox: &Sandbox) -> String {
    let seen = sandbox.run(&EVAL);
    let is_said =
        |line: &&str| line.starts_with("gate") || line.starts_with("skipped:") || line.contains("because");
    let told: Vec<&str> = seen.stdout.lines().filter(is_said).collect();
    sandbox.clean(&format!("{}{}\nexit {}\n\n", seen.stderr, told.join("\n"), seen.code.unwrap()))
}

/// Writes, asks, and puts back what was there.
fn after(sandbox: &Sandbox, file: &str, text: &str) -> String {
    let before = sandbox.read(file);
    sandbox.write(file, text);
    let said = said(sandbox);
    sandbox.write(file, before);
    said
}

#[test]
fn a_dataset_that_breaks_is_no_dataset_that_nobody_asked_for() {
    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("data/one.jsonl", rows(&[("one", true)])).write("data/two.jsonl", rows(&[("two", true)]));
    if !sandbox.commit_to_main() {
        return;
    }
    let mut told = said(&sandbox);
    assert!(told.contains("skipped:"), "{told}");
    told += &after(&sandbox, "data/two.jsonl", "");
    told += &after(&sandbox, "data/two.jsonl", "{\"name\": ");
    told += &after(&sandbox, "data/two.jsonl", &rows(&[("two", true)]).replace("must_pass", "must_pas"));
    std::fs::remove_dir_all(sandbox.path("data")).unwrap();
    told += &said(&sandbox);
    assert_snapshot!(told);
}

#[cfg(unix)]
#[test]
fn what_is_read_through_a_link_changes_with_what_it_leads_to() {
    use std::os::unix::fs::symlink;
    let sandbox = sandbox("cases/link.jsonl");
    sandbox.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
    std::fs::create_dir_all(sandbox.path("prompts/greet/tests/cases")).unwrap();
    symlink("../../../../data/real.jsonl", sandbox.path("prompts/greet/tests/cases/link.jsonl")).unwrap();
    // One suite for two prompts, by a link of a link.
    sandbox.write("suites/shared.yaml", "- {name: a, validators: [{contains: please}]}\n");
    sandbox.write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n");
    sandbox.write("prompts/other/tests/README", "");
    sandbox.write("prompts/common.txt", "Say please.\n");
    symlink("../common.txt", sandbox.path("prompts/other/v1.0.0.txt")).unwrap();
    symlink("shared.yaml", sandbox.path("suites/of_other.yaml")).unwrap();
    symlink("../../../suites/of_other.yaml", sandbox.path("prompts/other/tests/test_cases.yaml")).unwrap();
    sandbox.write(
        "replies/other.jsonl",
        sandbox
            .read("replies/greet.jsonl")
            .lines()
            .filter(|row| row.contains("\"a\""))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    if !sandbox.commit_to_main() {
        return;
    }
    assert!(said(&sandbox).contains("skipped:"));
    let mut told = String::new();
    // `one` must pass there, and is gone.
    told += &after(&sandbox, "data/real.jsonl", &rows(&[("two", false), ("three", false)]));
    told += &after(&sandbox, "suites/shared.yaml", "- {name: a, validators: [{contains: thank}]}\n");
    told += &after(&sandbox, "prompts/common.txt", "Say please twice.\n");
    assert_snapshot!(told);
}

#[cfg(unix)]
#[test]
fn datasets_behind_a_directory_that_is_a_link_are_known_at_the_base() {
    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("shared/rows/real.jsonl", rows(&[("one", true), ("two", false)]));
    std::os::unix::fs::symlink("shared/rows", sandbox.path("data")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    assert!(said(&sandbox).contains("skipped:"));
    let told = after(&sandbox, "shared/rows/real.jsonl", &rows(&[("two", false)]));
    assert!(told.contains("`one` must pass at main, and this change removes it"), "{told}");
}

/// The base is what its own tree has under a name, and not what stood there where a link of today leads.
#[cfg(unix)]
#[test]
fn a_link_of_the_change_hides_nothing_of_the_base() {
    use std::os::unix::fs::symlink;
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    sandbox.write("prompts/greet/tests/cases/weak.jsonl", rows(&[("two", false)]));
    let weak = sandbox.read(SUITE).replace("a.jsonl", "weak.jsonl").replace("0.5", "0.1");
    sandbox.write("suites/weak.yaml", &weak);
    assert_eq!(sandbox.run(&["adopt", "greet", "1.0.0", "--by", "Ada"]).code, Some(0));
    if !sandbox.commit_to_main() {
        return;
    }
    let instead = |file: &str, target: &str| {
        let before = sandbox.read(file);
        std::fs::remove_file(sandbox.path(file)).unwrap();
        symlink(target, sandbox.path(file)).unwrap();
        let said = said(&sandbox);
        std::fs::remove_file(sandbox.path(file)).unwrap();
        sandbox.write(file, before);
        said
    };
    let removed = "`one` must pass at main, and this change removes it";
    let rules = "min_pass_rate is 0.5 there and 0.1 here";
    // One that lay there before, and one that comes with the change.
    sandbox.write("suites/new.yaml", &weak);
    for target in ["../../../suites/weak.yaml", "../../../suites/new.yaml"] {
        let told = instead(SUITE, target);
        assert!(
            told.contains(removed) && told.contains(rules) && told.contains("exit 2"),
            "{target}: {told}"
        );
    }
    let registry = sandbox.read("prompts/registry.yaml");
    sandbox.write("prompts/other.txt", registry + "gate: {min_pass_rate: 0.1}\n");
    let told = instead("prompts/registry.yaml", "other.txt");
    assert!(told.contains("gate  greet") && told.contains("exit 0"), "{told}");
    sandbox.write("prompts/ledger.txt", "");
    let told = instead("prompts/greet/lifecycle.jsonl", "../ledger.txt");
    assert!(told.contains("exit 2"), "{told}");
    let line = sandbox.read("prompts/greet/lifecycle.jsonl");
    sandbox.write("prompts/ledger.txt", line.replace("adopt", "adopd"));
    assert!(instead("prompts/greet/lifecycle.jsonl", "../ledger.txt").contains("exit 2"));
    // The same behind a link is the same.
    sandbox.write("prompts/ledger.txt", line);
    let told = instead("prompts/greet/lifecycle.jsonl", "../ledger.txt");
    assert!(told.contains("exit 0"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_program_that_judges_is_part_of_the_exam() {
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    sandbox.edit(SUITE, "{contains: please}", "{command: [sh, ../../../checks/polite.sh, --strict, /, ..]}");
    sandbox.write("checks/polite.sh", "grep -q please && echo '{\"pass\": true}'\n");
    if !sandbox.commit_to_main() {
        return;
    }
    let said = |sandbox: &Sandbox| {
        let seen = sandbox.run(&[&EVAL[..], &["--allow-commands", "-q"]].concat());
        sandbox.clean(&seen.shown())
    };
    assert!(said(&sandbox).contains("skipped:"));
    sandbox.write("checks/polite.sh", "echo '{\"pass\": true}'\n");
    assert_snapshot!(said(&sandbox));
    // Where no program may run, the suite cannot be judged, and is not skipped.
    let not_allowed = sandbox.run(&EVAL);
    assert!(
        not_allowed.code == Some(2) && not_allowed.stderr.contains("programs are not allowed"),
        "{}",
        not_allowed.shown()
    );
    // A compiled one is no text.
    sandbox.write("checks/polite.sh", b"echo '{\"pass\": true}' #\xff\n");
    sandbox.git(&["commit", "-qam", "binary"]);
    sandbox.write("checks/polite.sh", "echo '{\"pass\": true}'\n");
    let seen = sandbox.run(&[&EVAL[..], &["--allow-commands", "-q"]].concat());
    assert!(
        seen.code == Some(0) && seen.stderr.contains("edits a program that judges it"),
        "{}",
        seen.shown()
    );
    // The path of a program need not lead through the top.
    sandbox.write("prompts/greet/checks/polite.sh", "grep -q please && echo '{\"pass\": true}'\n");
    sandbox.edit(SUITE, "../../../checks", "../checks");
    sandbox.commit("nearer");
    sandbox.write("prompts/greet/checks/polite.sh", "echo '{\"pass\": true}'\n");
    let nearer = sandbox.run(&["eval", "--offline", "--changed-since", "HEAD", "--allow-commands", "-q"]);
    assert!(
        nearer.stderr.contains("judges it (a `command` check runs it): `prompts/greet/checks/polite.sh`"),
        "{}",
        nearer.shown()
    );
}

#[cfg(unix)]
#[test]
fn a_program_that_answers_is_part_of_what_is_asked() {
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    let row = "{provider: command, command: [sh, -c, 'cat bot/answer.json']}";
    sandbox.edit("prompts/registry.yaml", "{provider: openai, model: gpt-6-luna}", row);
    sandbox.write("bot/answer.json", "{\"text\": \"Yes please\"}");
    if !sandbox.commit_to_main() {
        return;
    }
    let live = ["eval", "--changed-since", "main", "--allow-commands", "-q"];
    let said = |arguments: &[&str]| {
        let seen = sandbox.run(arguments);
        let told = seen.stdout.lines().filter(|line| line.starts_with("gate") || line.starts_with("skipped"));
        sandbox.clean(&format!("{}{}\nexit {:?}\n\n", seen.stderr, told.collect::<String>(), seen.code))
    };
    assert!(said(&live).contains("skipped:"));
    sandbox.write("bot/answer.json", "{\"text\": \"No\"}");
    let told = said(&live);
    // Where nobody is asked, the recorded replies are those of the program of that day.
    assert_snapshot!(told + &said(&[&EVAL[..], &["-q"]].concat()));
}

/// A suite, a program, replies and prompts, each behind a link that a change points elsewhere: git names the link and nothing else.
#[cfg(unix)]
#[test]
fn a_link_on_the_way_that_is_pointed_elsewhere_is_a_change() {
    use std::os::unix::fs::symlink;
    if !sandbox("cases/a.jsonl").commit_to_main() {
        return;
    }
    let said = |made: &dyn Fn(&Sandbox), link: &str, (before, after): (&str, &str)| {
        let sandbox = sandbox("../../../data/*.jsonl");
        sandbox.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
        made(&sandbox);
        symlink(before, sandbox.path(link)).unwrap();
        sandbox.commit_to_main();
        let eval = [&EVAL[..], &["--allow-commands", "-q"]].concat();
        let seen = sandbox.run(&eval);
        assert!(seen.stdout.starts_with("skipped:"), "{link}: {}", seen.shown());
        std::fs::remove_file(sandbox.path(link)).unwrap();
        symlink(after, sandbox.path(link)).unwrap();
        let seen = sandbox.run(&eval);
        assert!(!seen.stdout.starts_with("skipped:"), "{link}: {}", seen.shown());
        seen.stderr
    };
    let moved = |from: &'static str, to: &'static str, copy: &'static str| {
        move |sandbox: &Sandbox| {
            std::fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
            crate::sandbox::copy(&sandbox.path(to), &sandbox.path(copy));
        }
    };
    let told = said(
        &|sandbox| {
            moved("data", "d1", "d2")(sandbox);
            sandbox.write("d2/real.jsonl", rows(&[("two", false)]));
        },
        "data",
        ("d1", "d2"),
    );
    assert!(told.contains("`one` must pass at main"), "{told}");
    said(&moved("replies", "r1", "r2"), "replies", ("r1", "r2"));
    said(&moved("prompts", "p1", "p2"), "prompts", ("p1", "p2"));
    said(&moved("prompts/greet", "prompts/.a", "prompts/.b"), "prompts/greet", (".a", ".b"));
    let programs = |sandbox: &Sandbox| {
        for (directory, line) in
            [("c1", "grep -q please && echo '{\"pass\": true}'\n"), ("c2", "echo '{\"pass\": true}'\n")]
        {
            sandbox.write(&format!("{directory}/polite.sh"), line);
        }
        sandbox.edit(SUITE, "{contains: please}", "{command: [sh, ../../../checks/polite.sh]}");
    };
    let told = said(&programs, "checks", ("c1", "c2"));
    assert!(told.contains("edits a program that judges it"), "{told}");
    let told = said(
        &|sandbox| {
            programs(sandbox);
            std::fs::create_dir(sandbox.path("checks")).unwrap();
        },
        "checks/polite.sh",
        ("../c1/polite.sh", "../c2/polite.sh"),
    );
    assert!(told.contains("edits a program that judges it"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_program_that_is_a_directory_changes_with_what_is_in_it() {
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    sandbox.edit(SUITE, "{contains: please}", "{command: [sh, -c, 'cd ../../../checks && sh polite.sh']}");
    sandbox.write("checks/polite.sh", "grep -q please && echo '{\"pass\": true}'\n");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("checks/polite.sh", "echo '{\"pass\": true}'\n");
    let seen = sandbox.run(&[&EVAL[..], &["--allow-commands", "-q"]].concat());
    assert!(seen.code == Some(0) && seen.stderr.contains("runs it): `checks`"), "{}", seen.shown());
}

/// Linux takes any bytes as a name.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_in_nobodys_way() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    let file = sandbox.path(".").join(OsStr::from_bytes(b"caf\xe9.txt"));
    std::fs::write(&file, "one").unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    std::fs::write(&file, "two").unwrap();
    let seen = sandbox.run(&EVAL);
    assert!(seen.code == Some(0) && seen.stdout.starts_with("skipped:"), "{}", seen.shown());
    let frozen = sandbox.run(&["check", "--frozen-since", "main"]);
    assert_eq!(frozen.code, Some(0), "{}", frozen.shown());
}

#[cfg(unix)]
#[test]
fn a_link_may_be_written_by_any_way_to_the_repository() {
    use std::os::unix::fs::symlink;
    let alias = tempfile::tempdir().unwrap();
    for is_absolute in [true, false] {
        let sandbox = sandbox("../../../data/*.jsonl");
        sandbox.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
        let name = sandbox.path(".").canonicalize().unwrap();
        let name = name.file_name().unwrap();
        let way = alias.path().join(name);
        symlink(sandbox.path("."), &way).unwrap();
        std::fs::create_dir(sandbox.path("suites")).unwrap();
        std::fs::rename(sandbox.path(SUITE), sandbox.path("suites/s.yaml")).unwrap();
        // By another name of the repository, and out of it and in again.
        let out = std::path::Path::new("../../../..").join(name);
        symlink(if is_absolute { way } else { out }.join("suites/s.yaml"), sandbox.path(SUITE)).unwrap();
        if !sandbox.commit_to_main() {
            return;
        }
        sandbox.edit("suites/s.yaml", "min_pass_rate: 0.5", "min_pass_rate: 0.1");
        let seen = sandbox.run(&EVAL);
        assert!(!seen.stdout.starts_with("skipped:"), "{}", seen.shown());
    }
}

#[test]
fn what_was_no_text_at_the_base_may_be_mended() {
    let sandbox = sandbox("cases/a.jsonl");
    sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
    sandbox.write("prompts/other/prompt.yaml", b"name: other\ndescription: caf\xe9\n");
    sandbox.write("prompts/other/v1.0.0.txt", "Hello\n");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("prompts/other/prompt.yaml", "name: other\ndescription: café\n");
    let frozen = sandbox.run(&["check", "--frozen-since", "main"]);
    assert_eq!(frozen.code, Some(0), "{}", frozen.shown());
    let seen = sandbox.run(&EVAL);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
}

#[cfg(unix)]
#[test]
fn a_directory_that_becomes_a_link_keeps_its_baseline_and_its_production() {
    use std::os::unix::fs::symlink;
    let moved = |sandbox: &Sandbox, from: &str, to: &str, link: &str| {
        std::fs::create_dir_all(sandbox.path(to).parent().unwrap()).unwrap();
        std::fs::rename(sandbox.path(from), sandbox.path(to)).unwrap();
        symlink(link, sandbox.path(from)).unwrap();
    };
    for (from, to, link) in [("prompts/greet", "prompts/.s/greet", ".s/greet"), ("prompts", "app", "app")] {
        let sandbox = sandbox("cases/a.jsonl");
        sandbox.write("prompts/greet/tests/cases/a.jsonl", rows(&[("one", true), ("two", false)]));
        sandbox.write("prompts/other/prompt.yaml", "name: other\nactive_version: v1.0.0\n");
        sandbox.write("prompts/other/v1.0.0.txt", "Hello\n");
        assert_eq!(sandbox.run(&["adopt", "other", "1.0.0", "--by", "Ada"]).code, Some(0));
        if !sandbox.commit_to_main() {
            return;
        }
        sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
        moved(&sandbox, from, to, link);
        let seen = sandbox.run(&EVAL);
        assert!(seen.stdout.contains("baseline v1.0.0"), "{from}: {}", seen.shown());
        std::fs::remove_dir_all(sandbox.path("prompts/other")).unwrap();
        let seen = sandbox.run(&["check", "--frozen-since", "main"]);
        assert!(
            seen.code == Some(2) && seen.stderr.contains("is in production at main"),
            "{from}: {}",
            seen.shown()
        );
    }
}

#[cfg(unix)]
#[test]
fn a_dataset_above_a_link_is_read_where_the_link_led_to() {
    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("data/real.jsonl", rows(&[("one", true), ("two", false)]));
    std::fs::create_dir_all(sandbox.path("app/v2")).unwrap();
    for directory in ["prompts", "data"] {
        std::fs::rename(sandbox.path(directory), sandbox.path(&format!("app/v2/{directory}"))).unwrap();
    }
    sandbox.edit("app/v2/prompts/registry.yaml", "replies: ../replies", "replies: ../../../replies");
    std::os::unix::fs::symlink("app/v2/prompts", sandbox.path("prompts")).unwrap();
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.write("app/v2/data/real.jsonl", rows(&[("two", false)]));
    let seen = sandbox.run(&EVAL);
    assert!(seen.code == Some(2) && seen.stderr.contains("`one` must pass at main"), "{}", seen.shown());
}

#[test]
fn answers_that_a_change_brings_in_its_cache_are_named() {
    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("data/one.jsonl", rows(&[("one", true)]));
    sandbox.write(".gitignore", "nothing\n");
    if !sandbox.commit_to_main() {
        return;
    }
    sandbox.git(&["checkout", "-qb", "change"]);
    sandbox.write("prompts/greet/v1.1.0.txt", "Hello {name}, {tone}!\n");
    sandbox.write(".promptassay/cache/ab/abcdef.json", "{}").write(".promptassay/runs/x", "no answer");
    // What git does not know is this machine's own.
    assert!(!said(&sandbox).contains("of its own"), "{}", said(&sandbox));
    sandbox.git(&["add", "-fA", "."]);
    let seen = said(&sandbox);
    assert!(
        seen.contains("warning: this change brings an answer of its own in `.promptassay/cache`"),
        "{seen}"
    );
    sandbox.git(&["commit", "-qm", "answers"]);
    assert!(said(&sandbox).contains("brings an answer of its own"));
    sandbox.git(&["branch", "-f", "main", "HEAD"]);
    assert!(!said(&sandbox).contains("of its own"));
}

#[cfg(unix)]
#[test]
fn answers_that_a_change_brings_behind_a_link_are_named() {
    use std::os::unix::fs::symlink;

    let sandbox = sandbox("../../../data/*.jsonl");
    sandbox.write("data/one.jsonl", rows(&[("one", true)]));
    if !sandbox.commit_to_main() {
        return;
    }
    let commit = || {
        sandbox.git(&["add", "-fA", "."]);
        sandbox.git(&["commit", "-qm", "a change"]);
    };
    let begin = |base: &str| sandbox.git(&["checkout", "-fqB", "change", base]);
    let expect = |brought: &str| {
        sandbox.write("prompts/greet/v1.1.0.txt", format!("Hello {{name}}, {{tone}}! {brought}\n"));
        let seen = said(&sandbox);
        let warning = format!("this change brings {brought} of its own in `.promptassay/cache`");
        assert!(seen.contains(&warning), "{brought}: {seen}");
    };
    // The link and what it leads to, together.
    begin("main");
    sandbox.write("hidden/cache/ab/abcdef.json", "{}");
    symlink("hidden", sandbox.path(".promptassay")).unwrap();
    commit();
    expect("an answer");
    // The link is there already.
    sandbox.git(&["branch", "-f", "base", "change"]);
    begin("base");
    sandbox.git(&["branch", "-f", "main", "base"]);
    sandbox.write("hidden/cache/ab/abcdef.json", "{ }").write("hidden/cache/cd/cdef01.json", "{}");
    commit();
    expect("2 answers");
    // It is pointed at what is there already.
    begin("base");
    sandbox.write("data/other/cache/ab/abcdef.json", "{}");
    commit();
    sandbox.git(&["branch", "-f", "main", "change"]);
    std::fs::remove_file(sandbox.path(".promptassay")).unwrap();
    symlink("data/other", sandbox.path(".promptassay")).unwrap();
    commit();
    expect("answers");
    // A directory in it leads there.
    sandbox.git(&["branch", "-f", "main", "change"]);
    symlink("../elsewhere", sandbox.path("data/other/cache/ef")).unwrap();
    commit();
    expect("answers");
}
