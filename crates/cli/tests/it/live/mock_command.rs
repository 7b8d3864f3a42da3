//! The `mock` command.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use super::{eval, sandbox};
use crate::sandbox::Sandbox;

/// A `mock` process, ended when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
#[test]
fn a_port_that_is_taken_is_said_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sandbox = Sandbox::empty();
    sandbox.write("script.yaml", "default: {answer: {text: \"Hello!\"}}\n");
    let seen = sandbox.run(&["mock", "--script", "script.yaml", "--port", &port]);
    assert_eq!(seen.code, Some(4));
    // What the operating system says is another matter.
    let said: Vec<&str> = seen.stderr.lines().filter(|line| line.contains("help")).collect();
    insta::assert_snapshot!(said.join("\n"), @"  = help: `--port 0` takes a port that is free, and says which");
}

#[test]
fn a_mock_serves_until_it_is_interrupted_and_says_what_it_counted() {
    let sandbox = sandbox("{provider: openai, base_url: URI, model: m}", 3);
    sandbox.write("script.yaml", "default: {answer: {text: \"Thank you\"}}\n");
    let mut command = sandbox.command(&["mock", "--script", "script.yaml", "--port", "0"]);
    let mut process = Process(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(process.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let uri = line.strip_prefix("listening on ").unwrap().split(';').next().unwrap();
    sandbox.edit("prompts/registry.yaml", "URI", &format!("\"{uri}/v1\""));
    let seen = eval(&sandbox, &[]);
    assert_eq!(seen.code, Some(0), "{}", seen.shown());
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut text = String::new();
    process.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(process.0.wait().unwrap().success());
    let counters: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(counters["calls"], 3);
}

#[test]
fn every_mistake_of_a_script_has_its_place() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "script.yaml",
        "seed: 1\nfaults:\n  - {share: 1.5, answer: {reset: {}}}\nrules:\n  - {name: a, anser: {text: hi}}\ndefault: {answer: {text: hi}, delay: {fixed: soon}}\n",
    );
    sandbox.write(
        "meaning.yaml",
        "rules:\n  - {name: a, answer: {text: hi}}\n  - {name: b, when: {last_user_message: {regex: 'b('}}, answer: {text: hi}}\nfaults:\n  - {share: 0.5, answer: {reset: {}}}\n  - {share: 1.5, answer: {reset: {}}}\ndefault: {answer: {text: hi}, delay: {fixed: soon}}\n",
    );
    let commands = ["script.yaml", "meaning.yaml", "none.yaml"].map(|script| ["mock", "--script", script]);
    insta::assert_snapshot!(sandbox.session(&commands.each_ref().map(|command| &command[..])));
}
