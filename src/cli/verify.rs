//! The flags of `verify`.

use super::flags::{Flags, Takes};
use super::job::JobArgs;
use crate::config::flag::{FlagGroup, FlagOf, Typed};
use crate::config::table::EVIDENCE;

/// What is compared, and the flags of the job, so that the same line works with either word.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct VerifyArgs {
    /// What is compared.
    #[command(flatten)]
    pub evidence: Flags<TakesEvidence>,
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
}

impl VerifyArgs {
    /// Each flag that was typed, with its values.
    pub fn typed(&self) -> Vec<Typed> {
        [self.evidence.typed(), self.job.typed()].concat()
    }

    /// True for a switch of the job that was typed.
    pub fn is_on(&self, switch: FlagOf<bool>) -> bool {
        self.job.is_on(switch)
    }
}

/// A command that compares the ends of a job.
#[derive(Debug)]
pub enum TakesEvidence {}

impl Takes for TakesEvidence {
    const GROUPS: &'static [FlagGroup] = &[EVIDENCE];
}
