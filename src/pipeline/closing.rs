//! The closing check: once all is committed, both ends are counted again and held against what was read and acknowledged.
//!
//! The source tells of values that arrived in batches that were committed already, and of newer ones than the job's stop; the
//! destination of values that it acknowledged and does not hold, or holds though nobody sent them. One count of each whole
//! range; only where it differs, halves of it, down to the batch. Counts do not tell one value from another: that is a
//! verification's business. Counts of the destination cost no quota.

use crate::checkpoint::record::CommittedBatch;
use crate::limits::{CLOSING_DIFFERENCES_MAX, CLOSING_PAUSE_MS, CLOSING_TRIES};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::plan::count;
use crate::pipeline::recount::{Recount, with_types_of_now};
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::earliest::latest;
use crate::pipeline::write::DestinationWriter;
use crate::pipeline::write::bucket::DestinationBucket;

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closing {
    /// Where the source holds another number of values than was read.
    pub source: Vec<Discrepancy>,
    /// Where the destination holds another number of values than it acknowledged.
    pub destination: Vec<Discrepancy>,
    /// Values at the source behind the job's stop; `None` if there is no such source.
    pub newer: Option<u64>,
    /// The newest of them, if it lies ahead of the source's own clock.
    pub ahead: Option<Timestamp>,
    /// Why the destination could not be counted, if it could not.
    pub uncounted: Option<String>,
}

impl Closing {
    /// Takes out the batches that have grown by as many values at both ends: what came late at the source was brought by
    /// another job, or is written to both ends. Gives a line for each.
    fn take_grown_alike(&mut self) -> Vec<String> {
        let Self { source, destination, .. } = self;
        // With more differences than are kept, nobody knows the rest.
        if source.len().max(destination.len()) >= CLOSING_DIFFERENCES_MAX {
            return Vec::new();
        }
        let alike: Vec<Discrepancy> = source
            .iter()
            .filter(|here| destination.iter().any(|there| here.has_grown_as(there)))
            .copied()
            .collect();
        let is_other = |found: &Discrepancy| alike.iter().all(|known| known.range != found.range);
        source.retain(is_other);
        destination.retain(is_other);
        let told = |found: &Discrepancy| {
            let (more, range) = (found.found - found.expected, found.range);
            format!(
                "{range} holds {more} more values at both ends than this job has moved: another has brought them"
            )
        };
        alike.iter().map(told).collect()
    }
}

/// A range in which two numbers of values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discrepancy {
    /// The range: a batch, or a stretch between two.
    pub range: TimeRange,
    /// Values that were read, or acknowledged.
    pub expected: u64,
    /// Values that are there.
    pub found: u64,
}

impl Discrepancy {
    fn has_grown_as(&self, other: &Self) -> bool {
        let more = |of: &Self| of.found.checked_sub(of.expected);
        self.range == other.range && more(self).is_some() && more(self) == more(other)
    }
}

/// What is checked: all that the job has committed, as far as it is known batch by batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosingCheck<'a> {
    /// The source, if it is a bucket.
    pub source: Option<&'a SourceBucket>,
    /// The destination.
    pub out: &'a DestinationWriter,
    /// What earlier runs have committed.
    pub checkpoint: &'a Checkpoint,
    /// The job, from its start to this run's stop.
    pub job: TimeRange,
    /// Where this run began.
    pub resume: Timestamp,
    /// What this run has committed.
    pub batches: &'a [CommittedBatch],
}

