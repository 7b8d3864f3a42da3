//! How long the chains of a text are, such as `a.b.c`, `a or b or c` and `if` with many `elif`. MiniJinja bounds how deep brackets and tags
//! nest; a chain it walks link by link, each within the one before, and a long one would end the process: its stack overflows.

use std::ops::Range;

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

/// The most links that a chain may have, those of what stands around it included. Without optimization a thread with 2 MiB of stack walks
/// some 800 of a template's largest, which are those of `elif`, and 400 of a check, which is looked at in more ways; with it thousands.
pub(super) const MOST_LINKS: usize = 300;

/// Words that are operators.
const OPERATORS: [&str; 7] = ["and", "else", "if", "in", "is", "not", "or"];

/// Where an expression has one link more in a chain than the 300 that one may have; `None` where it is short enough.
pub fn end_of_chain(expression: &str) -> Option<Range<usize>> {
    too_long(expression, true, SyntaxConfig::default())
}

/// The same for a template.
pub(super) fn end_of_chain_in(template: &str, syntax: &SyntaxConfig) -> Option<Range<usize>> {
    too_long(template, false, syntax.clone())
}

fn too_long(source: &str, is_expression: bool, syntax: SyntaxConfig) -> Option<Range<usize>> {
    let (mut brackets, mut branches) = (Links::new(), Links::new());
    let mut begins_tag = false;
    // What cannot be read ends it, as it ends the parser.
    for (token, span) in tokenize(source, is_expression, syntax).map_while(Result::ok) {
        match token {
            Token::VariableStart | Token::BlockStart => brackets = Links::new(),
            Token::Ident("if") if begins_tag => branches.open(),
            Token::Ident("elif") if begins_tag => branches.add(),
            Token::Ident("endif") if begins_tag => branches.close(),
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                brackets.add();
                brackets.open();
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose => brackets.close(),
            Token::Comma => brackets.begin(),
            Token::Ident(word) if !OPERATORS.contains(&word) => {}
            Token::TemplateData(_)
            | Token::VariableEnd
            | Token::BlockEnd
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_) => {}
            _ => brackets.add(),
        }
        begins_tag = matches!(token, Token::BlockStart);
        if brackets.all + branches.all > MOST_LINKS {
            return Some(span.start_offset as usize..span.end_offset as usize);
        }
    }
    None
}

/// The links of what is open.
struct Links {
    /// Of each, from the outside in.
    open: Vec<usize>,
    all: usize,
}

impl Links {
    fn new() -> Self {
        Self { open: vec![0], all: 0 }
    }

    fn open(&mut self) {
        self.open.push(0);
    }

    fn add(&mut self) {
        if let Some(links) = self.open.last_mut() {
            *links += 1;
            self.all += 1;
        }
    }

    /// Another chain begins beside the last one.
    fn begin(&mut self) {
        if let Some(links) = self.open.last_mut() {
            self.all -= std::mem::take(links);
        }
    }

    fn close(&mut self) {
        // More are closed than were opened where the text is none.
        if self.open.len() > 1 {
            self.all -= self.open.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::jinja::JinjaTemplate;

    /// Chains with about so many links.
    fn chains(links: usize) -> Vec<String> {
        let expressions = [
            format!("name{}", ".a".repeat(links)),
            format!("name{}", "[0]".repeat(links)),
            format!("name{}", "()".repeat(links)),
            format!("name{}", "|upper".repeat(links)),
            format!("name{}", " or name".repeat(links)),
            format!("name{}", " ~ name".repeat(links)),
            format!("1{}", " + 1".repeat(links)),
            format!("name{}", " is defined".repeat(links)),
            format!("{}name", "not ".repeat(links)),
            format!("{}1", "-".repeat(links)),
            format!("{}2", "1 if name else ".repeat(links / 2)),
            format!("[1, 2, name{}]", ".a".repeat(links)),
            format!("[name{}]|list", " ~ [name]".repeat(links)),
            format!("{}name{}{}", "(".repeat(70), ".a".repeat(links), ")".repeat(70)),
        ];
        let branches = "{% elif name == 'b' %}b".repeat(links);
        let tags = format!("{{% if name == 'a' %}}a{branches}{{% endif %}} {{{{ name }}}}");
        expressions.into_iter().map(|text| format!("{{{{ {text} }}}}")).chain([tags]).collect()
    }

    #[test]
    fn a_chain_of_any_length_ends_no_process() {
        // Tests have threads with 2 MiB, as servers have.
        for text in chains(MOST_LINKS - 75) {
            if let Ok(template) = JinjaTemplate::parse(text.clone()) {
                drop(template.render(&serde_json::from_str("{\"name\": \"a\"}").unwrap()));
            }
        }
        for text in chains(20_000) {
            let problems = JinjaTemplate::parse(text).unwrap_err();
            assert!(problems[0].message.contains("300 links"), "{problems:?}");
        }
    }

    #[test]
    fn what_stands_beside_each_other_is_no_chain() {
        let items = vec!["name.a.b ~ 'x' | upper"; 2_000].join(", ");
        let ifs = "{% if name %}{{ name }}{% elif name == 'b' %}b{% endif %}".repeat(2_000);
        for text in [format!("{{{{ [{items}] }}}}"), "{{ name }} ".repeat(5_000), ifs] {
            assert_eq!(end_of_chain_in(&text, &SyntaxConfig::default()), None, "{text:.40}");
        }
        let raw = format!("{{% raw %}}{}{{% endraw %}}", ".a".repeat(5_000));
        assert_eq!(end_of_chain_in(&raw, &SyntaxConfig::default()), None);
        assert_eq!(end_of_chain(&format!("json{} == 1", ".a".repeat(2_000))), Some(604..605));
    }
}
