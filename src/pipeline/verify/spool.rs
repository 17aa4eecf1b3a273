//! A spool in the place of the source: its files are read by the reader of a load, for their digests or for their values. Each
//! is held against the manifest while it is read, so a damaged one is an error and no difference.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::end::{EndContent, UNPLANNED};
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::EventSink;
use crate::pipeline::plan::NextBatch;
use crate::pipeline::plan::spool::{SpoolBatches, SpoolJob};
use crate::pipeline::pool::blocking;
use crate::pipeline::read::spool::{self, SpoolReader};
use crate::pipeline::write::digests::DigestsKept;
use crate::pipeline::write::{Destination, DestinationWriter};
use crate::spool::state::FileEntry;

/// A spool that a bucket is compared with.
#[derive(Debug)]
pub(crate) struct ComparedSpool {
    digests: Arc<SpoolReader>,
    values: Arc<SpoolReader>,
    /// Staged batches that lack values, rising, and how many.
    unstaged: Vec<(TimeRange, u64)>,
}

impl ComparedSpool {
    /// Of a spool. The job is what of it is compared, as if that were to be loaded.
    pub(crate) fn new(job: &SpoolJob, events: &EventSink) -> Self {
        let reader = |kept| {
            let out = DestinationWriter::uncounted(Destination::Digests(kept), events);
            Arc::new(SpoolReader::new(job.clone(), Arc::new(out)))
        };
        Self {
            digests: reader(DigestsKept::Digests),
            values: reader(DigestsKept::Values),
            unstaged: job.stored.unstaged(),
        }
    }

    /// The same spool for a part of the range.
    pub(crate) fn part(&self, range: TimeRange) -> Self {
        let job = self.job();
        let plan = BatchPlan::new(range.start, job.interval, range.stop);
        Self::new(&SpoolJob { range, plan, ..job.clone() }, &self.digests.out.events)
    }

    fn job(&self) -> &SpoolJob {
        &self.digests.job
    }

    /// Length of its batches.
    pub(super) fn interval(&self) -> Interval {
        self.job().interval
    }

    /// How its time is cut.
    pub(super) fn plan(&self) -> BatchPlan {
        self.job().plan
    }

    /// Its batches, in sequence.
    pub(super) fn batches(self: &Arc<Self>) -> ComparedBatches {
        let batches = SpoolBatches::new(self.job());
        ComparedBatches { spool: Arc::clone(self), batches, empty: 0..0 }
    }

    /// Values that could not be staged, of the staged batches that lie in a range or reach into it.
    pub(super) fn unstaged(&self, range: TimeRange) -> u64 {
        let touching = self.unstaged.iter().filter(|(batch, _)| touches(*batch, range));
        touching.map(|(_, values)| values).sum()
    }

    /// How many values a range holds: as the manifest tells of whole files, and counted in those that reach further.
    pub(super) async fn total(&self, range: TimeRange) -> Result<u64, Error> {
        let job = self.job();
        let (stored, selection) = (job.stored.clone(), job.selection(range));
        blocking(move || {
            let mut values = 0;
            for file in stored.files(&selection) {
                if file.range().intersect(range) == file.range() {
                    values += file.values;
                    continue;
                }
                for frame in stored.frames_of(std::slice::from_ref(file), range)? {
                    values += frame?.values;
                }
            }
            Ok(values)
        })
        .await
    }

    /// Reads some files of a range for their digests. `requested` is told once the last of them is begun.
    pub(super) async fn digests_of(
        &self,
        range: TimeRange,
        files: Vec<FileEntry>,
        requested: oneshot::Sender<()>,
    ) -> Result<EndContent, Error> {
        read(&self.digests, range, files, requested).await
    }

    /// Reads a range for its values: it must be small.
    pub(super) async fn values(&self, range: TimeRange) -> Result<EndContent, Error> {
        read(&self.values, range, self.files(range), oneshot::channel().0).await
    }

    /// The files that may hold something of a range.
    pub(super) fn files(&self, range: TimeRange) -> Vec<FileEntry> {
        let job = self.job();
        job.stored.files(&job.selection(range)).into_iter().cloned().collect()
    }
}

async fn read(
    reader: &Arc<SpoolReader>,
    range: TimeRange,
    files: Vec<FileEntry>,
    requested: oneshot::Sender<()>,
) -> Result<EndContent, Error> {
    let done = spool::run(Arc::clone(reader), UNPLANNED, range, files, requested).await?;
    // What could not be staged is known by the manifest.
    Ok(EndContent::of(done, None))
}

fn touches(batch: TimeRange, range: TimeRange) -> bool {
    !batch.intersect(range).is_empty()
}

/// The batches of a spool: each one that lacks values stands alone, even without a file.
#[derive(Debug)]
pub(super) struct ComparedBatches {
    spool: Arc<ComparedSpool>,
    batches: SpoolBatches,
    /// Empty ones that are still to be told.
    empty: Range<u64>,
}

impl ComparedBatches {
    /// The spool.
    pub(super) fn spool(&self) -> &Arc<ComparedSpool> {
        &self.spool
    }

    /// Cuts the empty batches before the first one that lacks something, or that one.
    fn next_empty(&mut self) -> Option<NextBatch<Vec<FileEntry>>> {
        let Range { start: seq, end } = self.empty.clone();
        let plan = self.spool.plan();
        let range = plan.nth(seq).filter(|_| seq < end)?;
        let lacks_from = |(batch, _): &(TimeRange, u64)| {
            let first = plan.at(batch.start.max(range.start))?;
            (batch.stop > range.start && first < end).then_some(first)
        };
        let lacking = self.spool.unstaged.iter().find_map(lacks_from);
        if lacking == Some(seq) {
            self.empty.start = seq + 1;
            return Some(NextBatch::Batch { seq, range, holds: Vec::new() });
        }
        self.empty.start = lacking.unwrap_or(end);
        Some(NextBatch::Empty(seq..self.empty.start))
    }
}

impl Iterator for ComparedBatches {
    type Item = NextBatch<Vec<FileEntry>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(next) = self.next_empty() {
            return Some(next);
        }
        match self.batches.next()? {
            NextBatch::Empty(stretch) => {
                self.empty = stretch;
                self.next_empty()
            }
            batch @ NextBatch::Batch { .. } => Some(batch),
        }
    }
}
