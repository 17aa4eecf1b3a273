//! The closing check: once all is committed, both ends are counted again and held against what was read and acknowledged.
//!
//! The source tells of values that arrived in batches that were committed already, of older ones than the job and of newer ones
//! than its stop; the destination of values that it acknowledged and does not hold, or holds though nobody sent them. Each batch
//! is counted by itself ([`pieces`]). Counts do not tell one value from another: that is a verification's business. Counts of the
//! destination cost no quota.

use crate::checkpoint::record::CommittedBatch;
use crate::limits::{
    CLOSING_COUNTS_AT_ONCE, CLOSING_DIFFERENCES_MAX, CLOSING_PAUSE_MS, CLOSING_TRIES,
};
use crate::model::number;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::pieces::{self, Discrepancy, sum};
use crate::pipeline::plan::count;
use crate::pipeline::recount::{Recount, types_of_now, with_types};
use crate::pipeline::retyped::TypesOfNow;
use crate::pipeline::source::earliest::{earliest, latest};
use crate::pipeline::source::{SourceBucket, unreturned};
use crate::pipeline::write::DestinationWriter;
use crate::pipeline::write::bucket::DestinationBucket;
use crate::pipeline::write::bucket::type_conflict::ConflictPolicy;

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
    /// What may have arrived as another type, and why the destination could not be counted, if it could not; in words.
    pub doubts: Vec<String>,
}

/// Where an end differs, or why nobody can tell.
type Differing = Result<Vec<Discrepancy>, String>;

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
        let pieces = self.pieces().await?;
        let now = match self.source {
            Some(source) => types_of_now(source).await?,
            None => None,
        };
        let here = self.source.map(|source| with_types(source, now.as_ref()));
        let (mut closing, there) =
            tokio::try_join!(self.here(here.as_ref(), &pieces), self.there(&pieces))?;
        let mut types_there = None;
        if let Some((there, found)) = there {
            match found {
                Ok(differing) => closing.destination = differing,
                Err(why) => closing.doubts.push(why),
            }
            if let Some(here) = &here {
                self.take_grown_alike(&mut closing, here, &there.counter).await?;
            }
            types_there = there.types;
        }
        if let (Some(source), Some(here)) = (self.source, &now) {
            let keeps_names =
                |bucket: &&DestinationBucket| bucket.on_type_conflict == ConflictPolicy::Stop;
            let held = self.out.bucket().filter(keeps_names);
            // What this run has read of fields that had several types from its beginning, it has read as what it is.
            let has_earlier = self.resume > self.job.start;
            let types_there = types_there.as_ref().filter(|_| has_earlier);
            let held = held.map(|bucket| (bucket, types_there));
            let doubts = TypesOfNow { source, here, held }.doubts(&pieces).await?;
            closing.doubts.extend(doubts);
        }
        Ok(closing)
    }

    /// What the source tells.
    async fn here(
        self,
        here: Option<&SourceBucket>,
        pieces: &[CommittedBatch],
    ) -> Result<Closing, Error> {
        let mut closing = Closing::default();
        let Some(source) = here else { return Ok(closing) };
        closing.source = at_source(source, pieces).await?;
        closing.source.extend(older(source, self.job.start).await?);
        closing.doubts.extend(unreturned_since(source).await?);
        let newer = TimeRange::new(self.job.stop, Timestamp::STOP_MAX);
        let values = count::total(source, newer).await?;
        closing.newer = Some(values);
        if values > 0 {
            closing.ahead = ahead(source, newer).await?;
        }
        Ok(closing)
    }

    /// What the destination tells, if it is a bucket: where it differs, or why nobody can tell.
    async fn there(self, pieces: &[CommittedBatch]) -> Result<Option<(Recount, Differing)>, Error> {
        let (Some(bucket), Some(range)) = (self.out.bucket(), pieces::whole(pieces)) else {
            return Ok(None);
        };
        let there = Recount::of(bucket, range).await?;
        let found = self.at_destination(bucket, &there, pieces).await?;
        Ok(Some((there, found)))
    }

    async fn at_destination(
        self,
        bucket: &DestinationBucket,
        there: &Recount,
        pieces: &[CommittedBatch],
    ) -> Result<Differing, Error> {
        let is_fine = |pieces: &[CommittedBatch], counted: u64| {
            let least = sum(pieces, |piece| piece.acknowledged);
            let most = least.saturating_add(sum(pieces, |piece| piece.doubtful));
            counted >= least && (counted <= most || bucket.is_shared)
        };
        let pieces = match there.comparable(self.source, pieces).await? {
            Ok(pieces) => pieces,
            Err(why) => return Ok(Err(why)),
        };
        // After a refusal the server goes on writing for a while, and its counts lag.
        for _ in 0..CLOSING_TRIES {
            if pieces::suspects(&there.counter, CLOSING_COUNTS_AT_ONCE, &pieces, is_fine)
                .await?
                .is_empty()
            {
                return Ok(Ok(Vec::new()));
            }
            tokio::time::sleep(std::time::Duration::from_millis(CLOSING_PAUSE_MS)).await;
        }
        let acknowledged = |piece: &CommittedBatch| piece.acknowledged;
        pieces::differing(&there.counter, CLOSING_COUNTS_AT_ONCE, &pieces, is_fine, acknowledged)
            .await
            .map(Ok)
    }

    /// Takes out the batches that have grown at the source and of which the destination holds as many values of each
    /// measurement: what came late was brought by another job, or is written to both ends.
    async fn take_grown_alike(
        self,
        closing: &mut Closing,
        here: &SourceBucket,
        there: &SourceBucket,
    ) -> Result<(), Error> {
        // With more differences than are kept, nobody knows the rest.
        if closing.source.len().max(closing.destination.len()) >= CLOSING_DIFFERENCES_MAX {
            return Ok(());
        }
        for Discrepancy { range, expected, found } in closing.source.clone() {
            let Some(more) = found.checked_sub(expected) else { continue };
            if !count::are_alike(here, there, range).await? {
                continue;
            }
            closing.source.retain(|known| known.range != range);
            closing.destination.retain(|known| known.range != range);
            let more = number::counted(more, "more value", "more values");
            self.out.tell(Event::Notice(format!(
                "{range} holds {more} at both ends than this job has moved: another has brought them"
            )));
        }
        Ok(())
    }

    /// The job without a gap. Where others have recorded batches too, only what this run has moved.
    async fn pieces(self) -> Result<Vec<CommittedBatch>, Error> {
        let own = TimeRange::new(self.resume, self.job.stop);
        let (range, batches) = match self.checkpoint.committed().await? {
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
        Ok(pieces::of(range, batches))
    }
}

