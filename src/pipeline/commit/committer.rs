//! The ordered committer: the only one who moves the checkpoint, strictly in sequence, and only after it has made sure
//! that the job is still its own.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, MissedTickBehavior, interval};

use crate::checkpoint::record::{Record, next_record_time};
use crate::checkpoint::watermark::Watermark;
use crate::limits::{LEASE_REFRESH_MS, RECORDS_PER_BODY_MAX};
use crate::model::point::Point;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::store::Store;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::read::batch::Done;
use crate::pipeline::write::rejects::Rejects;

/// What was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Everything before this is committed.
    pub watermark: Timestamp,
    /// Batches of this run.
    pub batches: u64,
    /// Their values.
    pub values: u64,
    /// Of which refused.
    pub rejected: u64,
    /// Of which expired.
    pub expired: u64,
    /// Batches that kept changing.
    pub changed: Vec<TimeRange>,
}

struct Committer {
    context: Arc<Context>,
    store: Store,
    rejects: Rejects,
    /// Time of the newest record in the bucket, as far as this run knows.
    newest: Option<Timestamp>,
    committed: Committed,
}

/// Receives complete batches in any order until the sender is gone, and commits what can be committed.
pub async fn run(
    context: Arc<Context>,
    store: Store,
    rejects: Rejects,
    mut done: mpsc::Receiver<Done>,
) -> Result<Committed, Error> {
    let committed = Committed {
        watermark: context.job.plan.range().start,
        batches: 0,
        values: 0,
        rejected: 0,
        expired: 0,
        changed: Vec::new(),
    };
    let newest = context.job.newest_record;
    let mut committer = Committer { context, store, rejects, newest, committed };
    let mut watermark = Watermark::new(0);
    let mut refresh = interval(Duration::from_millis(LEASE_REFRESH_MS));
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            batch = done.recv() => {
                let Some(batch) = batch else { break };
                let ready = complete(&mut watermark, batch);
                committer.commit(ready).await?;
            }
            _ = refresh.tick() => committer.refresh_lease(false).await?,
        }
    }
    Ok(committer.committed)
}

/// A stretch of empty batches has one number per batch: all of them are complete, the stretch is kept at the first.
fn complete(watermark: &mut Watermark<Option<Done>>, batch: Done) -> Vec<Done> {
    let seq = batch.seq.clone();
    let mut ready = watermark.complete(seq.start, Some(batch));
    for rest in seq.start + 1..seq.end {
        ready.extend(watermark.complete(rest, None));
    }
    ready.into_iter().flatten().collect()
}

impl Committer {
    async fn commit(&mut self, ready: Vec<Done>) -> Result<(), Error> {
        for done in ready {
            self.commit_one(done).await?;
        }
        Ok(())
    }

    async fn commit_one(&mut self, done: Done) -> Result<(), Error> {
        let job = self.context.job.range;
        let plan = self.context.job.plan;
        let range_of = |seq| plan.nth(seq).expect("a complete batch is in the plan");
        let whole = TimeRange::new(range_of(done.seq.start).start, range_of(done.seq.end - 1).stop);
        if !done.refusals.is_empty() {
            self.rejects.append(whole, &done.refusals)?;
        }
        self.check_limit(&done)?;
        let count = done.seq.end - done.seq.start;
        let mut seqs = done.seq.clone();
        loop {
            let part: Vec<u64> = seqs.by_ref().take(RECORDS_PER_BODY_MAX).collect();
            let Some(last) = part.last() else { break };
            self.check_ownership().await?;
            let now = self.context.destination.server_time().map_or(whole.stop, Timestamp::from_ns);
            let mut points: Vec<Point> = Vec::with_capacity(part.len() + 1);
            let mut newest = self.newest;
            for seq in &part {
                let record =
                    Record::new(range_of(*seq), done.values, job, next_record_time(newest, now));
                newest = Some(record.time);
                if count == 1 {
                    points.push(done.details.point(&self.context.job.keys, &record));
                }
                points.push(record.point(&self.context.job.keys));
            }
            let stop = range_of(*last).stop;
            self.store
                .write(&points, &format!("record of {} batches up to {stop}", part.len()))
                .await?;
            self.newest = newest;
            self.committed.watermark = stop;
        }
        self.note(&done, whole, count);
        Ok(())
    }

    fn check_limit(&self, done: &Done) -> Result<(), Error> {
        let job = &self.context.job;
        let rejected = job.rejected_before + self.committed.rejected + done.details.rejected;
        let limit = job.reject_limit;
        if rejected > limit {
            return Err(Error::RejectLimit {
                rejected,
                limit,
                path: self.rejects.path().to_owned(),
            });
        }
        Ok(())
    }

    /// The lease must be ours, and the newest record the one this run found or wrote: a run that slept while another one
    /// took over must not commit.
    async fn check_ownership(&self) -> Result<(), Error> {
        let lease = self.store.lease().await?;
        match lease {
            Some(stored) if stored.lease == self.context.job.lease => {}
            Some(stored) => {
                let found = format!("run {} on {}", stored.lease.run, stored.lease.machine);
                return Err(Error::LeaseLost { found });
            }
            None => return Err(Error::LeaseLost { found: "no lease".to_owned() }),
        }
        let newest = self.store.newest_record().await?.map(|(_, time)| time);
        if newest == self.newest {
            Ok(())
        } else {
            Err(Error::LeaseLost { found: "a record of another writer".to_owned() })
        }
    }

    async fn refresh_lease(&mut self, released: bool) -> Result<(), Error> {
        let stored = self.store.lease().await?;
        let Some(stored) = stored.filter(|stored| stored.lease == self.context.job.lease) else {
            return Err(Error::LeaseLost { found: "another lease".to_owned() });
        };
        let now =
            self.context.destination.server_time().map_or(stored.refreshed, Timestamp::from_ns);
        let time = next_record_time(Some(stored.refreshed), now);
        let point = self.context.job.lease.point(&self.context.job.keys, time, released);
        self.store.write(&[point], "lease").await
    }

    fn note(&mut self, done: &Done, whole: TimeRange, count: u64) {
        let counters = &self.context.counters;
        Counters::add(&counters.batches_committed, count);
        Counters::add(&counters.values_committed, done.values + done.left_out);
        Counters::add(&counters.values_rejected, done.details.rejected);
        self.committed.batches += count;
        self.committed.values += done.values + done.left_out;
        self.committed.rejected += done.details.rejected;
        self.committed.expired += done.details.expired;
        if done.details.changed {
            self.committed.changed.push(whole);
        }
        self.context.tell(Event::Committed {
            range: whole,
            batches: count,
            values: done.values,
            rejected: done.details.rejected,
        });
    }
}
