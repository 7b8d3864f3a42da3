//! Options of a check that stand beside it, where `name` and `weight` do, and not in its value.

/// An option, the checks that have it, and how one of them is written with it.
const OPTIONS: [(&str, &str, &str); 9] = [
    ("samples", "`judge`", "judge: {value: …, samples: 3}"),
    ("model", "`judge`", "judge: {value: …, model: …}"),
    ("word", "checks for a text, such as `contains`", "contains: {value: …, word: true}"),
    ("ignore_case", "checks for a text, such as `contains`", "contains: {value: …, ignore_case: true}"),
    ("max_distance", "`levenshtein`", "levenshtein: {value: …, max_distance: 3}"),
    ("schema", "`contains_json`", "contains_json: {value: true, schema: …}"),
    ("only", "`tool_calls`", "tool_calls: {values: […], only: true}"),
    ("ordered", "`tool_calls`", "tool_calls: {values: […], ordered: true}"),
    ("timeout", "`command`", "command: {values: […], timeout: 30s}"),
];

/// What is wrong with an option that stands where a check is expected, and how it is written.
pub(super) fn option(name: &str) -> Option<(String, String)> {
    let (_, owners, example) = OPTIONS.iter().find(|(option, ..)| *option == name)?;
    Some((format!("`{name}` is an option of {owners}"), format!("write `{example}`")))
}

#[cfg(test)]
mod tests {
    use promptassay_registry::yaml::Document;

    use super::*;
    use crate::validator::ValidatorSpec;

    fn read(text: &str) -> (bool, Vec<String>) {
        let mut problems = Vec::new();
        let document = Document::parse("suite.yaml", text, &mut problems);
        let reading = document.unwrap().read::<ValidatorSpec>();
        problems.extend(reading.problems);
        (
            reading.value.is_some(),
            problems
                .into_iter()
                .map(|problem| format!("{} = {}", problem.message, problem.help.unwrap_or_default()))
                .collect(),
        )
    }

    #[test]
    fn every_option_is_read_where_the_help_puts_it() {
        for (name, _, example) in OPTIONS {
            let written = example
                .replace("[…]", "[a]")
                .replace("value: …", "value: a")
                .replace("schema: …", "schema: {type: object}")
                .replace('…', "default");
            assert_eq!(read(&written), (true, vec![]), "{written}");
            let (_, told) = option(name).unwrap();
            assert_eq!(told, format!("write `{example}`"));
        }
    }

    #[test]
    fn an_option_beside_its_check_is_told_where_it_belongs() {
        let (_, problems) = read("judge: The reply is kind.\nsamples: 3\n");
        assert_eq!(problems, ["`samples` is an option of `judge` = write `judge: {value: …, samples: 3}`"]);
        let (_, problems) = read("contains: a\nword: true\nignore_case: true\n");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("`word` is an option of checks for a text"), "{problems:?}");
    }
}
