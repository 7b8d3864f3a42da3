//! `promptassay cache`: what is in the cache of replies, and taking it out.

use std::time::Duration;

use clap::{Args, Subcommand};
use promptassay_evaluator::cache::{CacheStats, clear, collect_garbage, stats};
use promptassay_registry::problem::Problem;

use super::Context;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  promptassay cache stats
  promptassay cache gc --max-age 14d
  promptassay cache clear

The cache is `.promptassay/cache` in the repository's root. `eval` pays for a question once: the same request to the same model, repeat by repeat, is answered from there until it is taken out.";

/// Look after the replies that were paid for once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CacheArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Count the replies.
    Stats,
    /// Remove all replies.
    Clear,
    /// Remove replies that are old, and what cannot be read.
    Gc {
        /// Replies that are older go.
        #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30d")]
        max_age: Duration,
    },
}

pub(crate) fn run(arguments: &CacheArguments, context: &Context<'_>) -> Result<Exit, Failure> {
    let directory = context.cache_directory()?;
    let (what, result) = match arguments.action {
        Action::Stats => ("", stats(&directory)),
        Action::Clear => ("removed ", clear(&directory)),
        Action::Gc { max_age } => {
            ("removed ", collect_garbage(&directory, max_age, context.environment.now()))
        }
    };
    let stats = result.map_err(|error| {
        let message = format!("the cache in `{}`: {error}", directory.display());
        Failure::broken(Problem::error("cache::unusable", message))
    })?;
    context.answer(|| format!("{what}{}\n", in_words(&stats)), &stats)
}

fn in_words(stats: &CacheStats) -> String {
    let replies =
        if stats.entries == 1 { "1 reply".to_owned() } else { format!("{} replies", stats.entries) };
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    let period = match (stats.oldest.map(day), stats.newest.map(day)) {
        (Some(oldest), Some(newest)) if oldest == newest => format!(", from {oldest}"),
        (Some(oldest), Some(newest)) => format!(", from {oldest} to {newest}"),
        _ => String::new(),
    };
    let unreadable = match stats.unreadable {
        0 => String::new(),
        count => format!("; {count} of them cannot be read"),
    };
    format!("{replies}, {}{period}{unreadable}", size(stats.bytes))
}

fn size(bytes: u64) -> String {
    const UNIT: f64 = 1000.0;
    let bytes = bytes as f64;
    if bytes < UNIT {
        format!("{bytes} B")
    } else if bytes < UNIT * UNIT {
        format!("{:.1} kB", bytes / UNIT)
    } else {
        format!("{:.1} MB", bytes / UNIT / UNIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_units() {
        let at = |day: u32| Some(format!("2026-11-{day:02}T10:00:00Z").parse().unwrap());
        let full = CacheStats { entries: 12, bytes: 34_567, unreadable: 1, oldest: at(1), newest: at(23) };
        insta::assert_snapshot!(in_words(&full), @"12 replies, 34.6 kB, from 2026-11-01 to 2026-11-23; 1 of them cannot be read");
        let one = CacheStats { entries: 1, bytes: 999, unreadable: 0, oldest: at(1), newest: at(1) };
        insta::assert_snapshot!(in_words(&one), @"1 reply, 999 B, from 2026-11-01");
        insta::assert_snapshot!(in_words(&CacheStats::default()), @"0 replies, 0 B");
    }
}
