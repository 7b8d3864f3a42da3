//! Where a store is: a file, or a PostgreSQL server. A password is never shown.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgres::config::{Host, SslMode};
use promptassay_registry::files::resolve_inside;
use promptassay_registry::problem::Problem;
use promptassay_registry::yaml::{Document, Located};

/// How long a server may take to be reached where the URL says nothing (`connect_timeout`): else it is minutes where nobody answers.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Where PostgreSQL listens, unless somebody changed that.
const DEFAULT_PORT: u16 = 5432;

/// How other programs begin a parameter of a connection.
const PARAMETERS: [&str; 9] =
    ["host=", "hostaddr=", "server=", "dbname=", "user=", "password=", "pwd=", "passfile=", "sslmode="];

/// What a URL of PostgreSQL begins with, the longer one first.
const SCHEMES: [&str; 2] = ["postgresql", "postgres"];

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
#[error("what names the store {reason}")]
pub struct InvalidLocation {
    reason: String,
    help: &'static str,
}

const HELP: &str = "write the path of a file, or a URL like postgres://user@host:5432/database";

impl InvalidLocation {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), help: HELP }
    }

    /// What is wrong, as a sentence about what the text was read from, such as "`--store`".
    pub fn about(&self, source: &str) -> String {
        format!("{source} {}", self.reason)
    }

    /// What would be accepted.
    pub fn help(&self) -> &'static str {
        self.help
    }
}

impl Location {
    /// Reads a PostgreSQL URL, whose scheme may be written in capitals, or takes the text as the path of a file. What is neither is
    /// refused: SQLite would make a file of it here, or one that is gone when the program ends.
    pub fn parse(text: &str) -> Result<Self, InvalidLocation> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(InvalidLocation::new("is empty"));
        }
        if let Some((scheme, rest)) = trimmed.split_once("://") {
            return postgres_url(&scheme.to_ascii_lowercase(), rest);
        }
        if names_a_server(trimmed) {
            return Err(InvalidLocation::new("is neither the path of a file nor a PostgreSQL URL"));
        }
        if trimmed == ":memory:" || starts_with(trimmed, "file:") || starts_with(trimmed, "sqlite:") {
            let help = "write the path of a file as it is, such as data/experiments.db";
            return Err(InvalidLocation {
                help,
                ..InvalidLocation::new("is a name of SQLite, and not a path")
            });
        }
        Ok(Self::Sqlite(PathBuf::from(text)))
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
        let mut place = document.place(written.span);
        let (message, help) = match Self::parse(&written) {
            Ok(Self::Postgres(config)) if config.get_password().is_some() => {
                place.line_text.clear();
                ("`store` holds a password, and this file is committed".to_owned(), PASSWORD_HELP.to_owned())
            }
            Ok(location @ Self::Postgres(_)) => return Some(location),
            Ok(Self::Sqlite(_)) => match resolve_inside(directory, &written, repository) {
                Ok(path) => return Some(Self::Sqlite(path)),
                Err(error) => (error.to_string(), error.help().to_owned()),
            },
            Err(error) => {
                // The line may hold a password.
                place.line_text.clear();
                (error.about("`store`"), error.help().to_owned())
            }
        };
        problems.push(Problem::error("experiment::store", message).at(place).help(help));
        None
    }

    /// The same, given up after this long where a server does not answer, if not sooner.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        if let Self::Postgres(config) = &mut self {
            let patience = config.get_connect_timeout().map_or(patience, |given| patience.min(*given));
            config.connect_timeout(patience);
        }
        self
    }
}

fn postgres_url(scheme: &str, rest: &str) -> Result<Location, InvalidLocation> {
    if !SCHEMES.contains(&scheme) {
        let reason = "is a URL, but not of PostgreSQL";
        let help = if scheme.starts_with("postgres") {
            "the scheme has no driver in it: postgres://user@host:5432/database"
        } else {
            HELP
        };
        return Err(InvalidLocation { help, ..InvalidLocation::new(reason) });
    }
    if rest.matches('@').count() > 1 {
        // Else what follows the first one would be taken for the host or an option, and shown.
        let help = "an `@` that does not stand before the host is written `%40`";
        return Err(InvalidLocation { help, ..InvalidLocation::new("is a URL with more than one `@`") });
    }
    let mut config: postgres::Config =
        format!("{scheme}://{rest}").parse().map_err(|error: postgres::Error| {
            InvalidLocation::new(format!("is not a PostgreSQL URL: {}", root_cause(&error)))
        })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    // The driver would go on without encryption where a server, or somebody on the way to it, says that there is none.
    let parameters = rest.split_once('?').map_or("", |(_, parameters)| parameters);
    let says_how = parameters.split('&').any(|parameter| parameter.starts_with("sslmode="));
    if !says_how && !stays_here(&config) {
        config.ssl_mode(SslMode::Require);
    }
    Ok(Location::Postgres(Box::new(config)))
}

