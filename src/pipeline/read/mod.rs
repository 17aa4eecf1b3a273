//! Where the batches of a run come from: a bucket of InfluxDB, or a spool. Everything behind them is the same.

use std::sync::Arc;

use tokio::sync::oneshot;

use self::bucket::reader::BucketReader;
use self::spool::SpoolReader;
use crate::influx::client::Client;
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::commit::complete::BatchTask;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, PlannedRun};
use crate::pipeline::plan::NextBatch;
use crate::pipeline::plan::counter::Counter;
use crate::pipeline::plan::spool::{Lacking, SpoolBatches, SpoolJob};
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::job::BucketJob;
use crate::pipeline::write::DestinationWriter;

pub(crate) mod batch;
pub(crate) mod bucket;
pub(crate) mod measurement_counts;
pub(crate) mod progress;
pub(crate) mod spool;

/// What is read, resolved.
#[derive(Debug, Clone)]
pub enum BatchOrigin {
    /// A bucket.
    Bucket(Box<BucketJob>, Client),
    /// A spool.
    Spool(SpoolJob),
}

impl BatchOrigin {
    /// The whole job, from its start to this run's stop.
    pub fn range(&self) -> TimeRange {
        match self {
            Self::Bucket(job, _) => job.range,
            Self::Spool(job) => job.range,
        }
    }

    /// The batches of this run.
    pub fn plan(&self) -> BatchPlan {
        match self {
            Self::Bucket(job, _) => job.plan,
            Self::Spool(job) => job.plan,
        }
    }

    /// What it returns to no query of a run, in words.
    pub fn unreturned(&self) -> Vec<String> {
        match self {
            Self::Bucket(job, _) => job.unreturned().into_iter().map(|(words, _)| words).collect(),
            Self::Spool(_) => Vec::new(),
        }
    }

    /// What a spool does not hold of its job.
    pub fn lacking(&self) -> Lacking {
        match self {
            Self::Bucket(..) => Lacking::default(),
            Self::Spool(job) => job.lacking,
        }
    }

    /// What the run is about to do, for the report.
    pub fn planned(&self) -> PlannedRun {
        let (interval, transport) = match self {
            Self::Bucket(job, _) => (job.interval, transport_name(job.transport)),
            Self::Spool(job) => (job.interval, spool::TRANSPORT),
        };
        planned(self.range(), self.plan(), interval, transport)
    }
}

/// What a run is about to do.
pub(crate) fn planned(
    job: TimeRange,
    plan: BatchPlan,
    interval: Interval,
    transport: &str,
) -> PlannedRun {
    PlannedRun {
        job,
        resume: plan.range().start,
        batches: plan.len(),
        interval: interval.to_string(),
        transport: transport.to_owned(),
    }
}

/// The transport as a person asks for it.
pub(crate) fn transport_name(transport: Option<Transport>) -> &'static str {
    transport.map_or("auto", Transport::name)
}

/// What moves a batch.
pub(super) struct NextBatchTask {
    /// Now.
    pub(super) first: BatchTask,
    /// Once more, should it have to be.
    pub(super) again: BatchTask,
}

impl NextBatchTask {
    /// Of what is known of a batch, and of what moves it; `requested` hears of the first time.
    fn of<H: Clone>(
        holds: H,
        requested: oneshot::Sender<()>,
        task: impl Fn(H, oneshot::Sender<()>) -> BatchTask,
    ) -> Self {
        let again = task(holds.clone(), oneshot::channel().0);
        Self { first: task(holds, requested), again }
    }
}

/// Hands out batch after batch.
pub(super) enum Batches {
    Bucket(Arc<BucketReader>, Counter),
    Spool(Arc<SpoolReader>, SpoolBatches),
}

/// What comes next.
pub(super) enum Next {
    /// Batches without a value.
    Empty(std::ops::Range<u64>),
    /// A batch, its stop, and word that everything of it has been asked for.
    Batch(NextBatchTask, Timestamp, oneshot::Receiver<()>),
}

impl Batches {
    /// Of a run that writes to `out`.
    pub(super) fn new(
        origin: BatchOrigin,
        out: Arc<DestinationWriter>,
        checkpoint: &Checkpoint,
    ) -> Self {
        match origin {
            BatchOrigin::Bucket(job, client) => {
                let source = SourceBucket::new(*job, client, Arc::clone(&out.events));
                let reader = BucketReader::new(source, out, checkpoint.clone());
                Self::Bucket(Arc::new(reader), Counter::new())
            }
            BatchOrigin::Spool(job) => {
                let batches = SpoolBatches::new(&job);
                Self::Spool(Arc::new(SpoolReader::new(job, out)), batches)
            }
        }
    }

    /// What the run shares, if it reads a bucket.
    pub(super) fn reader(&self) -> Option<Arc<BucketReader>> {
        match self {
            Self::Bucket(reader, _) => Some(Arc::clone(reader)),
            Self::Spool(..) => None,
        }
    }

    /// Looks for the next batch that holds anything; `None` at the end of the plan.
    pub(super) async fn next(&mut self) -> Result<Option<Next>, Error> {
        let (sender, requested) = oneshot::channel();
        let (task, stop): (NextBatchTask, Timestamp) = match self {
            Self::Bucket(reader, counter) => match counter.next(&reader.source).await? {
                None => return Ok(None),
                Some(NextBatch::Empty(stretch)) => return Ok(Some(Next::Empty(stretch))),
                Some(NextBatch::Batch { seq, range, holds }) => {
                    let task = |holds, requested| -> BatchTask {
                        let reader = Arc::clone(reader);
                        Box::pin(bucket::batch::run(reader, seq, range, holds, requested))
                    };
                    (NextBatchTask::of(holds, sender, task), range.stop)
                }
            },
            Self::Spool(reader, batches) => match batches.next() {
                None => return Ok(None),
                Some(NextBatch::Empty(stretch)) => return Ok(Some(Next::Empty(stretch))),
                Some(NextBatch::Batch { seq, range, holds }) => {
                    let task = |holds, requested| -> BatchTask {
                        let reader = Arc::clone(reader);
                        Box::pin(spool::run(reader, seq, range, holds, requested))
                    };
                    (NextBatchTask::of(holds, sender, task), range.stop)
                }
            },
        };
        Ok(Some(Next::Batch(task, stop, requested)))
    }

    /// Keeps the sums of what the source has answered up to date. A spool asks nothing beside its slices.
    pub(super) fn note_answered(&self, counters: &Counters) {
        if let Self::Bucket(reader, _) = self {
            let client = &reader.source.client;
            counters.note_answered(client.quota().total_bytes(), client.requests());
        }
    }

    /// Source bytes of this run at the most.
    pub(super) fn transfer_bytes_max(&self) -> Option<u64> {
        match self {
            Self::Bucket(reader, _) => reader.source.job.transfer_bytes_max,
            Self::Spool(..) => None,
        }
    }
}
