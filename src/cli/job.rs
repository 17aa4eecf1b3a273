//! The flags of `migrate`, `preflight` and `plan`.

use super::flags::{Flags, Takes};
use crate::config::flag::FlagGroup;
use crate::config::table::OF_JOB;

/// All of a job.
pub type JobArgs = Flags<TakesJob>;

/// A command that takes a job.
#[derive(Debug)]
pub enum TakesJob {}

impl Takes for TakesJob {
    const GROUPS: &'static [FlagGroup] = OF_JOB;
}
