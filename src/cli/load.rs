//! The flags of `load`.

use clap::ValueHint;

use super::flags::{Flags, Takes};
use super::place::read_place;
use crate::config::flag::FlagGroup;
use crate::config::table::{
    ADOPT, BATCH_BUCKET, BATCH_INTERVAL, CONCURRENCY, CONNECTIONS, DESTINATION, MAX_DURATION,
    MEASUREMENT, OUTPUT, PAUSE_TASK, PROOF, SAFETY, START, STOP,
};

/// The spools, and what of the flags of `migrate` means something without a source.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct LoadArgs {
    /// Spools: folders, or s3://bucket/prefix, gs://..., az://...
    #[arg(required = true, value_name = "DIR|URL", value_hint = ValueHint::AnyPath, value_parser = read_place)]
    pub places: Vec<String>,
    /// The flags.
    #[command(flatten)]
    pub flags: Flags<TakesLoad>,
}

/// A command that takes a spool to a bucket.
#[derive(Debug)]
pub enum TakesLoad {}

impl Takes for TakesLoad {
    const GROUPS: &'static [FlagGroup] = &[
        DESTINATION,
        CONNECTIONS,
        FlagGroup::of(&[
            START.flag.told("First time to load: RFC 3339, a date, or -30d").or("all"),
            STOP.flag.told("First time not to load").or("all"),
            MEASUREMENT.flag,
            BATCH_INTERVAL.flag,
            BATCH_BUCKET.flag,
            ADOPT.flag.told("Take over progress that another start or filter may have written"),
            PAUSE_TASK.flag,
            CONCURRENCY.flag.told("Measurements read at one time, 1 to 16"),
            MAX_DURATION.flag,
        ])
        .under("Job"),
        SAFETY,
        PROOF,
        OUTPUT,
    ];
}
