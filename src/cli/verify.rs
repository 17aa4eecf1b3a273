//! The flags of `verify`.

use std::path::PathBuf;

use clap::ValueHint;

use super::flags::{Flags, Takes};
use super::job::JobArgs;
use crate::config::flag::{Flag, FlagGroup, FlagOf, Typed};
use crate::config::table::{COLOR, EVIDENCE, JSON, QUIET, SPOOL};

/// What is compared, and the flags of the job, so that the same line works with either word.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct VerifyArgs {
    /// What is compared.
    #[command(flatten)]
    pub evidence: Flags<TakesEvidence>,
    /// Check a receipt, with --spool against a spool; ask no server
    #[arg(long, help_heading = "Comparison", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub receipt_check: Option<PathBuf>,
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
}

impl VerifyArgs {
    /// Each flag that was typed, with its values. `--receipt-check` is none: it says what is done.
    pub fn typed(&self) -> Vec<Typed> {
        [self.evidence.typed(), self.job.typed()].concat()
    }

    /// True for a switch of the job that was typed.
    pub fn is_on(&self, switch: FlagOf<bool>) -> bool {
        self.job.is_on(switch)
    }
}

/// What goes with `--receipt-check`.
pub(super) const OF_RECEIPT: [Flag; 4] = [SPOOL.flag, JSON.flag, QUIET.flag, COLOR.flag];

/// A command that compares the ends of a job.
#[derive(Debug)]
pub enum TakesEvidence {}

impl Takes for TakesEvidence {
    const GROUPS: &'static [FlagGroup] = &[EVIDENCE];
}
