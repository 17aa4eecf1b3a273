//! The flags of `bench`.

use clap::ValueHint;

use super::flags::{Flags, Takes};
use super::job::JobArgs;
use crate::config::flag::{FlagGroup, Typed};
use crate::config::table::{SIMULATION, TRIALS};

/// The flags of a job, and what is tried.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct BenchArgs {
    /// What is tried.
    #[command(flatten)]
    pub trials: Flags<TakesTrials>,
    /// Show two recorded benches side by side, and run none
    #[arg(long, help_heading = "Trials", value_names = ["FIRST", "SECOND"], num_args = 2, value_hint = ValueHint::FilePath)]
    pub compare: Vec<String>,
    /// Compute a source instead of asking one
    #[arg(long, help_heading = "Simulation")]
    pub simulate: bool,
    /// What is computed.
    #[command(flatten)]
    pub simulation: Flags<TakesSimulation>,
    /// The job.
    #[command(flatten)]
    pub job: JobArgs,
}

impl BenchArgs {
    /// Each flag that was typed, with its values. `--compare` and `--simulate` are none: they say what is done.
    pub fn typed(&self) -> Vec<Typed> {
        [self.trials.typed(), self.simulation.typed(), self.job.typed()].concat()
    }
}

/// A command that takes trials.
#[derive(Debug)]
pub enum TakesTrials {}

impl Takes for TakesTrials {
    const GROUPS: &'static [FlagGroup] = &[TRIALS];
}

/// A command that takes a source to compute.
#[derive(Debug)]
pub enum TakesSimulation {}

impl Takes for TakesSimulation {
    const GROUPS: &'static [FlagGroup] = &[SIMULATION];
}
