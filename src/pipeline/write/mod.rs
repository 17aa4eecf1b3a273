//! What was read, written: frames to lines and bodies, bodies to a bucket, down to the lines that it refuses; or frames to
//! the files of a spool; or nowhere. What is refused goes to the rejects file. Nothing is asked of the source, and nothing
//! recorded.

use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use self::bucket::DestinationBucket;
use self::bucket::encode::encode_and_write;
use self::bucket::lines::LineWriter;
use self::digests::DigestsKept;
use self::rejects::limit::RejectLimit;
use self::rejects::refusals::{RefusedValues, RejectBudget};
use self::spool::SpoolSink;
use self::written::Written;
use crate::model::frame::Frame;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event, EventSink};
use crate::spool::batch::FinishedBatch;
use crate::spool::writable::Spool;

pub(crate) mod bucket;
pub(crate) mod digests;
pub(crate) mod rejects;
pub(crate) mod spool;
pub(crate) mod written;

/// Where values go.
#[derive(Debug)]
pub enum Destination {
    /// To a bucket of InfluxDB, as line protocol.
    Bucket(DestinationBucket),
    /// Into a folder of Parquet files.
    Spool(Spool),
    /// Nowhere: they are encoded, and that is all. For looks and measurements.
    Discard,
    /// Nowhere: their digests are taken. For comparisons.
    Digests(DigestsKept),
}

/// What writes in one run: the destination, totals, and who hears of them.
pub struct DestinationWriter {
    end: End,
    /// What may be refused.
    pub rejects: Arc<RejectBudget>,
    /// Who hears of events.
    pub events: EventSink,
    /// Totals.
    pub counters: Arc<Counters>,
}

#[derive(Debug)]
enum End {
    Lines(Arc<LineWriter>),
    Spool(Spool),
    Digests(DigestsKept),
}

impl fmt::Debug for DestinationWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DestinationWriter").field("end", &self.end).finish_non_exhaustive()
    }
}

impl DestinationWriter {
    /// At the beginning of a run.
    pub fn new(
        destination: Destination,
        rejects: RejectLimit,
        events: EventSink,
        counters: Arc<Counters>,
    ) -> Self {
        let rejects = RejectBudget::new(rejects);
        let lines = |bucket| {
            let (rejects, counters) = (Arc::clone(&rejects), Arc::clone(&counters));
            End::Lines(Arc::new(LineWriter::new(bucket, rejects, counters)))
        };
        let end = match destination {
            Destination::Bucket(bucket) => lines(Some(bucket)),
            Destination::Spool(spool) => End::Spool(spool),
            Destination::Discard => lines(None),
            Destination::Digests(kept) => End::Digests(kept),
        };
        Self { end, rejects, events, counters }
    }

    /// Of a run that only looks: nothing is written and nobody told.
    pub fn nowhere() -> Self {
        let events: EventSink = Arc::new(|_| ());
        Self::uncounted(Destination::Discard, &events)
    }

    /// Of what is no run: all may be refused, and nobody asks how much there was.
    pub(crate) fn uncounted(destination: Destination, events: &EventSink) -> Self {
        Self::new(destination, RejectLimit::none(), Arc::clone(events), Arc::default())
    }

    /// The bucket, if one is written.
    pub fn bucket(&self) -> Option<&DestinationBucket> {
        match &self.end {
            End::Lines(lines) => lines.bucket(),
            End::Spool(_) | End::Digests(_) => None,
        }
    }

    /// True if digests are taken of what is written.
    pub fn takes_digests(&self) -> bool {
        self.bucket().is_some() || matches!(self.end, End::Digests(_))
    }

    /// True if nothing is kept of what is written.
    pub fn discards(&self) -> bool {
        matches!(&self.end, End::Lines(lines) if lines.bucket().is_none())
    }

    /// The way in for one reading of a batch.
    pub fn open(&self, batch: TimeRange) -> BatchSink {
        match &self.end {
            End::Lines(lines) => BatchSink::Lines(Arc::clone(lines), batch),
            End::Digests(kept) => BatchSink::Digests(*kept),
            End::Spool(spool) => {
                BatchSink::Spool(SpoolSink::open(spool, batch, Arc::clone(&self.counters)))
            }
        }
    }

    /// Tells of all refusals of a batch at once, with the first of their reasons.
    pub fn tell_refusals(&self, batch: TimeRange, refusals: &RefusedValues) {
        if let Some(reason) = refusals.reason() {
            self.tell(Event::Rejected { batch, values: refusals.values(), reason });
        }
    }

    /// Tells the reporter.
    pub fn tell(&self, event: Event) {
        (self.events)(event);
    }
}

/// Where the frames of one reading of a batch go in. What is read again after it was given up leaves nothing of the first
/// reading in a spool.
#[derive(Debug, Clone)]
pub enum BatchSink {
    /// As lines, to a bucket or nowhere.
    Lines(Arc<LineWriter>, TimeRange),
    /// As rows, to the files of a spool.
    Spool(SpoolSink),
    /// Nowhere, for their digests.
    Digests(DigestsKept),
}

impl BatchSink {
    /// Takes all frames of one slice; returns once each is acknowledged, kept for the spool, or its refused lines are
    /// known. Restored are strings that are written over what came of them first.
    pub async fn take(
        &self,
        frames: mpsc::Receiver<Frame>,
        is_restored: bool,
    ) -> Result<Written, Error> {
        match self {
            Self::Lines(lines, batch) => encode_and_write(lines, *batch, frames, is_restored).await,
            Self::Spool(spool) => spool.take(frames).await,
            Self::Digests(kept) => digests::take(*kept, frames, is_restored).await,
        }
    }

    /// Sorts and syncs what a spool has taken: `None` where there is no spool. All slices must be done.
    pub async fn close(self) -> Result<Option<FinishedBatch>, Error> {
        match self {
            Self::Lines(..) | Self::Digests(_) => Ok(None),
            Self::Spool(spool) => spool.close().await.map(Some),
        }
    }
}
