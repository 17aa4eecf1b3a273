//! What the committer is given.

use std::ops::Range;
use std::pin::Pin;

use tokio::sync::OwnedSemaphorePermit;

use crate::checkpoint::record::BatchDetails;
use crate::model::batch::BatchPlan;
use crate::model::frame::Frame;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::read::measurement_counts::MeasurementCounts;
use crate::pipeline::write::rejects::refusals::RefusedValues;
use crate::spool::batch::FinishedBatch;

/// A complete batch, or a stretch of empty ones. It counts as open until it is committed.
pub(crate) struct Complete {
    /// What became of it.
    pub done: Done,
    /// Lets it be open.
    pub permit: OwnedSemaphorePermit,
    /// Moves it once more, should it have to be.
    pub again: Option<BatchTask>,
}

/// Moves a batch.
pub(crate) type BatchTask = Pin<Box<dyn Future<Output = Result<Done, Error>> + Send>>;

/// A batch that may be committed.
#[derive(Debug)]
pub struct Done {
    /// Its number in the plan, and the number after it: one, or a stretch of empty batches.
    pub seq: Range<u64>,
    /// Values read.
    pub values: u64,
    /// The same by measurement, if from a bucket.
    pub(crate) counts: MeasurementCounts,
    /// Values that no answer carries: refused unread.
    pub left_out: u64,
    /// What is kept about it.
    pub details: BatchDetails,
    /// Refused lines.
    pub refusals: RefusedValues,
    /// Its files, where a spool is written.
    pub staged: Option<FinishedBatch>,
    /// Its values, where they are kept for a comparison.
    pub frames: Vec<Frame>,
}

impl Done {
    /// Its range, or that of all batches of the stretch.
    ///
    /// # Panics
    ///
    /// If it is not of this plan.
    pub fn range(&self, plan: BatchPlan) -> TimeRange {
        let nth = |seq| plan.nth(seq).expect("a complete batch is in the plan");
        TimeRange::new(nth(self.seq.start).start, nth(self.seq.end - 1).stop)
    }

    /// A stretch of empty batches.
    pub fn empty(seq: Range<u64>) -> Self {
        Self {
            seq,
            values: 0,
            counts: MeasurementCounts::default(),
            left_out: 0,
            details: BatchDetails::default(),
            refusals: RefusedValues::default(),
            staged: None,
            frames: Vec::new(),
        }
    }
}