/// Whether what is said to this server does not leave the machine.
fn stays_here(config: &postgres::Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Tcp(host) => {
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    // An address goes before the name that stands for it.
    config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Whether this is how other programs name a database on a server: `user:password@host`, `postgres:…`, `host=… password=…` and
/// `…?password=…`, whatever slashes are left of a scheme that was lost, or of one that has lost its colon.
fn names_a_server(text: &str) -> bool {
    let rest = text.trim_start_matches('/');
    let behind = |scheme: &&str| starts_with(rest, scheme).then(|| &rest[scheme.len()..]);
    let behind_scheme = SCHEMES.iter().find_map(behind);
    let is_scheme = behind_scheme.is_some_and(|behind| behind.starts_with(':') || behind.starts_with("//"));
    let behind_slash = behind_scheme.and_then(|behind| behind.strip_prefix('/'));
    // A password may hold slashes itself, and what stands before the two of a scheme may be anything.
    let behind_two = text.match_indices("//").map(|(at, slashes)| &text[at + slashes.len()..]);
    let has_password =
        || text.split('/').chain([rest]).chain(behind_slash).chain(behind_two.clone()).any(has_password);
    let is_at_host =
        text.starts_with("//") && rest.split('/').next().is_some_and(|first| first.contains('@'));
    let is_parameter = |word: &str| PARAMETERS.iter().any(|key| starts_with(word, key));
    let mut words = rest.split(|sign: char| sign.is_whitespace() || matches!(sign, '?' | '&' | ';'));
    is_scheme || is_at_host || has_password() || words.any(is_parameter)
}

/// Whether a text is like `user:password@host`, and not like `C:\data\a@b.db`.
fn has_password(text: &str) -> bool {
    let is_drive = |user: &str, rest: &str| user.chars().count() == 1 && rest.starts_with(['/', '\\']);
    let is_user = |user: &str, rest: &str| !user.contains(['/', '\\']) && !is_drive(user, rest);
    text.split_once(':').is_some_and(|(user, rest)| is_user(user, rest) && rest.contains('@'))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
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
            write!(formatter, "{}@", plain(user))?;
        }
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp(host) => write!(formatter, "{comma}{}", plain(host))?,
                #[cfg(unix)]
                Host::Unix(path) => write!(formatter, "{comma}{}", path.display())?,
            }
            if let Some(port) = config.get_ports().get(index).filter(|port| **port != DEFAULT_PORT) {
                write!(formatter, ":{port}")?;
            }
        }
        write!(formatter, "/{}", plain(config.get_dbname().unwrap_or_default()))
    }
}

