//! What the stages tell the reporter: a closed set of events, and counters that it may look at at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::influx::signal::Signal;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;

/// Who hears of events. Called from async code: must not block.
pub(crate) type EventSink = Arc<dyn Fn(Event) + Send + Sync>;

/// One change in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The plan stands; reading begins.
    Planned(PlannedRun),
    /// A batch has been counted at the source and is being read.
    BatchOpened {
        /// Its range.
        batch: TimeRange,
        /// Values that the source counts in it.
        values: u64,
        /// Source bytes expected for it.
        bytes_predicted: u64,
    },
    /// A batch moved on.
    BatchProgress {
        /// Its range.
        batch: TimeRange,
        /// Values decoded so far.
        values_read: u64,
        /// Values acknowledged by the destination so far.
        values_written: u64,
        /// Source bytes (decoded) so far.
        bytes_read: u64,
    },
    /// How a measurement is read from now on.
    Chosen {
        /// Its name, readable.
        measurement: String,
        /// How.
        transport: Transport,
        /// Why, in words.
        reason: String,
    },
    /// An answer of values was read to its end, and they were written.
    SliceRead {
        /// The batch it belongs to.
        batch: TimeRange,
        /// Its values.
        values: u64,
        /// Its bytes, decoded.
        bytes: u64,
        /// How it was read.
        transport: Transport,
        /// From the request to its first byte.
        first_byte: Duration,
        /// From the request to its end.
        elapsed: Duration,
        /// In which it waited for its reader.
        reader_busy: Duration,
        /// From its end until all of its values were written.
        written: Duration,
    },
    /// A slice was cut in halves.
    Split {
        /// The batch it belongs to.
        batch: TimeRange,
        /// The slice's range.
        slice: TimeRange,
        /// Why, in words.
        cause: String,
    },
    /// Batches are covered by the checkpoint: one, or a stretch of empty ones.
    Committed {
        /// The range of all of them together.
        range: TimeRange,
        /// How many.
        batches: u64,
        /// Values in them.
        values: u64,
        /// Of which refused.
        rejected: u64,
    },
    /// Values went to the rejects file.
    Rejected {
        /// The batch they belong to.
        batch: TimeRange,
        /// How many.
        values: u64,
        /// Why, in words.
        reason: String,
    },
    /// The client waits, or tries again.
    Client(Signal),
    /// Something a person should know: one sentence.
    Notice(String),
    /// All is committed, and is read back.
    Verifying(VerifyProgress),
    /// A signal or a budget ends the run; open batches are drained.
    Stopping(StopReason),
}

/// What the run is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRun {
    /// The whole job, from its start to this run's stop.
    pub job: TimeRange,
    /// Where this run goes on; the job's start for a new one.
    pub resume: Timestamp,
    /// Batches of this run.
    pub batches: u64,
    /// Batch interval as Flux writes it.
    pub interval: String,
    /// Transport that reads.
    pub transport: String,
}

/// How far a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Up to where batches were begun.
    pub at: Timestamp,
    /// Batches that are done.
    pub batches: u64,
    /// Of how many.
    pub of_batches: u64,
    /// Values that were read.
    pub values: u64,
    /// Batches that differ.
    pub differing: u64,
}

/// Totals of a run, kept up to date by the stages. All are plain sums.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of the slices' answers as they came over the wire (compressed if the server compresses).
    pub slice_bytes_wire: AtomicU64,
    /// Bytes of the slices' answers after decompression.
    pub slice_bytes_decoded: AtomicU64,
    /// Requests for slices.
    pub slice_requests: AtomicU64,
    /// Bytes of all other answers of the source: look-ups, counts and checks.
    pub survey_bytes: AtomicU64,
    /// All other requests to the source.
    pub survey_requests: AtomicU64,
    /// Values decoded.
    pub values_read: AtomicU64,
    /// Lines acknowledged.
    pub lines_written: AtomicU64,
    /// Values acknowledged.
    pub values_written: AtomicU64,
    /// Values refused and kept in the rejects file.
    pub values_rejected: AtomicU64,
    /// Bytes of line protocol acknowledged.
    pub body_bytes: AtomicU64,
    /// Bodies acknowledged.
    pub bodies: AtomicU64,
    /// Requests that were tried again, both sides.
    pub retries: AtomicU64,
    /// Slices cut in halves.
    pub splits: AtomicU64,
    /// Batches committed in this run.
    pub batches_committed: AtomicU64,
    /// Values committed in this run.
    pub values_committed: AtomicU64,
}

impl Counters {
    /// Adds to one of the sums.
    pub fn add(sum: &AtomicU64, n: u64) {
        sum.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes note of what the source has answered in all; what is not of slices is of the survey.
    pub fn note_answered(&self, bytes: u64, requests: u64) {
        let rest = |all: u64, slices: &AtomicU64| all.saturating_sub(Self::get(slices));
        let bytes = rest(bytes, &self.slice_bytes_decoded);
        self.survey_bytes.store(bytes, Ordering::Relaxed);
        self.survey_requests.store(rest(requests, &self.slice_requests), Ordering::Relaxed);
    }

    /// Bytes that the source has answered, after decompression, which the quota is held against.
    pub fn source_bytes(&self) -> u64 {
        Self::get(&self.slice_bytes_decoded) + Self::get(&self.survey_bytes)
    }

    /// Reads one of the sums.
    pub fn get(sum: &AtomicU64) -> u64 {
        sum.load(Ordering::Relaxed)
    }
}

/// Why a run ends early without a failure, in rising order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopReason {
    /// `--max-transfer` is used up.
    ByteBudget,
    /// `--max-duration` is over.
    TimeBudget,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl StopReason {
    /// True if open batches have only so long to finish: who used up a byte budget is in no hurry.
    pub fn is_timed(self) -> bool {
        self != Self::ByteBudget
    }
}
