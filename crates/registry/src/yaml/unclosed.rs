//! The bracket or the quote that nobody closed. The parser meets it only in what comes after, where nothing is wrong.

/// A bracket of flow style, or a quote, that is not closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    sign: u8,
    /// Where what is no part of it any more begins; the end of the text, if none.
    before: Option<usize>,
}

impl Unclosed {
    pub(super) fn message(&self) -> String {
        format!("the `{}` is not closed", char::from(self.sign))
    }

    pub(super) fn help(&self, text: &str) -> String {
        let closing = char::from(closing(self.sign));
        match self.before {
            Some(before) => {
                let line = text[..before].matches('\n').count() + 1;
                let what = match text.as_bytes().get(before) {
                    Some(other @ (b'}' | b']')) => format!("the `{}`", char::from(*other)),
                    _ => "what stands".to_owned(),
                };
                format!("write `{closing}` where it ends, before {what} in line {line}")
            }
            None => format!("write `{closing}` where it ends"),
        }
    }
}

/// The innermost bracket that is open where the parser gave up, if nothing closes it; or a quote that only one of another text closes. `text` is no valid YAML; how it is meant is
/// told by what begins lines, so where that is in doubt there is none.
pub(super) fn unclosed(text: &str, gave_up: usize) -> Option<Unclosed> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, gave_up };
    while scan.at <= gave_up && scan.at < scan.bytes.len() {
        if let Err(End(found)) = scan.line() {
            return found;
        }
    }
    None
}

fn closing(sign: u8) -> u8 {
    match sign {
        b'{' => b'}',
        b'[' => b']',
        quote => quote,
    }
}

/// There is nothing to look for any more.
struct End(Option<Unclosed>);

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    gave_up: usize,
}

