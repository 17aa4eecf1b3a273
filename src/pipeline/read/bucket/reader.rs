//! What all readers of a bucket share in one run.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::restored::Restored;
use super::witness::Witness;
use crate::limits::{HELD_UNIT_VALUES, HELD_VALUES_MAX};
use crate::model::time::TimeRange;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::event::Event;
use crate::pipeline::permits::Permits;
use crate::pipeline::plan::choice::Choices;
use crate::pipeline::read::progress::BatchProgress;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::write::DestinationWriter;

/// Source, destination, permits, and what was learned on the way.
pub(crate) struct BucketReader {
    /// What is read.
    pub source: SourceBucket,
    /// Where the values go.
    pub out: Arc<DestinationWriter>,
    /// Keeps what later runs must know.
    pub checkpoint: Checkpoint,
    /// Permits for slices.
    pub slices: Permits,
    /// How each measurement is read.
    pub choices: Choices,
    /// What was held against plain Flux by content.
    pub witness: Witness,
    /// What was read by key tags.
    pub restored: Restored,
    /// Values held back in memory until their slice is proven, in units of `HELD_UNIT_VALUES`.
    pub held: Semaphore,
}

impl fmt::Debug for BucketReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BucketReader").field("source", &self.source).finish_non_exhaustive()
    }
}

impl BucketReader {
    /// At the beginning of a run.
    pub(crate) fn new(
        source: SourceBucket,
        out: Arc<DestinationWriter>,
        checkpoint: Checkpoint,
    ) -> Self {
        let held = usize::try_from(HELD_VALUES_MAX / HELD_UNIT_VALUES).unwrap_or(1);
        Self {
            slices: Permits::new("fetch", source.job.slices_in_flight),
            source,
            out,
            checkpoint,
            choices: Choices::new(),
            witness: Witness::new(None),
            restored: Restored::default(),
            held: Semaphore::new(held),
        }
    }

    /// For a look at values that go nowhere.
    pub(crate) fn to_look(source: SourceBucket) -> Self {
        Self::new(source, Arc::new(DestinationWriter::nowhere()), Checkpoint::None)
    }

    /// How far a batch is.
    pub(crate) fn progress(&self, batch: TimeRange) -> BatchProgress {
        BatchProgress::new(batch, Arc::clone(&self.out.events))
    }

    /// Tells the reporter.
    pub(crate) fn tell(&self, event: Event) {
        self.out.tell(event);
    }
}
