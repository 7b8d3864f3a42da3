//! Night after night: the same questions anew, compared with the last run that came to its end.

use insta::assert_snapshot;

use super::action::{Done, Job};
use super::{Mock, World};

/// The job of a night. Its model says that it is served as `served`.
fn night(world: &mut World, served: &str) -> Job {
    // The model of November has become curt with Bob.
    let bob = if served.ends_with("11") { "What?" } else { "Thank you" };
    let script = format!(
        "rules:\n  - {{when: {{last_user_message: {{contains: Bob}}}}, answer: {{text: {bob}}}, served_model: {served}}}\n\
         default: {{answer: {{text: Thank you}}, served_model: {served}}}\n"
    );
    let old = world.mock.address.clone();
    world.mock = Mock::start_with(&world.sandbox, &script);
    world.sandbox.edit("prompts/registry.yaml", &old, &world.mock.address);
    world.sandbox.write("temporary/none.json", "{}");
    let event = world.sandbox.path("temporary/none.json");
    world
        .job()
        .variable("GITHUB_EVENT_NAME", "schedule")
        .variable("GITHUB_EVENT_PATH", event.to_str().unwrap())
        .with("refresh", "true")
        .with("previous", "temporary/last-run")
}

fn since_the_last_run(world: &World, done: &Done) -> String {
    let (_, text) =
        done.summary.split_once("### Since the last run").unwrap_or_else(|| panic!("{}", done.log));
    world.clean(text.split("<sub>").next().unwrap())
}

#[test]
fn a_model_that_is_served_as_another_one_is_named() {
    let Some(mut world) = World::new() else { return };
    let first = night(&mut world, "m-2026-09").run();
    first.assert(0, "passed");
    assert!(first.summary.contains("There is no earlier run to compare with"), "{}", first.summary);

    let second = night(&mut world, "m-2026-09").run();
    second.assert(0, "passed");
    assert!(since_the_last_run(&world, &second).contains("The same models answered: m-2026-09."));
    assert_eq!(world.mock.calls(), 4, "a night asks anew");

    let third = night(&mut world, "m-2026-11").run();
    third.assert(1, "failed");
    assert_snapshot!("a_model_that_changed_overnight", since_the_last_run(&world, &third));
    let warnings: Vec<&str> =
        third.commands().into_iter().filter(|command| command.contains("other models answered")).collect();
    assert_eq!(warnings.len(), 1, "{}", third.log);
}

#[test]
fn a_night_that_did_not_come_to_its_end_is_not_compared_with() {
    let Some(mut world) = World::new() else { return };
    night(&mut world, "m-2026-09").run().assert(0, "passed");
    let before = world.sandbox.read("temporary/last-run/run.json");
    let spent = night(&mut world, "m-2026-09").with("arguments", "--max-calls 1").run();
    spent.assert(4, "broken");
    assert_eq!(before, world.sandbox.read("temporary/last-run/run.json"));
}