/// What came behind the back of a job that is meant to begin at the oldest value.
async fn older(source: &SourceBucket, start: Timestamp) -> Result<Option<Discrepancy>, Error> {
    let range = TimeRange::new(Timestamp::MIN, start);
    if !source.job.is_from_oldest || range.is_empty() {
        return Ok(None);
    }
    let found = count::total(source, range).await?;
    if found == 0 {
        return Ok(None);
    }
    let oldest = earliest(&source.client, source.job.selection(range)).await?;
    let range = TimeRange::new(oldest.unwrap_or(range.start), start);
    Ok(Some(Discrepancy { range, expected: 0, found }))
}

/// Measurements that came while the job ran and are returned to no query, in words: none was listed when it began.
async fn unreturned_since(source: &SourceBucket) -> Result<Vec<String>, Error> {
    let (job, client) = (&source.job, &source.client);
    let mut found = unreturned::take(client, &job.source_bucket, &job.filter, None).await?;
    let is_known = |name: &Name| job.routes.unreturned.iter().any(|one| one.measurement == *name);
    found.retain(|found| !is_known(&found.measurement));
    let told = |found| {
        format!(
            "{found}, came while the job ran: the source lists it and returns it to no query, so nothing of it is copied"
        )
    };
    Ok(found.into_iter().map(told).collect())
}

/// Values that passed the retention line since they were read are missed by nobody.
async fn at_source(
    source: &SourceBucket,
    pieces: &[CommittedBatch],
) -> Result<Vec<Discrepancy>, Error> {
    let now = source.client.server_time().map_or(Timestamp::STOP_MAX, Timestamp::from_ns);
    let line = source.job.source_retention_ns.map(|ns| now.saturating_add_ns(-ns));
    let is_fine = |pieces: &[CommittedBatch], counted: u64| {
        let read = sum(pieces, |piece| piece.read);
        let may_expire = |piece: &CommittedBatch| line.is_some_and(|line| piece.range.start < line);
        counted == read || (counted < read && pieces.iter().all(may_expire))
    };
    pieces::differing(source, 1, pieces, is_fine, |piece| piece.read).await
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
