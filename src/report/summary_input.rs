//! What the closing summary of a run is made of.

use crate::pipeline::RunOutcome;
use crate::report::read_back::ReadBack;

/// What the summary of a run without failure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryInput {
    /// How the run ended.
    pub outcome: RunOutcome,
    /// `org/bucket`.
    pub source: String,
    /// `org@host:port/bucket`.
    pub destination: String,
    /// Length of the run.
    pub elapsed_ms: u64,
    /// The exit code of the process.
    pub exit: u8,
    /// The rejects file, if it holds anything.
    pub rejects: Option<String>,
    /// The command to run next, whole.
    pub next: Option<String>,
    /// What another run after a whole one does, if that is known.
    pub later: Option<&'static str>,
    /// What was read back, if anything was.
    pub read_back: Option<ReadBack>,
}
