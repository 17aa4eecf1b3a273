//! A spool that was named, opened, and what a look at it gives.

use crate::commands::error::Error;
use crate::config::export::PlaceConfig;
use crate::report::stream::print_exact;
use crate::spool;
use crate::spool::storage::Storage;
use crate::spool::stored::Stored;

pub(super) fn storage(config: &PlaceConfig) -> Result<Storage, Error> {
    Ok(spool::place::storage(&config.place, &config.surroundings).map_err(Box::new)?)
}

pub(super) fn open(config: &PlaceConfig) -> Result<Stored, Error> {
    Ok(Stored::open(&storage(config)?).map_err(Box::new)?)
}

/// The result: its screen, laid out for stdout, or one JSON line.
pub(super) fn show(json: bool, line: impl FnOnce() -> String, lines: impl FnOnce() -> Vec<String>) {
    if json {
        print_exact(line());
    } else {
        lines().iter().for_each(print_exact);
    }
}

/// The whole screen, or its headline.
pub(super) fn told(config: &PlaceConfig, mut lines: Vec<String>) -> Vec<String> {
    if config.quiet {
        lines.truncate(1);
    }
    lines
}
