//! Where output goes: data to standard output, everything else to standard error. A reader that went away is no error.

use std::io::{self, BufReader, Read, Write as _};

use promptassay_evaluator::plan::Remark;
use promptassay_registry::problem::Problem;

use crate::arguments::{ColorChoice, GlobalArguments, OutputFormat};
use crate::environment::Environment;
use crate::problems;

/// The two streams and how they look.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent answers to independent questions")]
pub(crate) struct Console {
    /// Whether standard output shows colours.
    pub(crate) color: bool,
    /// Whether standard error shows colours.
    pub(crate) error_color: bool,
    /// Whether hints and progress are left out.
    pub(crate) quiet: bool,
    /// Whether a program reads: problems are then lines of JSON, and nothing else goes to standard error.
    pub(crate) json: bool,
    /// How much more than usual is shown.
    pub(crate) verbosity: u8,
    /// Whether standard error is a terminal, so that a progress bar makes sense there.
    pub(crate) live: bool,
}

impl Console {
    pub(crate) fn new(arguments: &GlobalArguments, environment: &Environment) -> Self {
        let color = |is_terminal: bool| match arguments.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !environment.no_color,
        };
        Self {
            color: color(environment.stdout_is_terminal),
            error_color: color(environment.stderr_is_terminal),
            quiet: arguments.quiet,
            json: arguments.output_format() == OutputFormat::Json,
            verbosity: arguments.verbose,
            live: environment.stderr_is_terminal && !arguments.quiet,
        }
    }

    /// Data, byte for byte. A closed pipe ends the output quietly; any other failure to write is the caller's problem.
    #[expect(clippy::unused_self, reason = "standard output belongs to whoever was given the console")]
    pub(crate) fn data(self, source: &mut dyn Read) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        // Reports may be large, and copying hands on what one read gives.
        let mut source = BufReader::with_capacity(64 << 10, source);
        match io::copy(&mut source, &mut stdout).and_then(|_| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// A remark; left out when quiet, and where a program reads.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Problems, drawn with an empty line between two, those that are alike at several places once; as a line of JSON each where a program reads. Warnings are left out when
    /// quiet, but not what a change does to its own gate: whoever wants no noise still has to see why a green gate says less.
    pub(crate) fn problems(self, problems: &[Problem]) {
        let mut stderr = io::stderr().lock();
        let shown =
            problems.iter().filter(|problem| problem.is_error() || !self.quiet || Remark::is_one(problem));
        if self.json {
            for line in shown.filter_map(|problem| serde_json::to_string(problem).ok()) {
                let _ = writeln!(stderr, "{line}");
            }
            return;
        }
        for (index, alike) in problems::alike(shown).iter().enumerate() {
            let gap = if index > 0 { "\n" } else { "" };
            let _ = writeln!(stderr, "{gap}{}", problems::draw_alike(alike, self.error_color));
        }
    }
}
