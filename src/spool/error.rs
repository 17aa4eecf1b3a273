//! What can be wrong with a spool.

use std::io;

use crate::checkpoint::identity::Difference;
use crate::limits::LEASE_STALE_MS;
use crate::model::series::{Name, Readable};
use crate::model::time::{TimeRange, Timestamp};
use crate::model::time_type::TimeType;

/// Why a spool cannot be written or read. Files are named by their place inside the spool.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed names no place.
    #[error("{place} is no place for a spool: {why}")]
    Place {
        /// As typed.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no spool at the place.
    #[error("{place} holds no spool (no manifest)")]
    NoSpool {
        /// Folder or address.
        place: String,
    },
    /// The file system refused.
    #[error("cannot use {file} of the spool")]
    Io {
        /// Which file.
        file: String,
        /// The system's error; its kind tells a full disk.
        #[source]
        source: io::Error,
    },
    /// The object store, or the way to it, failed longer than the retries lasted.
    #[error("the object store failed at {file} of the spool: {what}")]
    Objects {
        /// Which object.
        file: String,
        /// What it said; no secrets.
        what: String,
    },
    /// The object store will not do it later either: rights, a bucket that is not there.
    #[error("the object store refuses {file} of the spool: {what}")]
    Refused {
        /// Which object.
        file: String,
        /// What it said; no secrets.
        what: String,
    },
    /// The object store cannot keep two runs apart.
    #[error(
        "{place} cannot hold a spool that is written: its store does not put objects only where none stands ({what})"
    )]
    NoCondition {
        /// Its address.
        place: String,
        /// What it did or said.
        what: String,
    },
    /// A file is not what was written.
    #[error("{file} of the spool is damaged: {what}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file that the manifest lists is gone.
    #[error("{file} of the spool is missing")]
    Missing {
        /// Which file.
        file: String,
    },
    /// A file holds what another one should hold.
    #[error("{file} of the spool holds the content of {other}")]
    Swapped {
        /// Which file.
        file: String,
        /// Whose content it has.
        other: String,
    },
    /// A file among the data that this job did not write.
    #[error("{file} lies among the data of the spool but does not belong to it")]
    Foreign {
        /// Which file.
        file: String,
    },
    /// The spool was written by a later version.
    #[error("{file} of the spool has format {found}; this program knows 1 to {known}")]
    Format {
        /// Which file.
        file: String,
        /// Its format.
        found: u64,
        /// The newest known one.
        known: u64,
    },
    /// The spool holds another job.
    #[error(
        "{place} holds the spool of another job: {}; take another place, or the settings that it was begun with",
        differences_text(.differences)
    )]
    OtherJob {
        /// Folder or address.
        place: String,
        /// In what they differ; never empty.
        differences: Vec<Difference>,
    },
    /// A run that staged it has found that it was perhaps read wrongly.
    #[error("{text}; stage it again into another folder, with --transport flux")]
    Doubtful {
        /// What, and why.
        text: String,
    },
    /// Another run writes to the spool.
    #[error("another run writes to the spool ({holder} holds {lock})")]
    Locked {
        /// The lock.
        lock: String,
        /// Who holds it.
        holder: String,
    },
    /// A run holds the spool in an object store, or did until a moment ago.
    #[error(
        "the spool is held by {by}, which gave a sign of life {age_s} s ago; a run is taken for dead after {} s without \
         one, and --adopt takes its spool over at once", LEASE_STALE_MS / 1_000
    )]
    Held {
        /// Run, process, machine, since when.
        by: String,
        /// Time since its last sign of life, by the store's clock.
        age_s: u64,
    },
    /// Files are being merged.
    #[error(
        "{place} cannot be read now: spool compact merges its files; try again once that has ended"
    )]
    Merging {
        /// Folder or address.
        place: String,
    },
    /// Somebody reads what would be merged.
    #[error(
        "the files of {place} cannot be merged now: another program reads the spool (load, export, spool verify or \
         describe); try again once that has ended"
    )]
    BeingRead {
        /// Folder or address.
        place: String,
    },
    /// A file that was there when the reading began was merged or replaced since.
    #[error(
        "{file} of the spool was merged with others or written anew while the spool was read (spool compact does that); \
         run the same command again"
    )]
    Changed {
        /// Which file.
        file: String,
    },
    /// Another run has written to the spool since this one did.
    #[error(
        "another run has taken the spool over (it wrote {file}); this one stops without committing anything more"
    )]
    TakenOver {
        /// What it wrote.
        file: String,
    },
    /// Batches are committed strictly in sequence.
    #[error("batch {batch} cannot be committed to the spool: it is complete up to {watermark}")]
    OutOfSequence {
        /// The batch.
        batch: TimeRange,
        /// Stop of the last batch in sequence.
        watermark: Timestamp,
    },
    /// A batch that was merged with others cannot be replaced.
    #[error("batch {batch} cannot be written again: {file} holds it together with other batches")]
    Compacted {
        /// The batch.
        batch: TimeRange,
        /// The file.
        file: String,
    },
    /// The frame holds rows outside of the batch.
    #[error("a value at {time} does not belong to batch {batch}")]
    OutsideBatch {
        /// The batch.
        batch: TimeRange,
        /// The time.
        time: Timestamp,
    },
    /// The type of the time column has too few digits for a time.
    #[error(
        "batch {batch}: measurement {} has a value at {time}, and {time_type} would lose digits of it; nothing of the batch is committed (choose --time-type ns-utc or i64 and another --spool-dir)",
        Readable(.measurement)
    )]
    TimeDigits {
        /// The batch.
        batch: TimeRange,
        /// The measurement.
        measurement: Name,
        /// The time.
        time: Timestamp,
        /// The type that cannot hold it.
        time_type: TimeType,
    },
    /// Rows could not be encoded.
    #[error("cannot encode {file}: {what}")]
    Encode {
        /// Which file.
        file: String,
        /// What the encoder says.
        what: String,
    },
}

impl Error {
    pub(super) fn io(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::IsADirectory => Self::damaged(&file, "a folder stands in its place"),
            io::ErrorKind::NotADirectory => {
                Self::damaged(&file, "a file stands where its folder should be")
            }
            _ => Self::Io { file, source },
        }
    }

    pub(super) fn damaged(file: &str, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.into() }
    }

    /// True if the spool itself is wrong, not its surroundings: damaged, incomplete, or of another job.
    pub fn is_state(&self) -> bool {
        match self {
            Self::Place { .. }
            | Self::Io { .. }
            | Self::Objects { .. }
            | Self::Refused { .. }
            | Self::NoCondition { .. }
            | Self::Locked { .. }
            | Self::Held { .. }
            | Self::TakenOver { .. }
            | Self::Merging { .. }
            | Self::BeingRead { .. }
            | Self::Changed { .. }
            | Self::TimeDigits { .. } => false,
            Self::NoSpool { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::Swapped { .. }
            | Self::Foreign { .. }
            | Self::Format { .. }
            | Self::OtherJob { .. }
            | Self::Doubtful { .. }
            | Self::OutOfSequence { .. }
            | Self::Compacted { .. }
            | Self::OutsideBatch { .. }
            | Self::Encode { .. } => true,
        }
    }
}

fn differences_text(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ")
}