impl ClosingCheck<'_> {
    /// Counts both ends.
    pub(crate) async fn run(self) -> Result<Closing, Error> {
        let mut closing = Closing::default();
        let pieces = self.pieces().await?;
        if let Some(source) = self.source {
            let source = &with_types_of_now(source).await?;
            closing.source = at_source(source, &pieces).await?;
            let newer = TimeRange::new(self.job.stop, Timestamp::STOP_MAX);
            let values = count::total(source, newer).await?;
            closing.newer = Some(values);
            if values > 0 {
                closing.ahead = ahead(source, newer).await?;
            }
        }
        if let Some(bucket) = self.out.bucket() {
            match self.at_destination(bucket, &pieces).await? {
                Ok(differing) => closing.destination = differing,
                Err(why) => closing.uncounted = Some(why),
            }
        }
        for text in closing.take_grown_alike() {
            self.out.tell(Event::Notice(text));
        }
        Ok(closing)
    }

    async fn at_destination(
        self,
        bucket: &DestinationBucket,
        pieces: &[CommittedBatch],
    ) -> Result<Result<Vec<Discrepancy>, String>, Error> {
        let is_fine = |pieces: &[CommittedBatch], counted: u64| {
            let least = sum(pieces, |piece| piece.acknowledged);
            let most = least.saturating_add(sum(pieces, |piece| piece.doubtful));
            counted >= least && (counted <= most || bucket.is_shared)
        };
        let Some(range) = whole(pieces) else { return Ok(Ok(Vec::new())) };
        let recount = Recount::of(bucket, range).await?;
        let pieces = match recount.comparable(self.source, pieces).await? {
            Ok(pieces) => pieces,
            Err(why) => return Ok(Err(why)),
        };
        let counter = &recount.counter;
        // After a refusal the server goes on writing for a while, and its counts lag.
        for _ in 0..CLOSING_TRIES {
            if is_fine(&pieces, count::total(counter, range).await?) {
                return Ok(Ok(Vec::new()));
            }
            tokio::time::sleep(std::time::Duration::from_millis(CLOSING_PAUSE_MS)).await;
        }
        let mut found = Vec::new();
        narrow(counter, &pieces, is_fine, |piece| piece.acknowledged, &mut found).await?;
        Ok(Ok(found))
    }

    /// The job without a gap: batches that hold something, and what lies between them. Where others have recorded batches
    /// too, only what this run has moved.
    async fn pieces(self) -> Result<Vec<CommittedBatch>, Error> {
        let own = TimeRange::new(self.resume, self.job.stop);
        let (range, mut batches) = match self.checkpoint.committed().await? {
            Some(all) => (self.job, all),
            None if own == self.job => (own, self.batches.to_vec()),
            None => {
                let text = format!(
                    "the closing check is about {own} alone: what was committed before is not known batch by batch"
                );
                self.out.tell(Event::Notice(text));
                (own, self.batches.to_vec())
            }
        };
        batches.retain(|batch| range.contains(batch.range.start));
        batches.sort_by_key(|batch| batch.range.start);
        let (mut pieces, mut at) = (Vec::with_capacity(batches.len() * 2 + 1), range.start);
        for batch in batches {
            pieces.extend(gap(at, batch.range.start));
            at = batch.range.stop;
            pieces.push(batch);
        }
        pieces.extend(gap(at, range.stop));
        Ok(pieces)
    }
}

fn gap(start: Timestamp, stop: Timestamp) -> Option<CommittedBatch> {
    (start < stop).then(|| CommittedBatch::empty(TimeRange { start, stop }))
}

/// Values that passed the retention line since they were read are missed by nobody.
async fn at_source(
    source: &SourceBucket,
    pieces: &[CommittedBatch],
) -> Result<Vec<Discrepancy>, Error> {
    let now = source.client.server_time().map_or(Timestamp::STOP_MAX, Timestamp::from_ns);
    let line = source.job.source_retention_ns.map(|ns| now.saturating_add_ns(-ns));
    let before = line.map_or(0, |line| pieces.partition_point(|piece| piece.range.start < line));
    let (old, young) = pieces.split_at(before);
    let mut found = Vec::new();
    for (pieces, expire) in [(old, true), (young, false)] {
        let is_fine = |pieces: &[CommittedBatch], counted: u64| {
            let read = sum(pieces, |piece| piece.read);
            counted == read || (expire && counted < read)
        };
        narrow(source, pieces, is_fine, |piece| piece.read, &mut found).await?;
    }
    Ok(found)
}

/// Finds the pieces whose count is not fine: one count of all of them, and only where it is not fine, of their halves.
async fn narrow(
    counter: &SourceBucket,
    pieces: &[CommittedBatch],
    is_fine: impl Fn(&[CommittedBatch], u64) -> bool,
    expected: impl Fn(&CommittedBatch) -> u64,
    differing: &mut Vec<Discrepancy>,
) -> Result<(), Error> {
    let mut stack = vec![pieces];
    while differing.len() < CLOSING_DIFFERENCES_MAX
        && let Some(pieces) = stack.pop()
    {
        let Some(range) = whole(pieces) else { continue };
        let found = count::total(counter, range).await?;
        if is_fine(pieces, found) {
            continue;
        }
        if pieces.len() > 1 {
            let (first, second) = pieces.split_at(pieces.len() / 2);
            stack.extend([second, first]);
        } else {
            differing.push(Discrepancy { range, expected: sum(pieces, &expected), found });
        }
    }
    Ok(())
}

fn whole(pieces: &[CommittedBatch]) -> Option<TimeRange> {
    Some(TimeRange { start: pieces.first()?.range.start, stop: pieces.last()?.range.stop })
}

fn sum(pieces: &[CommittedBatch], of: impl Fn(&CommittedBatch) -> u64) -> u64 {
    pieces.iter().map(of).sum()
}

/// The newest value, if its time has not come yet.
async fn ahead(source: &SourceBucket, newer: TimeRange) -> Result<Option<Timestamp>, Error> {
    let now = source.client.server_time().map(Timestamp::from_ns);
    // The largest time is out of the reach of what tells the newest one.
    let newest = if count::largest_time(source, newer).await?.is_empty() {
        latest(&source.client, source.job.selection(newer)).await?
    } else {
        Some(Timestamp::MAX)
    };
    Ok(newest.filter(|newest| now.is_some_and(|now| *newest > now)))
}
