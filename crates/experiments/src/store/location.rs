//! Where a store is: a file, or a PostgreSQL server. A password is never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use promptassay_registry::files::resolve_inside;
use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::{Document, Located};

/// How a password is given.
const PASSWORD_HELP: &str = "take it out, and give the whole URL in the environment variable PROMPTASSAY_STORE, which goes before this line";

/// Where a store is.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<postgres::Config>),
}

/// The text is no location of a store. Its reason does not repeat the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a PostgreSQL URL: {reason}")]
pub struct InvalidLocation {
    reason: String,
}

impl InvalidLocation {
    /// What would be accepted.
    pub fn help(&self) -> &'static str {
        "write it like postgres://user@host:5432/database"
    }
}

impl Location {
    /// Reads a PostgreSQL URL, or takes the text as the path of a file.
    pub fn parse(text: &str) -> Result<Self, InvalidLocation> {
        if !is_url(text) {
            return Ok(Self::Sqlite(PathBuf::from(text)));
        }
        let config: postgres::Config =
            text.parse().map_err(|error: postgres::Error| InvalidLocation { reason: root_cause(&error) })?;
        Ok(Self::Postgres(Box::new(config)))
    }

    /// What `store:` of registry.yaml says, if it says something. `directory` is where that file stands, `repository` the directory
    /// that its paths may not leave.
    pub fn of_registry(
        document: &Document,
        directory: &Path,
        repository: &Path,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let reading = document.read_at::<Located<String>>(&["store"])?;
        problems.extend(reading.problems);
        let written = reading.value?;
        let scheme = written.split_once("://").map(|(scheme, _)| scheme);
        let (message, help) = if is_url(&written) {
            match Self::parse(&written) {
                Ok(Self::Postgres(config)) if config.get_password().is_some() => (
                    "`store` holds a password, and this file is committed".to_owned(),
                    PASSWORD_HELP.to_owned(),
                ),
                Ok(location) => return Some(location),
                Err(error) => (error.to_string(), error.help().to_owned()),
            }
        } else if scheme.is_some() {
            let help = "write the path of a file, or a URL like postgres://user@host:5432/database";
            ("`store` is a URL, but not of PostgreSQL".to_owned(), help.to_owned())
        } else {
            match resolve_inside(directory, &written, repository) {
                Ok(path) => return Some(Self::Sqlite(path)),
                Err(error) => (error.to_string(), error.help().to_owned()),
            }
        };
        let mut place = document.place(written.span);
        if scheme.is_some() {
            // The line may hold a password.
            place.line_text.clear();
        }
        problems.push(Problem::error("experiment::store", message).at(place).help(help));
        None
    }
}

fn is_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// The innermost reason: outer ones only say that there is one.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = match self {
            Self::Sqlite(path) => return write!(formatter, "{}", path.display()),
            Self::Postgres(config) => config,
        };
        formatter.write_str("postgres://")?;
        if let Some(user) = config.get_user() {
            write!(formatter, "{user}@")?;
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host {
                postgres::config::Host::Tcp(host) => write!(formatter, "{comma}{host}")?,
                #[cfg(unix)]
                postgres::config::Host::Unix(path) => write!(formatter, "{comma}{}", path.display())?,
            }
        }
        write!(formatter, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let location =
            Location::parse("postgres://ada:s3cret@db.example.org:5432/assay?sslmode=require").unwrap();
        assert_eq!(location.to_string(), "postgres://ada@db.example.org/assay");
        assert!(!format!("{location:?}").contains("s3cret"));
        let error = Location::parse("postgres://ada:s3cret@host:port/x").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let text = "store: 'postgres://ada:s3cret@host:port/x'\n";
        let mut problems = Vec::new();
        let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
        assert!(Location::of_registry(&document, Path::new("."), Path::new("."), &mut problems).is_none());
        assert!(!format!("{problems:?}").contains("s3cret"), "{problems:?}");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn what_is_no_store_or_holds_a_password_is_refused() {
        let said = |store: &str| {
            let mut problems = Vec::new();
            let document =
                Document::parse("registry.yaml", format!("store: {store}\n"), &mut problems).unwrap();
            let location = Location::of_registry(&document, Path::new("."), Path::new("."), &mut problems);
            assert!(location.is_none(), "{store}");
            assert!(!format!("{problems:?}").contains("s3cret"), "{problems:?}");
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(said("'postgres://ada:s3cret@host/x'"));
        insta::assert_snapshot!(said("'mysql://ada:s3cret@host/x'"));
    }

    #[test]
    fn a_file_stays_in_the_repository() {
        let directory = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(directory.path()).unwrap();
        std::fs::create_dir(root.join("prompts")).unwrap();
        let of = |text: &str| {
            let mut problems = Vec::new();
            let document = Document::parse("registry.yaml", text, &mut problems).unwrap();
            let location = Location::of_registry(&document, &root.join("prompts"), &root, &mut problems);
            (location.map(|location| location.to_string()), problems.len())
        };
        assert_eq!(of("store: ../data/e.db\n"), (Some(root.join("data/e.db").display().to_string()), 0));
        assert_eq!(of("store: ../../e.db\n"), (None, 1));
        assert_eq!(of("store: 5\n"), (None, 1));
        assert_eq!(of("gate: {}\n"), (None, 0));
    }
}
