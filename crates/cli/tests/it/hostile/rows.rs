//! A secret that somebody wrote into registry.yaml is not repeated, however the file is wrong and whoever says so.

use std::fs;

use crate::reports::ALL_REPORTS;
use crate::sandbox::Sandbox;

const FILES: &str = include_str!("../../../../../fixtures/hostile/rows_with_secrets.txt");
const SECRET: &str = "ZQXJ";

#[test]
fn no_secret_of_a_model_row_is_in_any_report() {
    let sandbox = Sandbox::new();
    let reports = [&["eval", "--offline"][..], &ALL_REPORTS].concat();
    let written: Vec<&str> =
        ALL_REPORTS.iter().filter_map(|report| Some(report.split_once('=')?.1)).collect();
    for file in FILES.split("=== ").skip(1) {
        let (name, text) = file.split_once('\n').unwrap();
        let in_one_line =
            if name.ends_with("as it stands") { text.to_owned() } else { text.replace('\n', " ") };
        for text in [text.as_bytes(), &[in_one_line.as_bytes(), b"\xff\n"].concat()] {
            sandbox.write("prompts/registry.yaml", text);
            for arguments in [&["check"][..], &["check", "--format", "json"], &reports] {
                let seen = sandbox.run(arguments);
                let reports = written.iter().filter_map(|file| fs::read_to_string(sandbox.path(file)).ok());
                let shown = reports.fold(seen.shown(), |shown, report| shown + &report);
                assert!(!shown.contains(SECRET), "{name}: {arguments:?}\n{shown}");
                assert_ne!(seen.code, Some(0), "{name}: {arguments:?}\n{shown}");
            }
        }
    }
    assert!(sandbox.read("report.xml").contains("UTF-8"));
}
