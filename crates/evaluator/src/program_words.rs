//! The words of a command line, as far as they may name files: what a program is made of is not written anywhere else.

use std::path::Path;

/// The paths among the words of a command line, there or not: the program itself where it is named with its directory, each argument that is
/// no option, what stands behind the `=` of one that is, and what a shell takes for words in an argument.
pub(crate) fn paths_among(words: &[String]) -> Vec<&str> {
    let mut paths = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if index == 0 {
            paths.extend(has_directory(word).then_some(word.as_str()));
            continue;
        }
        add(word, &mut paths);
        // A file may have a blank in its name, and is found above.
        if word.contains(ends_a_word) {
            word.split(ends_a_word).for_each(|part| add(part, &mut paths));
        }
    }
    paths.retain(|path| !path.is_empty());
    paths
}

/// Whether the name of a program says where it lies; then nobody looks in `PATH`.
pub(crate) fn has_directory(program: &str) -> bool {
    Path::new(program).components().count() > 1
}

/// Whether a shell ends a word here.
fn ends_a_word(character: char) -> bool {
    character.is_whitespace() || ";|&<>()`$\"'{}".contains(character)
}

fn add<'w>(word: &'w str, paths: &mut Vec<&'w str>) {
    if !word.starts_with('-') {
        paths.push(word);
    }
    if let Some((name, value)) = word.split_once('=')
        && !name.contains('/')
    {
        paths.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        paths_among(&words).into_iter().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_program_without_a_directory_is_one_of_the_machine() {
        assert_eq!(paths(&["python3", "checks/links.py", "--strict"]), ["checks/links.py"]);
        assert_eq!(paths(&["checks/links", "-v"]), ["checks/links"]);
        assert_eq!(paths(&[]), [""; 0]);
    }

    #[test]
    fn a_path_stands_behind_an_option_and_in_a_line_for_a_shell() {
        assert_eq!(paths(&["c", "--words=../words.txt", "-"]), ["../words.txt"]);
        assert_eq!(paths(&["env", "WORDS=a.txt", "./c"]), ["WORDS=a.txt", "a.txt", "./c"]);
        let line = "python3 '../c.py' --in=x.txt; true";
        assert_eq!(paths(&["sh", "-c", line]), [line, "python3", "../c.py", "x.txt", "true"]);
        for line in ["sh a/b|cat", "(sh a/b)", "sh <a/b", "true&&sh a/b", "echo \"$(cat a/b)\"", "x=`a/b`"] {
            assert!(paths(&["sh", "-c", line]).contains(&"a/b".to_owned()), "{line}");
        }
        assert_eq!(paths(&["c", "my words.txt"]), ["my words.txt", "my", "words.txt"]);
    }
}
