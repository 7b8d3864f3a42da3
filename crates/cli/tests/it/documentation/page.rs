//! A page as it is written: files, commands, and what the page says that they print.

use regex::Regex;

use super::shell::Printed;

/// The parts of a page that do something, in its order.
pub(super) struct Page {
    pub(super) steps: Vec<Step>,
}

pub(super) enum Step {
    /// A code block that is the content of a file.
    File { path: String, content: String },
    /// A command of a console block.
    Command(Command),
}

pub(super) struct Command {
    /// As it is typed, without `$ `.
    pub(super) text: String,
    /// What the page shows below it.
    pub(super) output: Vec<String>,
    /// What the page says that it ends with.
    pub(super) exit_code: i32,
    /// The lines of the output in the page, from 0.
    lines: std::ops::Range<usize>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut steps = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while at < lines.len() {
            let Some(info) = lines[at].strip_prefix("```").filter(|info| !info.is_empty()) else {
                at += 1;
                continue;
            };
            let begin = at + 1;
            let end = (begin..lines.len()).find(|line| lines[*line] == "```").expect("the code block ends");
            let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
            if language == "console" && !rest.starts_with("no-run: ") {
                assert_eq!(rest, "", "line {}: a console block is executed, or `no-run: why`", at + 1);
                commands(&lines, begin..end, &mut steps);
            } else if rest.contains('.') && !rest.contains(' ') && language != "rust,no_run" {
                let content: String = lines[begin..end].iter().flat_map(|line| [line, "\n"]).collect();
                steps.push(Step::File { path: rest.to_owned(), content });
            }
            at = end + 1;
        }
        Self { steps }
    }

    pub(super) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.steps.iter().filter_map(|step| match step {
            Step::Command(command) => Some(command),
            Step::File { .. } => None,
        })
    }

    /// The text of the page, with what was printed in the place of what was not true.
    pub(super) fn with_outputs(&self, text: &str, printed: &[Printed]) -> String {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let all: Vec<_> = self.commands().zip(printed).collect();
        // From the end, so that the numbers of the lines before stay true.
        for (command, printed) in all.into_iter().rev() {
            if !command.is_skipped() && !command.shows(&printed.output) {
                lines.splice(command.lines.clone(), printed.output.lines().map(str::to_owned));
            }
        }
        lines.join("\n") + "\n"
    }
}

/// The lines, from 1, at which a block that is not executed, for a shell or of no language, has commands of ours.
pub(super) fn commands_elsewhere(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(info),
            (Some(_), Some("")) => open = None,
            (Some("" | "sh" | "bash" | "shell"), None) => {
                let line = line.trim_start();
                if line.strip_prefix("$ ").unwrap_or(line).starts_with("promptassay ") {
                    found.push(number);
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn a_command_is_found_wherever_no_shell_reads_it() {
    let text = "\
```
promptassay check
```
```sh
# first
  $ promptassay eval
```
```sh no-run: it takes a day
promptassay eval
```
```console
$ promptassay list
```
```text
promptassay eval [PROMPT…]
```
";
    assert_eq!(commands_elsewhere(text), [2, 6]);
}

fn commands(lines: &[&str], block: std::ops::Range<usize>, steps: &mut Vec<Step>) {
    let exit_code = Regex::new(r"# exits with (\d+)").unwrap();
    let mut at = block.start;
    while at < block.end {
        let first =
            lines[at].strip_prefix("$ ").unwrap_or_else(|| panic!("line {}: `$ ` is missing", at + 1));
        let mut text = first.to_owned();
        at += 1;
        while let Some(more) = lines[at..block.end].first().and_then(|line| line.strip_prefix("> ")) {
            text = format!("{text}\n{more}");
            at += 1;
        }
        let begin = at;
        while at < block.end && !lines[at].starts_with("$ ") {
            at += 1;
        }
        let code = exit_code.captures(&text).map_or(0, |found| found[1].parse().unwrap());
        steps.push(Step::Command(Command {
            text,
            output: lines[begin..at].iter().map(|line| (*line).to_owned()).collect(),
            exit_code: code,
            lines: begin..at,
        }));
    }
}

impl Command {
    /// Whether it is not executed: tools of the developers of this repository, which take minutes.
    pub(super) fn is_skipped(&self) -> bool {
        self.text.starts_with("cargo ") && !self.text.starts_with(RUN)
    }

    /// As a shell runs it here.
    pub(super) fn script(&self) -> String {
        self.text.replacen(RUN, "promptassay ", 1)
    }

    /// Whether the page says that this is printed. A command without output in the page may print anything.
    pub(super) fn shows(&self, printed: &str) -> bool {
        let printed: Vec<String> = printed.trim_end().lines().map(steady).collect();
        let shown: Vec<String> = self.output.iter().map(|line| steady(line)).collect();
        let shown = match shown.iter().rposition(|line| !line.is_empty()) {
            Some(last) => &shown[..=last],
            None => return true,
        };
        self.is_skipped() || matches(shown, &printed)
    }
}

const RUN: &str = "cargo run --release -- ";

/// A line without what differs from run to run and what cannot be seen.
fn steady(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (pattern, word) in [
        (r"20\d\d-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?", "TIME"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
        (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
        (r"\b\d+(\.\d+)? (ms|s)\b", "DURATION"),
    ] {
        line = Regex::new(pattern).unwrap().replace_all(&line, word).into_owned();
    }
    line
}

/// Whether the lines are the same; `…` alone stands for any number of them.
fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, others)| line == first && matches(rest, others))
        }
    }
}
