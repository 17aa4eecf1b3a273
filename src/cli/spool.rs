//! The flags of the commands that look at a spool.

use clap::{Subcommand, ValueEnum, ValueHint};

use super::flags::{Flags, Takes};
use super::help::TEMPLATE;
use super::place::read_place;
use crate::config::env::Env;
use crate::config::error::ConfigError;
use crate::config::export::PlaceConfig;
use crate::config::flag::FlagGroup;
use crate::config::table::{ADOPT, JSON, QUIET};

const VERIFY_EXAMPLES: &str = "\
Examples:
  sluice spool verify /data/stage
  sluice spool verify /data/stage --json

Reads every byte, decodes every value, and holds both against the manifest and
the records of the batches. Names what is damaged, missing or foreign; exit
code 13 if anything is.";

const DESCRIBE_EXAMPLES: &str = "\
Examples:
  sluice spool describe /data/stage
  sluice spool describe /data/stage --json
  sluice spool describe /data/stage --sql duckdb > stage.sql

Reads the manifest and the columns of each file, no values.";

const COMPACT_EXAMPLES: &str = "\
Examples:
  sluice spool compact /data/stage

Merges the small files of each measurement and month into files of 64 to 512
MiB. Can be stopped and repeated at any time; no run may write to the spool
meanwhile.";

/// What a spool is asked.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum SpoolCommand {
    /// Prove that a spool holds what was staged; changes nothing
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = VERIFY_EXAMPLES)]
    Verify(PlaceArgs),
    /// Tell what a spool holds, or how other engines read it
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = DESCRIBE_EXAMPLES, mut_arg("quiet", |quiet| quiet.hide(true)))]
    Describe(DescribeArgs),
    /// Merge the small files of a spool
    #[command(help_template = TEMPLATE, next_line_help = true, before_help = COMPACT_EXAMPLES)]
    Compact(CompactArgs),
}

impl SpoolCommand {
    /// Which spool, and how it is told.
    pub fn place(&self) -> &PlaceArgs {
        match self {
            Self::Verify(place) => place,
            Self::Compact(compact) => &compact.place,
            Self::Describe(describe) => &describe.place,
        }
    }

    /// Checks the flags. `--sql` is no setting: it says what is asked.
    pub fn config(&self, env: &Env) -> Result<PlaceConfig, ConfigError> {
        let mut typed = self.place().flags.typed();
        let compact = if let Self::Compact(compact) = self { Some(compact) } else { None };
        typed.extend(compact.iter().flat_map(|compact| compact.flags.typed()));
        PlaceConfig::new(typed, &self.place().place, compact.is_some(), env)
    }
}

/// A spool, and how it is told.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct PlaceArgs {
    /// Folder of the spool
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::AnyPath, value_parser = read_place)]
    pub place: String,
    /// How it is told.
    #[command(flatten)]
    pub flags: Flags<TakesPlace>,
}

/// The flags of `spool compact`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CompactArgs {
    /// Which spool.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// What may be done.
    #[command(flatten)]
    pub flags: Flags<TakesCompact>,
}

/// The flags of `spool describe`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DescribeArgs {
    /// Which spool.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Print how this engine reads the folder: duckdb, polars, pandas, pyarrow, datafusion, spark or trino
    #[arg(
        long,
        value_name = "ENGINE",
        value_enum,
        hide_possible_values = true,
        conflicts_with = "json"
    )]
    pub sql: Option<EngineWord>,
}

/// An engine that reads Parquet, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum EngineWord {
    /// SQL of DuckDB.
    DuckDb,
    /// Python with Polars.
    Polars,
    /// Python with pandas.
    Pandas,
    /// Python with pyarrow.
    PyArrow,
    /// SQL of DataFusion.
    DataFusion,
    /// SQL of Spark.
    Spark,
    /// SQL of Trino's Hive connector.
    Trino,
}

/// A command that takes a spool.
#[derive(Debug)]
pub enum TakesPlace {}

impl Takes for TakesPlace {
    const GROUPS: &'static [FlagGroup] = &[FlagGroup::of(&[
        JSON.flag,
        QUIET.flag.told("Print warnings, errors and the headline only"),
    ])];
}

/// A command that writes to a spool.
#[derive(Debug)]
pub enum TakesCompact {}

impl Takes for TakesCompact {
    const GROUPS: &'static [FlagGroup] = &[FlagGroup::of(&[ADOPT
        .flag
        .told("Take over a spool in an object store that a dead run holds")])];
}
