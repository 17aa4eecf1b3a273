//! The flags of `export`.

use clap::ValueHint;

use super::flags::{Flags, Takes};
use super::place::read_place;
use crate::config::env::Env;
use crate::config::error::ConfigError;
use crate::config::export::ExportConfig;
use crate::config::flag::FlagGroup;
use crate::config::table::{FORMAT, GZIP, JSON, MEASUREMENT, QUIET, START, STOP};
use crate::model::time::Timestamp;

/// The spool, what of it, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ExportArgs {
    /// Folder of the spool
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::AnyPath, value_parser = read_place)]
    pub place: String,
    /// The form.
    #[command(flatten)]
    pub form: Flags<TakesFormat>,
    /// File to write, which must not be there yet; - is stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, allow_hyphen_values = true)]
    pub output: String,
    /// What of the spool.
    #[command(flatten)]
    pub flags: Flags<TakesExport>,
}

impl ExportArgs {
    /// Checks them. `--output` is no setting: it names the one file of this run.
    pub fn config(&self, env: &Env, now: Timestamp) -> Result<ExportConfig, ConfigError> {
        let typed = [self.form.typed(), self.flags.typed()].concat();
        ExportConfig::new(typed, (&self.place, &self.output), env, now)
    }
}

/// A command that takes a format.
#[derive(Debug)]
pub enum TakesFormat {}

impl Takes for TakesFormat {
    const GROUPS: &'static [FlagGroup] = &[FlagGroup::of(&[FORMAT.flag])];
}

/// A command that takes a part of a spool.
#[derive(Debug)]
pub enum TakesExport {}

impl Takes for TakesExport {
    const GROUPS: &'static [FlagGroup] = &[FlagGroup::of(&[
        GZIP.flag,
        START.flag.told("First time to export: RFC 3339, a date, or -30d").or("all"),
        STOP.flag.told("First time not to export").or("all"),
        MEASUREMENT.flag,
        JSON.flag.told("Print the result as a JSON line"),
        QUIET.flag.told("Print warnings, errors and the headline only"),
    ])];
}
