//! How a run without an error ended: the first words of its summary, and the name of them for programs.

use std::fmt;

use crate::model::time::Timestamp;
use crate::pipeline::event::StopReason;
use crate::report::read_back::ReadBack;
use crate::report::state::{RunState, SinkKind};
use crate::report::summary_input::SummaryInput;

/// The ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// All is at the destination, and was read back.
    Verified,
    /// All is at the destination.
    Copied,
    /// All of a spool whose staging has not come to its end.
    StagedSoFar,
    /// All is in the spool.
    Staged,
    /// All was there before this run.
    Complete,
    /// An earlier run has copied up to here, and nothing has come since.
    NothingNew(Timestamp),
    /// The job's range holds no value.
    NothingToCopy,
    /// The source holds another number of values than was read.
    Changed,
    /// The destination holds another number of values than it acknowledged.
    Different,
    /// Ended early, on request.
    Stopped(StopReason),
}

impl RunEnd {
    /// One of each, for the page that lists them.
    pub const ALL: [Self; 13] = [
        Self::Verified,
        Self::Copied,
        Self::StagedSoFar,
        Self::Staged,
        Self::Complete,
        Self::NothingNew(Timestamp::EPOCH),
        Self::NothingToCopy,
        Self::Changed,
        Self::Different,
        Self::Stopped(StopReason::ByteBudget),
        Self::Stopped(StopReason::TimeBudget),
        Self::Stopped(StopReason::Interrupted),
        Self::Stopped(StopReason::Terminated),
    ];

    /// How a run ended.
    pub fn of(input: &SummaryInput, state: &RunState) -> Self {
        let outcome = &input.outcome;
        let read_back = input.read_back.as_ref();
        let resumed = state.planned.as_ref().map_or(outcome.job.start, |planned| planned.resume);
        let is_idle = outcome.values == 0 && outcome.expired == 0 && outcome.changed.is_empty();
        match outcome.stopped {
            Some(reason) => Self::Stopped(reason),
            None if !outcome.closing.destination.is_empty()
                || read_back.is_some_and(ReadBack::is_different) =>
            {
                Self::Different
            }
            None if !outcome.closing.source.is_empty() => Self::Changed,
            None if outcome.lacking.staged.is_some() => Self::StagedSoFar,
            None if outcome.job.is_empty() => Self::NothingToCopy,
            None if outcome.batches == 0 => Self::Complete,
            None if is_idle && resumed > outcome.job.start => Self::NothingNew(resumed),
            None if is_idle => Self::NothingToCopy,
            None if state.header.sink == SinkKind::Spool => Self::Staged,
            None if read_back.is_some_and(ReadBack::is_equal) => Self::Verified,
            None => Self::Copied,
        }
    }

    /// True if there was nothing to move.
    pub fn is_idle(self) -> bool {
        matches!(self, Self::Complete | Self::NothingNew(_) | Self::NothingToCopy)
    }

    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            // What was read back besides is a field of its own.
            Self::Verified | Self::Copied => "copied",
            Self::StagedSoFar => "staged_so_far",
            Self::Staged => "staged",
            Self::Complete => "complete",
            Self::NothingNew(_) => "nothing_new",
            Self::NothingToCopy => "nothing_to_copy",
            Self::Changed => "changed",
            Self::Different => "different",
            Self::Stopped(reason) => stop_word(reason),
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped(StopReason::ByteBudget) => "STOPPED: byte budget used (--max-transfer)",
            Self::Stopped(StopReason::TimeBudget) => "STOPPED: time budget used (--max-duration)",
            Self::Stopped(StopReason::Interrupted) => "STOPPED by SIGINT",
            Self::Stopped(StopReason::Terminated) => "STOPPED by SIGTERM",
            Self::Different => "DIFFERENT AT THE DESTINATION",
            Self::Changed => "COPIED, but the source has changed since",
            Self::Complete => "Migration is complete.",
            Self::NothingNew(since) => return write!(f, "NOTHING NEW since {since}"),
            Self::NothingToCopy => "NOTHING TO COPY",
            Self::StagedSoFar => "COPIED WHAT IS STAGED SO FAR",
            Self::Staged => "STAGED",
            Self::Verified => "COPIED AND VERIFIED",
            Self::Copied => "COPIED, NOT YET VERIFIED",
        })
    }
}

/// The name of a reason for programs.
pub(crate) fn stop_word(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ByteBudget => "byte_budget",
        StopReason::TimeBudget => "time_budget",
        StopReason::Interrupted => "sigint",
        StopReason::Terminated => "sigterm",
    }
}
