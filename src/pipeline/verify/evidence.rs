//! What a destination is held against.

use std::sync::Arc;

use super::end::ComparedEnd;
use super::source::ComparedSource;
use super::spool::ComparedSpool;
use crate::checkpoint::recorded::RecordedBatch;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::time::TimeRange;
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;

/// The kinds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// What the runs of the job have recorded.
    Recorded,
    /// The source as it is now.
    Read,
    /// How many values the source holds now.
    Counts,
    /// What was staged of the source.
    Spool,
}

impl EvidenceKind {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Read => "read",
            Self::Counts => "counts",
            Self::Spool => "spool",
        }
    }
}

/// What the destination is held against.
#[derive(Debug, Clone)]
pub(crate) enum Evidence {
    /// What the runs of the job have recorded of it.
    Recorded(Arc<RecordedJob>),
    /// The source as it is now, in the batches of its plan.
    Read(Arc<ComparedEnd>),
    /// What the source counts in its batches.
    Counts(Arc<ComparedEnd>),
    /// A spool of the source, in the batches of its plan.
    Spool(Arc<ComparedSpool>),
}

impl Evidence {
    /// The same of a part of the range.
    pub(crate) fn part(&self, range: TimeRange) -> Self {
        match self {
            Self::Recorded(recorded) => Self::Recorded(Arc::clone(recorded)),
            Self::Read(source) => Self::Read(Arc::new(source.part(range))),
            Self::Counts(source) => Self::Counts(Arc::new(source.part(range))),
            Self::Spool(spool) => Self::Spool(Arc::new(spool.part(range))),
        }
    }

    /// The source, where it is asked, or what was staged of it.
    pub(crate) fn source(&self) -> Option<ComparedSource> {
        match self {
            Self::Recorded(_) => None,
            Self::Read(source) | Self::Counts(source) => {
                Some(ComparedSource::Bucket(Arc::clone(source)))
            }
            Self::Spool(spool) => Some(ComparedSource::Spool(Arc::clone(spool))),
        }
    }

    /// Of which kind it is.
    pub(crate) fn kind(&self) -> EvidenceKind {
        match self {
            Self::Recorded(_) => EvidenceKind::Recorded,
            Self::Read(_) => EvidenceKind::Read,
            Self::Counts(_) => EvidenceKind::Counts,
            Self::Spool(_) => EvidenceKind::Spool,
        }
    }
}

/// A batch as it was written just now.
#[derive(Debug)]
pub(crate) struct WrittenBatch {
    /// Its range.
    pub(crate) range: TimeRange,
    /// Of what was acknowledged.
    pub(crate) digests: MeasurementDigests,
    /// So many values.
    pub(crate) acknowledged: u64,
    /// Values that were refused, or left out unread.
    pub(crate) rejected: u64,
}

/// What the runs of a job have recorded.
#[derive(Debug)]
pub(crate) struct RecordedJob {
    /// All batches that held something.
    pub(crate) batches: Vec<RecordedBatch>,
    /// Where they are recorded.
    pub(crate) store: BatchBucket,
    /// Why what the destination holds beside that is no difference: what was there before, or what another program has moved.
    pub(crate) beside: Option<&'static str>,
}

impl RecordedJob {
    /// True if any batch can be held against what is recorded of it.
    pub(crate) fn has_digests(&self) -> bool {
        self.batches.iter().any(|batch| batch.digest.is_ok())
    }
}
