//! Draws problems without colour, as the terminal does: what is wrong, the place, the source line with carets, and help.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use promptassay_registry::problem::{Place, Problem, Severity};

/// The problems as a person reads them, apart from each other, without a final line feed.
pub(crate) fn draw_all(problems: &[Problem]) -> String {
    problems.iter().map(draw).collect::<Vec<_>>().join("\n\n")
}

fn draw(problem: &Problem) -> String {
    match &problem.place {
        Some(place) if !place.line_text.is_empty() => with_line(problem, place),
        place => without_line(problem, place.as_ref()),
    }
}

fn with_line(problem: &Problem, place: &Place) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let file = place.file.display().to_string();
    let snippet = Snippet::source(place.line_text.as_str())
        .path(file.as_str())
        .line_start(place.line)
        .annotation(AnnotationKind::Primary.span(place.span_in_line()));
    let mut group = Group::with_title(level.primary_title(problem.message.as_str())).element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::plain().render(&[group])
}

fn without_line(problem: &Problem, place: Option<&Place>) -> String {
    let title = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{title}: {}", problem.message);
    if let Some(place) = place {
        let shown = if place.is_whole_file() { place.file.display().to_string() } else { place.to_string() };
        text.extend(["\n --> ", &shown]);
    }
    if let Some(help) = &problem.help {
        text.extend(["\n  = help: ", &help.replace('\n', "\n          ")]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_shows_its_line_or_its_file() {
        let text = "cases:\n  - nime: ä\n";
        let start = text.find("nime").unwrap();
        let problems = [
            Problem::error("x", "unknown key `nime`")
                .at(Place::in_text("a/test_cases.yaml", text, start..start + 4))
                .help("did you mean `name`?"),
            Problem::warning("x", "nothing is here").at(Place::whole_file("a")).help("write it"),
        ];
        insta::assert_snapshot!(draw_all(&problems));
    }
}
