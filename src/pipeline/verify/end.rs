//! One end as it is now: its batches read by the same readers as those of a migration, for their digests, or for their values
//! where both ends differ. Nothing is written.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::compared::HeldContent;
use crate::influx::client::Client;
use crate::model::frame::Frame;
use crate::model::interval::Interval;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::number;
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::commit::complete::Done;
use crate::pipeline::error::Error;
use crate::pipeline::event::EventSink;
use crate::pipeline::plan::count;
use crate::pipeline::read::bucket::reader::BucketReader;
use crate::pipeline::read::bucket::restored::Relist;
use crate::pipeline::read::bucket::{batch, relist};
use crate::pipeline::read::measurement_counts::MeasurementCounts;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::source::layer::Window;
use crate::pipeline::write::digests::DigestsKept;
use crate::pipeline::write::{Destination, DestinationWriter};

/// The number of a batch that is none of a plan: nobody counts it, and it is the last one of none.
pub(super) const UNPLANNED: u64 = u64::MAX - 1;

/// A bucket that is compared.
#[derive(Debug)]
pub(crate) struct ComparedEnd {
    digests: Arc<BucketReader>,
    values: Arc<BucketReader>,
    doubts: Arc<Mutex<Vec<String>>>,
    unreturned: Vec<String>,
}

/// What a range of it holds.
#[derive(Debug, Default)]
pub(super) struct EndContent {
    pub(super) values: u64,
    pub(super) digests: MeasurementDigests,
    /// Why that is not all, if it is not.
    pub(super) lacking: Option<String>,
    /// Values by measurement.
    pub(super) counts: MeasurementCounts,
    /// The values themselves, if they were asked for.
    pub(super) frames: Vec<Frame>,
}

impl EndContent {
    /// Of a batch that was read; and why that is not all, if it is not.
    pub(super) fn of(done: Done, lacking: Option<String>) -> Self {
        Self {
            values: done.values,
            digests: done.details.digests.unwrap_or_default(),
            lacking,
            counts: done.counts,
            frames: done.frames,
        }
    }

    /// What is to be told of it. There is no digest of what is not all.
    pub(super) fn held(self) -> HeldContent {
        let digest = self.lacking.is_none().then(|| self.digests.whole());
        HeldContent { values: self.values, digest, counts: self.counts }
    }
}

impl ComparedEnd {
    /// Of a bucket. The job is what of it is compared, as if that were to be moved.
    pub(crate) fn new(job: &BucketJob, client: &Client, events: &EventSink) -> Self {
        let doubts = Arc::new(Mutex::new(Vec::new()));
        let unreturned = job.unreturned().into_iter().map(|(words, _)| words).collect();
        // Nobody knows in which batch it is: it is told once, and not with the first batch of the job.
        let mut job = job.clone();
        job.range.start = job.range.start.saturating_add_ns(-1);
        let reader = |kept| {
            let source = SourceBucket::new(job.clone(), client.clone(), Arc::clone(events));
            let out = DestinationWriter::uncounted(Destination::Digests(kept), events);
            Arc::new(BucketReader::new(
                source,
                Arc::new(out),
                Checkpoint::Memory(Arc::clone(&doubts)),
            ))
        };
        Self {
            digests: reader(DigestsKept::Digests),
            values: reader(DigestsKept::Values),
            doubts: Arc::clone(&doubts),
            unreturned,
        }
    }

    /// The same bucket for a part of the range, looked at as if nothing were known of its series.
    pub(crate) fn part(&self, range: TimeRange) -> Self {
        let SourceBucket { job, client, events, .. } = self.bucket();
        Self::new(&job.clone().over(range), client, events)
    }

    /// How its time is cut, and what counts it.
    pub(super) fn bucket(&self) -> &SourceBucket {
        &self.digests.source
    }

    /// Length of its batches.
    pub(crate) fn interval(&self) -> Interval {
        self.bucket().job.interval
    }

    /// The ids of the bucket and of the organization that it is in; empty where they are not known.
    pub(crate) fn ids(&self) -> (&str, &str) {
        let BucketJob { source_bucket_id, source_org_id, .. } = &self.bucket().job;
        (source_bucket_id, source_org_id)
    }

    /// Length of its shard groups.
    pub(crate) fn shard_group_ns(&self) -> i64 {
        self.bucket().job.shape.shard_group_ns
    }

    /// What the bucket lists and returns to no query, whatever the range.
    pub(crate) fn unreturned(&self) -> &[String] {
        &self.unreturned
    }

