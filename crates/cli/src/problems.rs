//! Draws a problem: what is wrong, the place, the source line with carets, and help.

use std::collections::HashMap;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use promptassay_evaluator::report::{visible, visible_in_line, without_commands};
use promptassay_registry::problem::{Place, Problem, Severity};

use crate::table::{STRONG, count, paint};

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HELP: Style = AnsiColor::BrightCyan.on_default().bold();
/// So many lines are named of problems that are alike, and so many files.
const SHOWN_LINES: usize = 30;
const SHOWN_FILES: usize = 10;
const MARK: Style = AnsiColor::BrightBlue.on_default().bold();

/// The problem as a person reads it, without a final line feed.
pub(crate) fn draw(problem: &Problem, color: bool) -> String {
    // Also where colours stand before what begins a line.
    let harmless = |text: &str| without_commands(&visible(text));
    let problem = Problem {
        message: harmless(&problem.message),
        help: problem.help.as_deref().map(harmless),
        ..problem.clone()
    };
    let drawn = match &problem.place {
        Some(place) if !place.line_text.is_empty() => {
            let shown = visible_line(place);
            let name = |place: &Place| format!("{}:{}:{}", named(&place.file), place.line, place.column);
            // Whoever opens the file counts the signs that are there.
            with_line(&problem, &shown, color).replacen(&name(&shown), &name(place), 1)
        }
        place => without_line(&problem, place.as_ref(), color),
    };
    without_commands(&drawn)
}

/// The place in a line whose every sign is seen, and in which each takes up as many columns as it is drawn in.
fn visible_line(place: &Place) -> Place {
    let (text, meant) = (&place.line_text, place.span_in_line());
    let [before, meant, behind] =
        [&text[..meant.start], &text[meant.clone()], &text[meant.end..]].map(visible_in_line);
    let (before, width) = (without_commands(&before), meant.chars().count().max(1));
    Place {
        column: before.chars().count() + 1,
        width,
        line_text: [before, meant, behind].concat(),
        ..place.clone()
    }
}

/// The name of a file, which may be any text.
fn named(file: &Path) -> String {
    visible_in_line(&file.display().to_string())
}

/// Problems that say the same at several places, together in the order of the first of each.
pub(crate) fn alike<'a>(problems: impl Iterator<Item = &'a Problem>) -> Vec<Vec<&'a Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for problem in problems {
        let says = (problem.severity, problem.code, &problem.message, &problem.help);
        let at_a_place = problem.place.is_some();
        if let Some(group) = known.get(&says).filter(|_| at_a_place) {
            groups[*group].push(problem);
            continue;
        }
        if at_a_place {
            known.insert(says, groups.len());
        }
        groups.push(vec![problem]);
    }
    groups
}

/// The first of problems that are alike, and where the others are.
pub(crate) fn draw_alike(alike: &[&Problem], color: bool) -> String {
    let Some((first, others)) = alike.split_first() else { return String::new() };
    let mut text = draw(first, color);
    let mut files: Vec<(&Path, Vec<&Place>)> = Vec::new();
    // In the order of files, which the problems have: those of one file stand together.
    for place in others.iter().filter_map(|problem| problem.place.as_ref()) {
        match files.last_mut().filter(|(file, _)| *file == place.file) {
            Some((_, places)) => places.push(place),
            None => files.push((&place.file, vec![place])),
        }
    }
    if !others.is_empty() {
        let first = first.place.as_ref();
        let mut places: Vec<String> = files
            .iter()
            .take(SHOWN_FILES)
            .map(|(file, places)| places_in(file, places, first.is_some_and(|first| first.file == *file)))
            .collect();
        places.extend(match files.len().saturating_sub(SHOWN_FILES) {
            0 => None,
            more => Some(format!("and in {}", count(more, "other file"))),
        });
        let label = format!("{} {}", paint(color, MARK, "="), paint(color, HELP, "and"));
        text.extend(["\n  ", &label, " ", &format!("{} more: {}", others.len(), places.join("; "))]);
    }
    without_commands(&text)
}

