//! The ordered committer: the only one who moves the checkpoint, strictly in sequence, and only after it has made sure
//! that the job is still its own.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Interval, MissedTickBehavior, interval};

use super::Checkpoint;
use super::complete::{Complete, Done};
use crate::checkpoint::record::CommittedBatch;
use crate::checkpoint::watermark::Watermark;
use crate::limits::{BATCHES_OPEN_MAX, CLOSING_BATCHES_MAX, LEASE_REFRESH_MS};
use crate::model::batch::BatchPlan;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::pool::blocking;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::DestinationWriter;
use crate::pipeline::write::rejects::refusals::RefusedValues;

/// What was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
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
    /// What each of them came to that holds anything; neighbours as one where they are very many.
    pub each: Vec<CommittedBatch>,
}

struct Committer {
    out: Arc<DestinationWriter>,
    plan: BatchPlan,
    checkpoint: Checkpoint,
    refresh: Interval,
    committed: Committed,
}

/// Receives complete batches in any order until the sender is gone, and commits what can be committed. After a stop it ends in
/// bounded time, whoever it waits for then: what has no record is moved again.
///
/// # Panics
///
/// If more batches wait than may be open.
pub(crate) async fn run(
    out: Arc<DestinationWriter>,
    plan: BatchPlan,
    checkpoint: Checkpoint,
    mut complete: mpsc::Receiver<Complete>,
    stop: StopSignal,
) -> Result<Committed, Error> {
    let committed = Committed {
        watermark: plan.range().start,
        batches: 0,
        values: 0,
        rejected: 0,
        expired: 0,
        changed: Vec::new(),
        each: Vec::new(),
    };
    let mut refresh = interval(Duration::from_millis(LEASE_REFRESH_MS));
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut committer = Committer { out, plan, checkpoint, refresh, committed };
    tokio::select! {
        ended = committer.all(&mut complete) => ended?,
        _ = stop.recorded() => {}
    }
    Ok(committer.committed)
}

impl Committer {
    async fn all(&mut self, complete: &mut mpsc::Receiver<Complete>) -> Result<(), Error> {
        let mut watermark = Watermark::new(0);
        loop {
            tokio::select! {
                batch = complete.recv() => {
                    let Some(batch) = batch else { return Ok(()) };
                    for Complete { done, permit, .. } in watermark.complete(batch.done.seq.clone(), batch) {
                        self.commit(done).await?;
                        drop(permit);
                    }
                    let waiting = watermark.waiting();
                    assert!(waiting < BATCHES_OPEN_MAX, "{waiting} batches wait, with the one before them still open");
                }
                _ = self.refresh.tick() => self.checkpoint.refresh().await?,
            }
        }
    }

    async fn commit(&mut self, mut done: Done) -> Result<(), Error> {
        let whole = done.range(self.plan);
        let refusals = self.keep(whole, std::mem::take(&mut done.refusals)).await?;
        self.checkpoint.commit(self.plan, &mut done).await?;
        refusals.committed();
        self.committed.watermark = whole.stop;
        self.note(&done, whole);
        Ok(())
    }

    /// Adds refused lines to the rejects file, on a thread that may wait for the disk. They may be many: the lease must not
    /// grow old meanwhile.
    async fn keep(
        &mut self,
        batch: TimeRange,
        refusals: RefusedValues,
    ) -> Result<RefusedValues, Error> {
        if refusals.is_empty() {
            return Ok(refusals);
        }
        let file = self.out.rejects.limit().file.clone();
        let adding = blocking(move || file.append(batch, &refusals).map(|()| refusals));
        tokio::pin!(adding);
        loop {
            tokio::select! {
                added = &mut adding => return added,
                _ = self.refresh.tick() => self.checkpoint.refresh().await?,
            }
        }
    }

    fn note(&mut self, done: &Done, whole: TimeRange) {
        let (counters, batches) = (&self.out.counters, done.seq.end - done.seq.start);
        Counters::add(&counters.batches_committed, batches);
        Counters::add(&counters.values_committed, done.values + done.left_out);
        Counters::add(&counters.values_rejected, done.details.rejected);
        self.committed.batches += batches;
        self.committed.values += done.values + done.left_out;
        self.committed.rejected += done.details.rejected;
        self.committed.expired += done.details.expired;
        if done.details.changed {
            self.committed.changed.push(whole);
        }
        self.remember(CommittedBatch::new(whole, &done.details));
        let (values, rejected) = (done.values, done.details.rejected);
        self.out.tell(Event::Committed { range: whole, batches, values, rejected });
    }

    fn remember(&mut self, batch: CommittedBatch) {
        if batch == CommittedBatch::empty(batch.range) {
            return;
        }
        let each = &mut self.committed.each;
        if each.len() == CLOSING_BATCHES_MAX {
            let pairs = each.chunks(2).map(|pair| match *pair {
                [first, second] => first.with(second),
                _ => pair[0],
            });
            *each = pairs.collect();
        }
        each.push(batch);
    }
}