impl Scan<'_> {
    /// A line of block style, up to the value in it, which may take more lines.
    fn line(&mut self) -> Result<(), End> {
        let mut start = self.at;
        self.spaces();
        // A line that begins further left belongs to no value that begins here.
        let mut inside = self.at - start;
        // Whatever stands behind that place was not met yet, and a line may be long.
        while self.at <= self.gave_up {
            let (begin, column) = (self.at, self.at - start);
            match self.here() {
                b'-' | b'?' if self.is_blank(self.at + 1) => {
                    self.at += 1;
                    inside = column + 1;
                }
                b'&' | b'!' => self.skip_while(|byte| !byte.is_ascii_whitespace()),
                b'|' | b'>' => {
                    self.skip_while(|byte| byte != b'\n');
                    self.block_scalar(inside);
                    return Ok(());
                }
                b'{' | b'[' => {
                    self.flow(inside)?;
                    start = self.line_start(begin).unwrap_or(start);
                    if !self.is_key() {
                        return Ok(());
                    }
                    inside = column + 1;
                }
                quote @ (b'"' | b'\'') => {
                    self.quoted(quote, inside)?;
                    start = self.line_start(begin).unwrap_or(start);
                    if !self.is_key() {
                        return Ok(());
                    }
                    inside = column + 1;
                }
                _ => {
                    if !self.plain() {
                        return Ok(());
                    }
                    inside = column + 1;
                }
            }
            self.spaces();
        }
        Ok(())
    }

    /// The value in brackets that begins here.
    fn flow(&mut self, inside: usize) -> Result<(), End> {
        let mut open: Vec<usize> = Vec::new();
        // Whether a scalar may begin, and what stood last.
        let (mut fresh, mut last) = (true, 0);
        while self.at < self.bytes.len() {
            let byte = self.here();
            let at = self.at;
            self.at += 1;
            match byte {
                b'\n' if self.leaves(inside, last) => return Err(self.innermost(&open, Some(self.at))),
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                b'#' if at > 0 && self.is_blank(at - 1) => {
                    self.skip_while(|byte| byte != b'\n');
                    continue;
                }
                b'{' | b'[' => {
                    open.push(at);
                    fresh = true;
                }
                b'}' | b']' => match open.last() {
                    Some(opened) if closing(self.bytes[*opened]) == byte => {
                        open.pop();
                        if open.is_empty() {
                            return Ok(());
                        }
                        fresh = false;
                    }
                    _ => return Err(self.innermost(&open, Some(at))),
                },
                b'"' | b'\'' if fresh => {
                    self.at = at;
                    self.quoted(byte, inside)?;
                    fresh = false;
                }
                b',' => fresh = true,
                b':' => fresh = self.is_blank(self.at) || matches!(last, b'"' | b'\'' | b'}' | b']'),
                _ => fresh = false,
            }
            last = byte;
        }
        Err(self.innermost(&open, None))
    }

    /// Whether the line that begins here is no part of the brackets before it: further left than they may reach, and an item or a key
    /// where neither may stand.
    fn leaves(&self, inside: usize, last: u8) -> bool {
        self.at + self.rest_of_line().len() >= self.gave_up
            && !matches!(last, b',' | b'[' | b'{' | b':')
            && self.is_outside(inside)
    }

    /// Whether the line that begins here is an item or a key, further left than a value may reach.
    fn is_outside(&self, inside: usize) -> bool {
        let line = self.rest_of_line();
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let shown = line[indent..].trim_ascii();
        let is_item = shown == b"-" || shown.starts_with(b"- ");
        let is_key = shown.ends_with(b":") || shown.windows(2).any(|pair| pair == b": ");
        indent < inside && !matches!(shown.first(), None | Some(b'#' | b'}' | b']')) && (is_item || is_key)
    }

    fn rest_of_line(&self) -> &[u8] {
        self.bytes[self.at..].split(|byte| *byte == b'\n').next().unwrap_or_default()
    }

    /// The end of the search: of what is open, the last that the parser has seen.
    fn innermost(&self, open: &[usize], before: Option<usize>) -> End {
        let seen = open.iter().rev().find(|at| **at <= self.gave_up);
        End(seen.map(|at| Unclosed { at: *at, sign: self.bytes[*at], before }))
    }

    /// A text in quotes. Where it does not end, that is what is wrong.
    fn quoted(&mut self, quote: u8, inside: usize) -> Result<(), End> {
        let begin = self.at;
        let mut outside = None;
        self.at += 1;
        while self.at < self.bytes.len() {
            let byte = self.here();
            self.at += 1;
            match byte {
                b'\\' if quote == b'"' => self.at += 1,
                b'\'' if quote == byte && self.here() == b'\'' => self.at += 1,
                b'\n' if outside.is_none() && self.is_outside(inside) => outside = Some(self.at),
                _ if byte == quote => match outside {
                    None => return Ok(()),
                    Some(_) => return Err(self.taken_for_its_end(begin, outside)),
                },
                _ => {}
            }
        }
        Err(End(None))
    }

    /// The end of the search: what ended here goes over lines that look like none of its text. Where no text could end so, the quote is the
    /// first of another one; else nobody knows.
    fn taken_for_its_end(&mut self, begin: usize, before: Option<usize>) -> End {
        self.spaces();
        let could_end = matches!(self.here(), b',' | b'}' | b']' | b':' | b'#' | b'\r' | b'\n');
        let is_met = !could_end && begin <= self.gave_up;
        End(is_met.then(|| Unclosed { at: begin, sign: self.bytes[begin], before }))
    }

    /// A text without quotes; whether it is a key.
    fn plain(&mut self) -> bool {
        while self.at < self.bytes.len() {
            match self.here() {
                b'\n' => break,
                b':' if self.is_blank(self.at + 1) => {
                    self.at += 1;
                    return true;
                }
                b'#' if self.at == 0 || self.is_blank(self.at - 1) => {
                    self.skip_while(|byte| byte != b'\n');
                    break;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        false
    }

    /// Whether what ended here is a key; else the rest of its line is passed over.
    fn is_key(&mut self) -> bool {
        self.spaces();
        self.plain()
    }

    /// The lines of a text behind `|` or `>`: all that begin within, and empty ones.
    fn block_scalar(&mut self, inside: usize) {
        while self.at < self.bytes.len() {
            self.at += 1;
            let start = self.at;
            self.spaces();
            let is_empty = matches!(self.here(), b'\n' | b'\r');
            if self.at - start < inside && !is_empty {
                self.at = start;
                return;
            }
            self.skip_while(|byte| byte != b'\n');
        }
    }

    /// The byte here; a line feed at the end.
    fn here(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'\n')
    }

    fn is_blank(&self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(u8::is_ascii_whitespace)
    }

    fn spaces(&mut self) {
        self.skip_while(|byte| byte == b' ');
    }

    fn skip_while(&mut self, skipped: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| skipped(*byte)) {
            self.at += 1;
        }
    }

    /// Where this line begins, if it does so after `begin`.
    fn line_start(&self, begin: usize) -> Option<usize> {
        let newline =
            self.bytes[begin..self.at.min(self.bytes.len())].iter().rposition(|byte| *byte == b'\n')?;
        Some(begin + newline + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use crate::problem::Problem;
    use crate::yaml::Document;

    fn problem(text: &str) -> Problem {
        let mut problems = Vec::new();
        assert!(Document::parse("p.yaml", text, &mut problems).is_none(), "{text}");
        assert_eq!(problems.len(), 1);
        problems.remove(0)
    }

    #[test]
    fn a_bracket_that_is_not_closed_is_named_where_it_stands() {
        let texts = [
            // An item, a key and the end of the file behind it.
            "- name: long\n  expected: {names_days: {regex: 'days|soon'}\n- name: short\n",
            "cases:\n  - name: one\n    tags: [a, b\n    must_pass: true\n",
            "models:\n  a: {params: {x: 1}\nreplies: ../r\n",
            "expected: {a: [1, 2}\n",
            "a: {b: [1, 2]\n",
            "# it's {\na: \"{\"\nb: |\n  [ {\n\n  x\nc: [1\nd: 2\n",
            "text: it is {not} one\na: [it's, 'it''s', \"[\\\"\", x#y] # {\nb:\n  {c: 1\nd: 2\n",
            "- {\n    name: a,\n    inputs: {x: y\n  }\n- name: b\n",
            // A quote that the first one of another text closes.
            "- name: a\n  any: [\"30 days\", \"thirty days\n  more: 1\n- name: b\n  has: {x: \"y\"}\n",
            "- name: 'a\n  more: 1\n- name: 'b'\n",
        ];
        let shown: Vec<String> = texts.map(|text| problem(text).to_string()).into();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn a_long_line_is_looked_at_as_far_as_the_parser_came() {
        let text = "a: ".repeat(1000);
        let mut scan = super::Scan { bytes: text.as_bytes(), at: 0, gave_up: 4 };
        assert!(scan.line().is_ok());
        assert!((5..10).contains(&scan.at), "{}", scan.at);
    }

    /// Where all brackets are closed, or it is in doubt, what the parser says stands.
    #[test]
    fn what_else_is_wrong_is_not_laid_on_a_bracket() {
        let texts = [
            "a: {b: c: d}\n",
            "a: {\nb: 1,\nc: d: e\n}\n",
            "a: [x, 'it]\nb: 1\n",
            // A text may go over lines that look like keys.
            "a: {b: \"c\nd: e\", f: g: h}\n",
            "a: b: c\nd: [1\n",
            "a: [1]\nb: }\n",
            "a: |\n  {\nb: c: d\n",
        ];
        for text in texts {
            let shown = problem(text).to_string();
            assert!(!shown.contains("is not closed"), "{text}: {shown}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            "[a-z{}#:,' \\\\\"\\[\\]]{0,9}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z{}:' ]{1,5}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_comment_in_the_first_line_opens_nothing() {
        let text = "# it says: \"yes, [a\nlist: [b\nc: d\n";
        let of = |text: &str| {
            let found = super::unclosed(text, text.len() - 1)?;
            Some(text[found.at..=found.at + 1].to_owned())
        };
        assert_eq!(of(text), Some("[b".to_owned()));
        assert_eq!(of(&format!("# more\n{text}")), Some("[b".to_owned()));
    }

    proptest! {
        /// Whatever stands in it and after it.
        #[test]
        fn the_last_bracket_that_is_left_out_is_missed_at_the_first(items in prop::collection::vec(json(), 1..4), indent in 0_usize..4) {
            let flow = Value::from(items).to_string();
            let before = format!("{}first: ", " ".repeat(indent));
            let text = format!("{before}{}\n{}second: 1\n", &flow[..flow.len() - 1], " ".repeat(indent));
            let problem = problem(&text);
            let place = problem.place.unwrap();
            prop_assert_eq!((problem.message.as_str(), place.line, place.column), ("not valid YAML: the `[` is not closed", 1, before.len() + 1), "{}", text);
        }

        #[test]
        fn no_text_is_too_odd(text in "[a:\\-{}\\[\\]'\"#|>&! \n\\\\é]{0,60}", gave_up in 0_usize..70) {
            if let Some(found) = super::unclosed(&text, gave_up) {
                let is_sign = "{['\"".contains(char::from(text.as_bytes()[found.at]));
                prop_assert!(is_sign && found.at <= gave_up);
                prop_assert!(!found.help(&text).is_empty());
            }
        }
    }
}