/// The places in one file, which is not named anew where it is named already.
fn places_in(file: &Path, places: &[&Place], is_named: bool) -> String {
    if places.iter().all(|place| place.is_whole_file()) {
        return named(file);
    }
    let shown: Vec<String> = places.iter().take(SHOWN_LINES).map(|place| place.line.to_string()).collect();
    let more = match places.len().saturating_sub(SHOWN_LINES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let noun = if places.len() == 1 { "line" } else { "lines" };
    let file = if is_named { String::new() } else { format!("{} ", named(file)) };
    format!("{file}{noun} {}{more}", shown.join(", "))
}

fn with_line(problem: &Problem, place: &Place, color: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = named(&place.file);
    let snippet = Snippet::source(place.line_text.as_str())
        .path(file.as_str())
        .line_start(place.line)
        .annotation(AnnotationKind::Primary.span(place.span_in_line()));
    let mut group = Group::with_title(level.primary_title(problem.message.as_str())).element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if color {
        Renderer::styled().error(ERROR).warning(WARNING).help(HELP).line_num(MARK)
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

/// The same look, for what has no line to show: a whole file, a directory, the command line.
fn without_line(problem: &Problem, place: Option<&Place>, color: bool) -> String {
    let title = match problem.severity {
        Severity::Error => paint(color, ERROR, "error"),
        Severity::Warning => paint(color, WARNING, "warning"),
    };
    let mut text = format!("{title}{}", paint(color, STRONG, &format!(": {}", problem.message)));
    if let Some(place) = place {
        let shown =
            if place.is_whole_file() { named(&place.file) } else { visible_in_line(&place.to_string()) };
        text.extend(["\n ", &paint(color, MARK, "-->"), " ", &shown]);
    }
    if let Some(help) = &problem.help {
        let label = format!("{} {}", paint(color, MARK, "="), paint(color, HELP, "help"));
        text.extend(["\n  ", &label, ": ", &help.replace('\n', "\n          ")]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line() {
        let text = "name: x\nactive_versiön: v1.0.0 # ä\n";
        let start = text.find("active").unwrap();
        let problem = Problem::error("yaml::unknown_key", "unknown key `active_versiön`")
            .at(Place::in_text("prompts/x/prompt.yaml", text, start..start + 15))
            .help("did you mean `active_version`?");
        insta::assert_snapshot!(draw(&problem, false), @"
        error: unknown key `active_versiön`
         --> prompts/x/prompt.yaml:2:1
          |
        2 | active_versiön: v1.0.0 # ä
          | ^^^^^^^^^^^^^^
          |
          = help: did you mean `active_version`?
        ");
        // Marks and text are the same in colour.
        let colored = draw(&problem, true);
        let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(&colored, "").into_owned();
        assert_eq!(plain, draw(&problem, false));
        assert_ne!(colored, plain);
    }

    #[test]
    fn what_commands_a_terminal_is_shown_and_not_obeyed() {
        let text = "name: \u{9b}2J\u{1b}[2J\n";
        let problem = Problem::error("x::y", "a \u{9b}31m \u{1b}[31m message").help("\u{85} \u{1b}c");
        let alone = draw(&problem, false);
        let problem = problem.at(Place::in_text("prompts/\u{90}/prompt.yaml", text, 6..9));
        for drawn in [alone, draw(&problem, false)] {
            assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
            assert!(drawn.contains("[U+009B]31m"), "{drawn:?}");
        }
    }

    #[test]
    fn names_of_files_command_neither_a_terminal_nor_a_runner() {
        let hostile = "r/c\n::error::y\u{1b}[31m##[error]\u{200b}\u{9b}x.jsonl";
        let at = |file: &str, line: usize| {
            let text = "\n".repeat(line) + "{\"a\": 1}\n";
            Problem::warning("x", "one\n::error::two ##\u{200b}vso[three")
                .help("four\n ::stop-commands::x")
                .at(Place::in_text(file, &text, line + 1..line + 4))
        };
        let problems = [at(hostile, 0), at(hostile, 2), at("r/d##[error].jsonl", 0), at("r/e\n##vso[x", 1)];
        let whole: Vec<Problem> =
            [hostile, "a\u{1b}c", hostile].map(|file| at("x", 0).at(Place::whole_file(file))).into();
        let colors = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        for problems in [&problems[..], &problems[..1], &whole] {
            for color in [false, true] {
                let drawn = draw_alike(&alike(problems.iter())[0], color);
                let plain = colors.replace_all(&drawn, "").into_owned();
                assert!(!plain.contains(|c: char| c.is_control() && c != '\n'), "{plain:?}");
                assert!(!plain.contains("##[") && !plain.contains("##vso["), "{plain}");
                assert!(plain.lines().all(|line| !line.trim_start().starts_with("::")), "{plain}");
                assert!(plain.contains('\u{240a}'), "{plain}");
            }
        }
    }

    #[test]
    fn the_marks_stand_below_what_is_meant_whatever_is_made_visible_before_it() {
        let text = "{name: \"x\u{200b}\u{200b} ##[y\", foo: 1}\n";
        let start = text.find("foo").unwrap();
        let problem =
            Problem::error("x", "unknown key `foo`").at(Place::in_text("a.yaml", text, start..start + 3));
        insta::assert_snapshot!(draw(&problem, false), @r#"
        error: unknown key `foo`
         --> a.yaml:1:20
          |
        1 | {name: "x[U+200B][U+200B] # #[y", foo: 1}
          |                                   ^^^
        "#);
    }

    #[test]
    fn problems_that_are_alike_are_drawn_once() {
        let text = "a: 1\nb: 2\nc: 3\n";
        let at = |file: &str, byte| {
            Problem::error("x", "there is no property `p`")
                .at(Place::in_text(file, text, byte..byte + 1))
                .help("define it")
        };
        let other = Problem::error("x", "there is no property `q`").at(Place::whole_file("a.yaml"));
        let nowhere = Problem::error("x", "no place");
        let problems = [
            at("a.yaml", 0),
            other,
            at("a.yaml", 5),
            at("a.yaml", 10),
            at("b.yaml", 5),
            nowhere.clone(),
            nowhere,
        ];
        let groups = alike(problems.iter());
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [4, 1, 1, 1]);
        insta::assert_snapshot!(draw_alike(&groups[0], false));
        assert_eq!(draw_alike(&groups[1], false), draw(&problems[1], false));

        let many: Vec<Problem> = (0..1_000)
            .map(|prompt| {
                Problem::warning("x", "no suite").at(Place::whole_file(format!("{prompt:03}.yaml")))
            })
            .collect();
        insta::assert_snapshot!(draw_alike(&alike(many.iter())[0], false), @"
        warning: no suite
         --> 000.yaml
          = and 999 more: 001.yaml; 002.yaml; 003.yaml; 004.yaml; 005.yaml; 006.yaml; 007.yaml; 008.yaml; 009.yaml; 010.yaml; and in 989 other files
        ");
    }

    #[test]
    fn a_problem_without_a_line_or_a_place_is_still_clear() {
        let whole =
            Problem::error("x", "there is no such file").at(Place::whole_file("a/b.yaml")).help("write it");
        insta::assert_snapshot!(draw(&whole, false), @"
        error: there is no such file
         --> a/b.yaml
          = help: write it
        ");
        insta::assert_snapshot!(draw(&Problem::warning("x", "nothing to do"), false), @"warning: nothing to do");
    }
}
