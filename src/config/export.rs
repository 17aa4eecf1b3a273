//! The checked configuration of `export` and of the commands that look at a spool. They read flags and variables, and no
//! file.

use std::path::{Path, PathBuf};

use super::env::Env;
use super::error::ConfigError;
use super::flag::Typed;
use super::layers::Layers;
use super::range::{RangeStart, RangeStop};
use super::scope;
use super::table::{ADOPT, FORMAT, GZIP, JSON, QUIET};
use super::values::ExportFormat;
use crate::model::filter::Filter;
use crate::model::time::Timestamp;
use crate::spool::place::Surroundings;

/// Where an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportTarget {
    /// Standard output; what is told goes to stderr.
    Stdout,
    /// A file that is not there yet.
    File(PathBuf),
}

/// What is exported, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportConfig {
    /// The spool, as typed.
    pub place: String,
    /// What else its store needs.
    pub surroundings: Surroundings,
    /// The form.
    pub format: ExportFormat,
    /// Where it goes.
    pub target: ExportTarget,
    /// Compressed.
    pub gzip: bool,
    /// First time.
    pub start: RangeStart,
    /// First time that is left out.
    pub stop: RangeStop,
    /// What of the spool.
    pub filter: Filter,
    /// A JSON line instead of the screen.
    pub json: bool,
    /// Warnings, errors and the headline only.
    pub quiet: bool,
    /// Sentences for the user: variables that were ignored.
    pub notices: Vec<String>,
}

impl ExportConfig {
    /// Checks flags and variables, for the spool at `place` and a file named `output`. Relative times count back from `now`.
    pub fn new(
        typed: Vec<Typed>,
        (place, output): (&str, &str),
        env: &Env,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let layers = Layers::new(typed, env);
        let (start, stop) = scope::range_counted(&layers, now)?;
        let target = match output {
            "-" => ExportTarget::Stdout,
            path => ExportTarget::File(PathBuf::from(path)),
        };
        Ok(Self {
            place: place.to_owned(),
            surroundings: env.surroundings(),
            format: layers.needed(FORMAT)?,
            gzip: layers.get(GZIP)? || Path::new(output).extension().is_some_and(|end| end == "gz"),
            target,
            start,
            stop,
            filter: scope::read_filter(&layers)?,
            json: layers.get(JSON)?,
            quiet: layers.get(QUIET)?,
            notices: env.unknown(),
        })
    }
}

/// A spool that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceConfig {
    /// As typed.
    pub place: String,
    /// What else its store needs.
    pub surroundings: Surroundings,
    /// Take it over if another run holds it: for the command that writes.
    pub adopt: bool,
    /// A JSON line instead of the screen.
    pub json: bool,
    /// Warnings, errors and the headline only.
    pub quiet: bool,
    /// Sentences for the user: variables that were ignored.
    pub notices: Vec<String>,
}

impl PlaceConfig {
    /// Checks flags and variables, for the spool at `place` and a command that writes to it or not.
    pub fn new(
        typed: Vec<Typed>,
        place: &str,
        writes: bool,
        env: &Env,
    ) -> Result<Self, ConfigError> {
        let layers = Layers::new(typed, env);
        Ok(Self {
            place: place.to_owned(),
            surroundings: env.surroundings(),
            adopt: writes && layers.get(ADOPT)?,
            json: layers.get(JSON)?,
            quiet: layers.get(QUIET)?,
            notices: env.unknown(),
        })
    }
}
