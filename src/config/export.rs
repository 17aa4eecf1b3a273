//! The checked configuration of `export` and of the commands that look at a spool. They read flags and variables, and no
//! file.

use std::path::{Path, PathBuf};

use super::ends;
use super::env::Env;
use super::error::ConfigError;
use super::job::{self, Start, Stop};
use super::layers::Settings;
use super::range;
use super::table::EXPORT;
use crate::cli::export::ExportArgs;
use crate::cli::spool::SpoolCommand;
use crate::model::filter::Filter;
use crate::model::time::Timestamp;
use crate::spool::place::Surroundings;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Line protocol, nanoseconds.
    Line,
    /// Annotated CSV as `influx write` reads it.
    Csv,
}

/// Where an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
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
    pub format: Format,
    /// Where it goes.
    pub target: Target,
    /// Compressed.
    pub gzip: bool,
    /// First time.
    pub start: Start,
    /// First time that is left out.
    pub stop: Stop,
    /// What of the spool.
    pub filter: Filter,
    /// A JSON line instead of the screen.
    pub json: bool,
    /// Sentences for the user: variables that were ignored.
    pub notices: Vec<String>,
}

impl ExportConfig {
    /// Checks flags and variables. Relative times count back from `now`.
    pub fn new(args: &ExportArgs, env: &Env, now: Timestamp) -> Result<Self, ConfigError> {
        let settings = Settings::new(args.typed(), EXPORT, env, Vec::new());
        let (start, stop) = range::range_counted(&settings, now)?;
        let target = match args.output.as_str() {
            "-" => Target::Stdout,
            path => Target::File(PathBuf::from(path)),
        };
        let format = ends::needed(&settings, "format")?;
        Ok(Self {
            place: args.place.clone(),
            surroundings: env.surroundings(),
            format: match format.text() {
                "lp" => Format::Line,
                "csv" => Format::Csv,
                _ => return Err(format.wrong("lp or csv")),
            },
            gzip: settings.switch("gzip")?
                || Path::new(&args.output).extension().is_some_and(|end| end == "gz"),
            target,
            start,
            stop,
            filter: job::filter(&settings)?,
            json: settings.switch("json")?,
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
    /// Sentences for the user: variables that were ignored.
    pub notices: Vec<String>,
}

impl PlaceConfig {
    /// Checks flags and variables.
    pub fn new(command: &SpoolCommand, env: &Env) -> Result<Self, ConfigError> {
        let settings = Settings::new(command.typed(), &[], env, Vec::new());
        let writes = matches!(command, SpoolCommand::Compact(_));
        Ok(Self {
            place: command.place().place.clone(),
            surroundings: env.surroundings(),
            adopt: writes && settings.switch("adopt")?,
            json: settings.switch("json")?,
            notices: env.unknown(),
        })
    }
}
