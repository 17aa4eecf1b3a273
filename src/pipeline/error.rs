//! What can end a run, one variant per thing a reader can do about it.

use std::path::PathBuf;

use crate::checkpoint::record::RecordError;
use crate::influx;
use crate::influx::error::FailureKind;
use crate::influx::query_text::classify_query_text;
use crate::limits::{RECEIPT_BATCHES_MAX, SUMMARY_RANGES_MAX};
use crate::model::number;
use crate::model::series::Name;
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::spool;
use crate::wire::{answer, csv};

/// The reason why a run ended before its plan did.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed for good, or longer than the retries lasted.
    #[error("{what}")]
    Influx {
        /// What was attempted, with its range.
        what: String,
        /// The client's error.
        #[source]
        source: influx::error::Error,
    },
    /// As many bytes were read as may be.
    #[error("{what}: cut off, because the byte budget is used up")]
    CutOff {
        /// What was attempted, with its range.
        what: String,
    },
    /// The source's answer cannot be read.
    #[error("{what}")]
    Decode {
        /// What was attempted, with its range.
        what: String,
        /// The decoder's error.
        #[source]
        source: answer::Error,
    },
    /// The source's answer is whole, and not about what was asked for: something in between has mixed answers up.
    #[error("{what}: the answer is that to another question: {text}")]
    Misplaced {
        /// What was attempted, with its range.
        what: String,
        /// What of it was not asked for.
        text: String,
    },
    /// Another bucket has taken the name of one of the job's.
    #[error(
        "the {side} bucket {name:?} was {was} when this run began, now {}: it was renamed, or deleted and made again. Nothing of \
         the batches under way is recorded; what earlier ones hold is of {was}",
        now.as_ref().map_or_else(|| "there is none".to_owned(), |now| format!("it is {now}"))
    )]
    AnotherBucket {
        /// At which end.
        side: Side,
        /// Its name.
        name: String,
        /// Its id.
        was: String,
        /// The id that the name has now, if there is a bucket of the name.
        now: Option<String>,
    },
    /// The source refuses a statement that counts what only InfluxQL reads.
    #[error("{what}: {text}")]
    Refused {
        /// What was attempted, with its range.
        what: String,
        /// The server's words.
        text: String,
    },
    /// Series were added while a slice was read by the key tags of those that were known.
    #[error("{what}: the measurement had {before} series, now {now}")]
    SeriesChanged {
        /// What was attempted, with its range.
        what: String,
        /// When the catalogue was read.
        before: u64,
        /// Now, or why it is not known.
        now: String,
    },
    /// A slice that must be held back is too large for that.
    #[error("{what}: too large to be held back")]
    TooMuchHeld {
        /// What was attempted, with its range.
        what: String,
    },
    /// The values that arrived are not the values that the source counts, and the count did not change.
    #[error(
        "batch {batch}: the source counts {}{} but {} arrived, twice; \
         nothing of it is committed (docs/limitations.md lists what Flux cannot read)",
        number::all_counted(*.counted, "value", "values"),
        .measurement.as_ref().map(|name| format!(" of measurement {name}")).unwrap_or_default(),
        number::grouped(*.read)
    )]
    Mismatch {
        /// The batch.
        batch: TimeRange,
        /// The measurement, if all others may be right.
        measurement: Option<String>,
        /// The source's own count.
        counted: u64,
        /// Values decoded.
        read: u64,
    },
    /// A count takes too long, however small its range.
    #[error("the source cannot count {range} inside its time or memory limit")]
    TooSlow {
        /// The range.
        range: TimeRange,
    },
    /// More batches are compared than a receipt tells of.
    #[error(
        "{} are compared, and a receipt tells of {} at the most: compare a part (--start, --stop), or longer batches (--batch-interval)",
        number::counted(*.batches, "batch", "batches"),
        number::grouped(RECEIPT_BATCHES_MAX)
    )]
    TooManyToKeep {
        /// How many.
        batches: u64,
    },
    /// A field has another type at the destination, and the policy is to stop.
    #[error(
        "batch {batch}: the destination refuses values for their type: {text}; \
         choose --on-type-conflict reject or suffix, or remove what the destination holds"
    )]
    TypeConflict {
        /// The batch.
        batch: TimeRange,
        /// The server's words.
        text: String,
    },
    /// More values were refused than the user allows.
    #[error(
        "batch {batch}: {} refused so far{}, and --reject-limit is {}; nothing of this batch is \
         committed or kept as refused; the last reason was: {reason}; cure it, or raise --reject-limit",
        number::all_counted(*.rejected, "value", "values"),
        if *.has_earlier { ", those of earlier batches and runs among them" } else { "" },
        number::grouped(*.limit)
    )]
    RejectLimit {
        /// The batch of the last one.
        batch: TimeRange,
        /// Refused so far.
        rejected: u64,
        /// True if some of them are of other batches.
        has_earlier: bool,
        /// The limit.
        limit: u64,
        /// Why the last one was refused.
        reason: String,
    },
    /// What answers 413 to so short a line refuses everything: that says nothing of the line.
    #[error(
        "batch {batch}: even a single line of {bytes} bytes is answered as too large (413), so it is no matter of the line; \
         nothing of the batch is committed, and no value counts as refused; \
         let the proxy before the destination take 4 MiB (nginx: client_max_body_size 4m), or name the server itself by \
         --destination-host"
    )]
    NothingTaken {
        /// The batch.
        batch: TimeRange,
        /// Length of the line.
        bytes: usize,
    },
    /// A refusal that no InfluxDB writes says nothing of the lines.
    #[error(
        "batch {batch}: the destination refuses a write in words that are not InfluxDB's (status {status}): {text}; \
         nothing of the batch is committed, and no value counts as refused; \
         look at the proxy before it, or name the server itself by --destination-host"
    )]
    ForeignRefusal {
        /// The batch.
        batch: TimeRange,
        /// Its status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// What stands where refused lines should go is not the rejects file of this job.
    #[error("refused lines cannot go to {path}: {why}; name another file by --rejects FILE")]
    RejectsFile {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: NotUsed,
    },
    /// The rejects file or the state folder cannot be written.
    #[error("cannot use {path}")]
    State {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// What was read otherwise than in plain Flux is not what Flux reads.
    #[error("{what}: {text}")]
    NotAsFlux {
        /// What was read, with its range.
        what: String,
        /// Which measurement, and where.
        text: String,
        /// The measurement that must not be read so again in this run; `None` where the source may just have changed.
        measurement: Option<Name>,
    },
    /// The InfluxQL name that was read by leads elsewhere now, so that nobody knows where it led meanwhile.
    #[error("{what}: the InfluxQL name of the bucket no longer leads to it alone: {text}")]
    Misled {
        /// Which slice.
        what: String,
        /// Why.
        text: String,
    },
    /// Another run took the job over, or records appeared that are not ours.
    #[error(
        "another run has taken over this job ({found}); this one stops without committing anything more"
    )]
    LeaseLost {
        /// What was found.
        found: String,
    },
    /// The spool cannot be written or read.
    #[error(transparent)]
    Spool(Box<spool::error::Error>),
    /// The spool does not hold what was read.
    #[error(
        "batch {batch}: {} read, but the spool took {}; nothing of it is committed",
        number::all_counted(*.read, "value was", "values were"),
        number::grouped(*.staged)
    )]
    NotStaged {
        /// The batch.
        batch: TimeRange,
        /// Values decoded.
        read: u64,
        /// Values in its files.
        staged: u64,
    },
    /// The destination does not hold what it has acknowledged.
    #[error(
        "batch {batch}: the destination holds {}, and not as they were acknowledged{}; they were moved twice, and nothing of it is \
         recorded. Find out who else writes to the bucket, or drops what is written (--verify end records first, and compares then)",
        held(*.found, *.expected),
        named(.measurements)
    )]
    NotAsWritten {
        /// The batch.
        batch: TimeRange,
        /// Values that it acknowledged.
        expected: u64,
        /// Values that it holds.
        found: u64,
        /// Of which measurements, readable.
        measurements: Vec<String>,
    },
    /// The newest record in the batch bucket cannot be understood.
    #[error("the batch bucket cannot be used to resume")]
    Record(#[from] RecordError),
    /// A bug in a worker; the batch it worked on is not committed.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// A stage ended before its neighbours; a bug.
    #[error("stage {0} ended early")]
    StageGone(&'static str),
}

/// A job panicked; the text is what the panic said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a worker panicked: {0}")]
pub struct Panicked(pub String);

/// Why a file is not used for refused lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUsed {
    /// A folder, a pipe, a device.
    #[error("it is {0}, and refused lines go to regular files only")]
    NoFile(&'static str),
    /// The first line names another job.
    #[error("it holds the refused lines of another job, {job}")]
    OtherJob {
        /// Its name.
        job: String,
    },
    /// Somebody's file.
    #[error("sluice has not written it for this job, and does not touch it")]
    Foreign,
    /// Another process writes to it.
    #[error("another process has locked it")]
    Locked,
}

impl Error {
    /// A client error with what was attempted.
    pub fn influx(what: impl Into<String>, source: influx::error::Error) -> Self {
        Self::Influx { what: what.into(), source }
    }

    /// True if the server stumbled over the query: it fails each time.
    pub(crate) fn is_panic_of_server(&self) -> bool {
        matches!(self, Self::Influx { source, .. } if source.is_panic())
    }

    /// An answer, or why the server refuses it; trouble that may pass is neither.
    pub(crate) fn unless_refused<T>(
        what: impl Into<String>,
        asked: Result<T, influx::error::Error>,
    ) -> Result<Result<T, influx::error::Error>, Self> {
        match asked {
            Err(error) if error.may_pass() => Err(Self::influx(what, error)),
            asked => Ok(asked),
        }
    }

    /// A decoder error with what was attempted.
    pub fn decode(what: impl Into<String>, source: answer::Error) -> Self {
        Self::Decode { what: what.into(), source }
    }

    /// The same for a small answer.
    pub fn csv(what: impl Into<String>, source: csv::error::Error) -> Self {
        Self::decode(what, source.into())
    }
}

/// What kind of failure an answer is that cannot be read. One that is only damaged has been asked for again already.
pub(crate) fn failure_of_answer(error: &answer::Error) -> FailureKind {
    if error.is_final() {
        return FailureKind::BadRequest;
    }
    error.failed_query().map_or(FailureKind::Interrupted, classify_query_text)
}

impl From<spool::error::Error> for Error {
    fn from(error: spool::error::Error) -> Self {
        Self::Spool(Box::new(error))
    }
}

fn held(found: u64, expected: u64) -> String {
    format!("{} of {} values", number::grouped(found), number::grouped(expected))
}

/// Which measurements differ, the first ones.
fn named(measurements: &[String]) -> String {
    let names: Vec<_> = measurements.iter().take(SUMMARY_RANGES_MAX).map(String::as_str).collect();
    let more = if measurements.len() > names.len() { ", and others" } else { "" };
    if names.is_empty() { String::new() } else { format!(" ({}{more})", names.join(", ")) }
}
