//! `NAME=VALUE` on the command line.

/// What stands before and after the first `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyValue {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Reads one; for `clap`, which puts the message behind the name of the option.
pub(crate) fn parse(text: &str) -> Result<KeyValue, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(KeyValue { key: key.trim().to_owned(), value: value.to_owned() })
        }
        Some(_) => Err("there is no name before `=`".to_owned()),
        None => Err("there is no `=`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sign_separates_and_the_value_stays_as_it_is() {
        let parsed = parse("query= a=b\n").unwrap();
        assert_eq!((parsed.key.as_str(), parsed.value.as_str()), ("query", " a=b\n"));
        assert_eq!(parse("query=").unwrap().value, "");
        assert!(parse("query").unwrap_err().contains("no `=`"));
        assert!(parse("=x").is_err());
    }
}