    /// True if reading it brings all that a delete may take: no filter leaves fields out, and nothing is listed that is never
    /// returned.
    pub(super) fn is_read_whole(&self) -> bool {
        let filter = &self.bucket().job.filter;
        filter.fields.is_empty() && filter.predicate.is_none() && self.unreturned.is_empty()
    }

    /// How many values a range holds of which none was moved; and why there may be more, if so.
    pub(super) async fn stray(&self, range: TimeRange) -> Result<(u64, Option<String>), Error> {
        let found = count::total(self.bucket(), range).await?;
        let lost = count::lost(self.bucket(), range).await?;
        let values = number::counted(
            lost,
            "value that no query returns rightly",
            "values that no query returns rightly",
        );
        Ok((found, (lost > 0).then_some(values)))
    }

    /// Reads a range for its digests. `requested` is told once all of it was asked for.
    pub(super) async fn digests(
        &self,
        range: TimeRange,
        requested: oneshot::Sender<()>,
    ) -> Result<EndContent, Error> {
        let windows = count::windows(self.bucket(), range).await?;
        self.digests_of(range, windows, requested).await
    }

    /// The same where it is counted already.
    pub(super) async fn digests_of(
        &self,
        range: TimeRange,
        windows: Vec<Window>,
        requested: oneshot::Sender<()>,
    ) -> Result<EndContent, Error> {
        read(&self.digests, range, windows, requested).await
    }

    /// Reads a range for its values: it must be small.
    pub(super) async fn values(&self, range: TimeRange) -> Result<EndContent, Error> {
        let windows = count::windows(self.bucket(), range).await?;
        read(&self.values, range, windows, oneshot::channel().0).await
    }

    /// True if what was read of a range for its digests is not in doubt any more: the series that it was restored from were listed
    /// again.
    pub(super) fn is_proven(&self, range: TimeRange) -> bool {
        self.digests.restored.is_proven(range)
    }

    /// How often series were listed again.
    pub(super) fn lists_done(&self) -> u64 {
        self.digests.restored.lists_done()
    }

    /// True if anything may have been read wrongly, as far as that is known by now.
    pub(super) fn is_doubted(&self) -> bool {
        !self.doubts.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Lists once more the series that values were restored from, while others are read.
    pub(super) async fn list_again(&self) -> Result<(), Error> {
        relist::prove(&self.digests, Relist::All).await
    }

    /// Lists once more the series that values were restored from; gives what may have been read wrongly.
    pub(super) async fn close(&self) -> Result<Vec<String>, Error> {
        for reader in [&self.digests, &self.values] {
            relist::prove(reader, Relist::All).await?;
        }
        Ok(std::mem::take(&mut *self.doubts.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

async fn read(
    reader: &Arc<BucketReader>,
    range: TimeRange,
    windows: Vec<Window>,
    requested: oneshot::Sender<()>,
) -> Result<EndContent, Error> {
    let source = &reader.source;
    if windows.is_empty()
        && source.job.unreturned_in(range).is_empty()
        && count::lost(source, range).await? == 0
    {
        return Ok(EndContent::default());
    }
    let mut done = read_batch(reader, range, windows.clone(), requested).await?;
    if done.details.digests.is_none() && done.refusals.reason().is_none() && !is_unsteady(&done) {
        // Strings with carriage returns came in two ways: in one they are known.
        let plain = BucketJob { transport: Some(Transport::Flux), ..source.job.clone() };
        let (out, checkpoint) = (Arc::clone(&reader.out), reader.checkpoint.clone());
        let plain = Arc::new(BucketReader::new(source.for_job(plain), out, checkpoint));
        done = read_batch(&plain, range, windows, oneshot::channel().0).await?;
    }
    let lacking = match (&done.details.digests, done.refusals.reason()) {
        (_, Some(why)) => Some(why),
        (None, None) if done.details.changed => {
            Some("it kept changing while it was read".to_owned())
        }
        (None, None) if done.details.expired > 0 => {
            Some("values of it expired while it was read".to_owned())
        }
        (None, None) => Some("strings with carriage returns in it came in two ways".to_owned()),
        (Some(_), None) => None,
    };
    Ok(EndContent::of(done, lacking))
}

/// One batch. The series are listed again when all is read.
async fn read_batch(
    reader: &Arc<BucketReader>,
    range: TimeRange,
    windows: Vec<Window>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    Box::pin(batch::run(Arc::clone(reader), UNPLANNED, range, windows, requested)).await
}

fn is_unsteady(done: &Done) -> bool {
    done.details.changed || done.details.expired > 0
}