/// A part of a URL as it is shown. One with signs that no host has may be a piece of a password that was not written as it must be.
fn plain(part: &str) -> &str {
    let is_plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '-' | '_' | '.' | ':');
    if part.chars().all(is_plain) { part } else { "…" }
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
    fn what_would_be_a_file_named_like_a_server_is_refused_without_its_password() {
        let said = |text: &str| match Location::parse(text) {
            Err(error) => format!("{text:?}: {}\n  {}\n", error.about("`--store`"), error.help()),
            Ok(location) => panic!("{text} is {location}"),
        };
        let refused = [
            "",
            " \t\n",
            "postgresql+asyncpg://app:s3cret@db.internal/prod",
            "mysql://app:s3cret@db/prod",
            "MySQL://app:s3cret@db/prod",
            "sqlite:///data/e.db",
            "sqlite:data/e.db",
            "file:data/e.db?mode=memory",
            ":memory:",
            "postgres:app:s3cret@db/prod",
            "postgresql:/app:s3cret@db/prod",
            "postgresql//app:s3cret@db/prod",
            "postgres//app@db/prod",
            "PostgreSQL/app:s3/cret@db/prod",
            "postgres/app:s3cret@db/prod",
            "../app:s3cret@db/prod",
            "postgresql=//u:s3/cret@h/prod",
            "pg//u:s3/cret@h",
            "//app:s3cret@db/prod",
            "//a:s3/cret@db/prod",
            "/u:s3cret@h/x",
            "///app:s3cret@db/prod",
            "//:s3cret@db/prod",
            "a:s3cret@db/prod",
            "//app@db/prod",
            "//app@db/prod?password=s3cret",
            "//db/prod?user=app&password=s3cret",
            "/db/prod?sslmode=require&password=s3cret",
            "db/prod?password=s3cret",
            "Server=db;User=app;Password=s3cret",
            "app:s3cret@tcp(db)/prod",
            "app:s3/cret@db/prod",
            "host=db user=app password=s3cret",
            "postgres://app:s3@cret@db/prod",
            "postgres://app:s3cret@db:port/prod",
            "postgres://app@db/prod?pasword=s3cret",
        ];
        let shown = refused.map(said).concat();
        let without_texts: String =
            shown.lines().filter(|line| !line.starts_with('"')).collect::<Vec<_>>().join("\n");
        assert!(!without_texts.contains("s3cret"), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn a_scheme_may_be_in_capitals_and_what_surrounds_a_url_is_no_part_of_it() {
        for text in ["POSTGRES://app:s3cret@db/prod", " postgres://app@db/prod", "PostgreSQL://app@db/prod\n"]
        {
            assert_eq!(Location::parse(text).unwrap().to_string(), "postgres://app@db/prod", "{text:?}");
        }
        let hosts = Location::parse("postgres://app@one:6432,two/prod").unwrap();
        assert_eq!(hosts.to_string(), "postgres://app@one:6432,two/prod");
        for path in [
            "data/e.db",
            "e.db",
            "./a@b.db",
            "C:\\data\\a@b.db",
            "user.db",
            " e.db",
            "data/10:30.db",
            "prod@eu.db",
            "//data/e.db",
            "//data/10:30.db",
            "//data/a@b.db",
            "/data/10:30/a@b.db",
            "/C:/data/a@b.db",
            "C:data.db",
            "postgres/e.db",
            "postgresql/10:30.db",
            "postgres.d//a@b.db",
            "data/e.db?v=1&w=2",
        ] {
            assert!(
                matches!(Location::parse(path), Ok(Location::Sqlite(of)) if of == Path::new(path)),
                "{path}"
            );
        }
    }

    #[test]
    fn whoever_could_do_without_a_server_waits_no_longer_than_asked() {
        let patience = |text: &str| match Location::parse(text).unwrap().within(Duration::from_secs(2)) {
            Location::Postgres(config) => config.get_connect_timeout().copied(),
            Location::Sqlite(path) => panic!("{path:?}"),
        };
        assert_eq!(patience("postgres://db/x"), Some(Duration::from_secs(2)));
        assert_eq!(patience("postgres://db/x?connect_timeout=30"), Some(Duration::from_secs(2)));
        assert_eq!(patience("postgres://db/x?connect_timeout=1"), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_piece_of_a_password_that_was_not_written_as_it_must_be_is_not_shown() {
        let location = Location::parse("postgres://db?user=a@b&password=s3cret").unwrap();
        assert!(!location.to_string().contains("s3cret"), "{location}");
    }

    proptest::proptest! {
        /// Whatever a password is made of, it is in no message and no path.
        #[test]
        fn a_password_is_in_no_message(
            scheme in "(postgres|POSTGRESQL):?|[a-zA-Z][a-zA-Z+]{1,8}:",
            slashes in "/{0,3}",
            password in "[a-z%@:/?#&= ]{0,6}S3CRET[a-z%@:/?#&= ]{0,6}",
            space in "[ \t\n]{0,2}",
        ) {
            let text = format!("{space}{scheme}{slashes}app:{password}@db.internal/prod");
            match Location::parse(&text) {
                Ok(location) => proptest::prop_assert!(!format!("{location} {location:?}").contains("S3CRET"), "{location}"),
                Err(error) => proptest::prop_assert!(!error.to_string().contains("S3CRET"), "{error}"),
            }
        }
    }

    proptest::proptest! {
        /// The same where the scheme is lost on the way.
        #[test]
        fn a_password_is_in_no_message_without_a_scheme(
            slashes in "/{0,3}",
            // A single letter is a drive.
            user in "([a-z]{2,4})?",
            password in "[a-z%@:/?#&= ]{0,6}S3CRET[a-z%:/?#= ]{0,6}",
            by_parameter in proptest::bool::ANY,
        ) {
            let text = if by_parameter {
                format!("{slashes}db.internal/prod?user={user}&password={password}")
            } else {
                format!("{slashes}{user}:{password}@db.internal/prod")
            };
            match Location::parse(&text) {
                Ok(location) => proptest::prop_assert!(!format!("{location} {location:?}").contains("S3CRET"), "{location}"),
                Err(error) => proptest::prop_assert!(!error.to_string().contains("S3CRET"), "{error}"),
            }
        }
    }

    #[test]
    fn what_goes_to_another_machine_goes_encrypted_unless_the_url_says_otherwise() {
        use postgres::config::SslMode::{Disable, Prefer, Require};
        for (url, mode) in [
            ("postgres://app:s3cret@db.internal/prod", Require),
            ("postgres://app:s3cret@10.0.0.7/prod?connect_timeout=3", Require),
            ("postgres://localhost,db.internal/prod", Require),
            ("postgres:///prod?host=localhost&hostaddr=10.0.0.7", Require),
            ("postgres://localhost/prod", Prefer),
            ("postgres://127.0.0.1/prod", Prefer),
            ("postgres://[::1]/prod", Prefer),
            ("postgres://app@%2Fvar%2Frun%2Fpostgresql/prod", Prefer),
            ("postgres://db.internal/prod?sslmode=prefer", Prefer),
            ("postgres://db.internal/prod?sslmode=disable", Disable),
            ("postgres://localhost/prod?connect_timeout=3&sslmode=require", Require),
        ] {
            let Ok(Location::Postgres(config)) = Location::parse(url) else { panic!("{url}") };
            assert_eq!(config.get_ssl_mode(), mode, "{url}");
        }
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
