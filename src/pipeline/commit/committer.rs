//! The ordered committer: the only one who moves the checkpoint, strictly in sequence, and only after it has made sure
//! that the job is still its own.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, MissedTickBehavior, interval};

use crate::checkpoint::record::CommittedBatch;
use crate::checkpoint::watermark::Watermark;
use crate::limits::{CLOSING_BATCHES_MAX, LEASE_REFRESH_MS};
use crate::model::batch::BatchPlan;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::keeper::Keeper;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::read::batch::Done;
use crate::pipeline::write::outlet::Outlet;
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
    /// What each of them came to that holds anything; neighbours as one where they are very many.
    pub each: Vec<CommittedBatch>,
}

struct Committer {
    out: Arc<Outlet>,
    plan: BatchPlan,
    keeper: Keeper,
    rejects: Rejects,
    committed: Committed,
}

/// Receives complete batches in any order until the sender is gone, and commits what can be committed.
pub async fn run(
    out: Arc<Outlet>,
    plan: BatchPlan,
    keeper: Keeper,
    rejects: Rejects,
    mut done: mpsc::Receiver<Done>,
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
    let mut committer = Committer { out, plan, keeper, rejects, committed };
    let mut watermark = Watermark::new(0);
    let mut refresh = interval(Duration::from_millis(LEASE_REFRESH_MS));
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            batch = done.recv() => {
                let Some(batch) = batch else { break };
                for ready in watermark.complete(batch.seq.clone(), batch) {
                    committer.commit(ready).await?;
                }
            }
            _ = refresh.tick() => committer.keeper.refresh().await?,
        }
    }
    Ok(committer.committed)
}

impl Committer {
    async fn commit(&mut self, mut done: Done) -> Result<(), Error> {
        let whole = done.range(self.plan);
        if !done.refusals.is_empty() {
            self.rejects.append(whole, &done.refusals)?;
        }
        self.check_limit(&done)?;
        self.keeper.commit(self.plan, &mut done).await?;
        self.committed.watermark = whole.stop;
        self.note(&done, whole);
        Ok(())
    }

    fn check_limit(&self, done: &Done) -> Result<(), Error> {
        let allowed = &self.out.rejects;
        let rejected = allowed.before + self.committed.rejected + done.details.rejected;
        if rejected > allowed.max {
            let path = self.rejects.path().to_owned();
            return Err(Error::RejectLimit { rejected, limit: allowed.max, path });
        }
        Ok(())
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
        self.keep(CommittedBatch {
            range: whole,
            read: done.values,
            acknowledged: done.details.acknowledged,
            expired: done.details.expired,
        });
        let (values, rejected) = (done.values, done.details.rejected);
        self.out.tell(Event::Committed { range: whole, batches, values, rejected });
    }

    fn keep(&mut self, batch: CommittedBatch) {
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
