//! Says of a registered version that nothing tells its template format, and what it is in either.

use super::prompt_directory::LockText;
use super::{FORMAT_NOT_TOLD, PromptVersion};
use crate::content::VersionContent;
use crate::excerpt::excerpt_of;
use crate::lock_file::Lock;
use crate::problem::{Problem, shell_word};
use crate::template::{Template, TemplateFormat, Values};
use crate::yaml::Document;

/// The most characters of a text that is shown as one of the two that were meant.
const LONGEST: usize = 60;

/// The error of a row of before the template format was kept, where its digest proves none and the two make different texts of the version.
pub(super) fn format_not_told(document: &Document, lock: &LockText, version: &PromptVersion) -> Problem {
    let (read, other) = (version.interface.format(), version.interface.format().other());
    let of_other = VersionContent::parse(&version.path, version.text.clone(), other);
    let line = |format: TemplateFormat| format!("`    template_format: {format}`");
    let (what, lines) = match &of_other {
        Ok(of_other) => {
            let (here, there) = sides(&version.content, of_other);
            // The likelier one first.
            let mut both = [(read, here), (other, there)];
            if version.content.variables().is_empty() {
                both.reverse();
            }
            let [(first, said), (second, said_else)] = both;
            let what =
                format!("it says something else in each: in `{first}` {said}, in `{second}` {said_else}");
            (what, format!("{} or {}", line(first), line(second)))
        }
        // Then it is read in the one in which it can be.
        Err(problems) => {
            let why =
                problems.iter().find(|problem| problem.is_error()).map_or_else(String::new, |problem| {
                    let place = problem.place.as_ref().map(|place| format!("line {}, ", place.line));
                    format!(" ({}{})", place.unwrap_or_default(), problem.message)
                });
            (format!("it cannot be read in `{other}`, which prompt.yaml says now{why}"), line(read))
        }
    };
    let number = &version.version;
    let message = format!("nothing says in which template format {number} was registered, and {what}");
    let place = Lock::place_in_row(number, Some("interface"), &lock.path, &lock.text);
    let prompt_file = document.file().display().to_string();
    let help = format!(
        "write {lines} below line {}, as it was registered: `git log -p {}` shows what prompt.yaml said at its `created_at`",
        place.line,
        shell_word(&prompt_file)
    );
    Problem::error(FORMAT_NOT_TOLD, message).at(place).help(help)
}

/// What a version says in each of two formats, as far as it shows the difference.
fn sides(here: &VersionContent, there: &VersionContent) -> (String, String) {
    let differing = |(here, there): (Option<String>, Option<String>)| {
        let (here, there) = (here?, there?);
        let mut lines = here.lines().zip(there.lines()).filter(|(here, there)| here != there);
        // Where one of them only has more lines, its variables say more.
        let (here, there) = lines.next()?;
        let alike = here.chars().zip(there.chars()).take_while(|(here, there)| here == there).count();
        Some((shown(here, alike), shown(there, alike)))
    };
    let said = here.templates().map(filled).zip(there.templates().map(filled));
    let mut differing = said.filter_map(differing);
    differing.next().unwrap_or_else(|| (taken(here), taken(there)))
}

/// A template with the name of each variable in its place, where it can be had so.
fn filled(template: &Template) -> Option<String> {
    let named = template.variables().into_iter().map(|name| (name.to_owned(), format!("<{name}>").into()));
    template.render(&named.collect::<Values>()).ok()
}

/// The variables of a version, where a text does not show them.
fn taken(content: &VersionContent) -> String {
    let names: Vec<String> = content.variables().into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no variable".to_owned() } else { names.join(", ") }
}

/// A line of a text in a message, from shortly before this character on.
fn shown(line: &str, from: usize) -> String {
    let left_out = if from > LONGEST / 2 { from - LONGEST / 4 } else { 0 };
    let rest: String = line.chars().skip(left_out).collect();
    format!("`{}{}`", if left_out > 0 { "…" } else { "" }, excerpt_of(&rest, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> (String, String) {
        let [here, there] =
            TemplateFormat::ALL.map(|format| VersionContent::parse("v1.0.0.txt", text, format));
        sides(&here.unwrap(), &there.unwrap())
    }

    #[test]
    fn what_is_shown_of_two_texts_is_where_they_part() {
        let sides = |here: &str, there: &str| (here.to_owned(), there.to_owned());
        assert_eq!(of_text("Hello.\nSay {a} {{ b }}\n"), sides("`Say <a> { b }`", "`Say {a} <b>`"));
        let long = format!("{} {{a}} {}", "word ".repeat(20), "more ".repeat(20));
        let (here, there) = of_text(&long);
        let is_around = |shown: &str, field: &str| shown.starts_with("`…") && shown.contains(field);
        assert!(is_around(&here, "word  <a>") && is_around(&there, "word  {a}"), "{here} {there}");
    }
}
