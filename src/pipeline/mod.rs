//! The stages, and the only owner of channels.
//!
//! ```text
//! source    what the bucket is like: asked, never read
//! plan      counted, a transport for each measurement, cut into slices         bucket, spool
//! read      a batch in slices, held against the count of its source            bucket, spool
//! write     frames to lines and bodies, or to rows of files                    bucket, spool, nowhere
//! commit    strictly in sequence                                               bucket, spool, nowhere
//! closing   when all is committed: both ends counted once more
//! verify    what was written, read again: digests, and values where they differ     bucket
//! ```
//!
//! Each stage that has two kinds of ends names them in its `mod.rs`; `bucket` and `spool` beside it are those. A stage uses
//! what stands below: `read` all others, `plan` the source, `commit` what was written; never the other way. Here the batches
//! are opened in sequence, moved, and handed to the committer.
//!
//! Slices and bodies of the open batches flow in any order; writes can be repeated, so only the checkpoint has an order.
//! A batch task ends when everything of its batch is acknowledged or known to be refused; the committer alone moves the
//! watermark. Nothing of a batch that failed is ever recorded.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use self::closing::{Closing, ClosingCheck};
use self::commit::Checkpoint;
use self::commit::complete::{Complete, Done};
use self::error::Error;
use self::event::{Event, StopReason};
use self::plan::spool::Lacking;
use self::pool::{blocking, joined};
use self::read::bucket::relist;
use self::read::bucket::restored::Relist;
use self::read::{BatchOrigin, Batches, Next, NextBatchTask};
use self::same_buckets::SameBuckets;
use self::stop::StopSignal;
use self::verify::prover::{BatchProof, Proven, prove_and_commit};
use self::write::DestinationWriter;
use self::write::rejects::missing::Missing;
use crate::limits::BATCHES_OPEN_MAX;
use crate::model::side::Side;
use crate::model::time::{TimeRange, Timestamp};

pub(crate) mod closing;
pub(crate) mod commit;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod permits;
pub(crate) mod pieces;
pub(crate) mod plan;
pub(crate) mod pool;
pub(crate) mod read;
mod recount;
mod retyped;
mod same_buckets;
pub(crate) mod small_answer;
pub(crate) mod source;
pub(crate) mod stop;
pub(crate) mod verify;
pub(crate) mod write;

/// How a run ended, for the closing summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutcome {
    /// The whole job.
    pub job: TimeRange,
    /// Everything before this is committed.
    pub watermark: Timestamp,
    /// Values committed in this run.
    pub values: u64,
    /// Values refused in this run.
    pub rejected: u64,
    /// Values of the batches of this run that disappeared behind the retention line while being read.
    pub expired: u64,
    /// Ranges that kept changing while they were read.
    pub changed: Vec<TimeRange>,
    /// What the source lists and returns to no query, in words.
    pub unreturned: Vec<String>,
    /// What the spool that was read does not hold of its job.
    pub lacking: Lacking,
    /// What this run or an earlier one of the job may have read wrongly, in words.
    pub doubts: Vec<String>,
    /// What was read back before it was recorded.
    pub proven: Proven,
    /// What both ends held when all was committed; nothing for a run that ended before.
    pub closing: Closing,
    /// The destination may hold other data in the job's range: its count tells nothing of what it has lost.
    pub is_shared: bool,
    /// Batches committed by this run.
    pub batches: u64,
    /// Why the run ended before the plan did, if it did.
    pub stopped: Option<StopReason>,
}

impl RunOutcome {
    /// True for a run that has come to its end and has moved anything.
    pub fn has_moved(&self) -> bool {
        self.stopped.is_none() && self.values > self.rejected
    }
}

/// Moves the batches of the job until the plan, a stop or a failure ends it. What is committed stays committed however
/// it ends; the error of the stage that failed first is returned.
pub async fn run(
    origin: BatchOrigin,
    out: Arc<DestinationWriter>,
    checkpoint: Checkpoint,
    proof: Option<BatchProof>,
    stop: StopSignal,
) -> Result<RunOutcome, Error> {
    let (sender, receiver) = mpsc::channel(BATCHES_OPEN_MAX);
    let (job, plan, unreturned) = (origin.range(), origin.plan(), origin.unreturned());
    let lacking = origin.lacking();
    resume_rejects(&out, plan.range().start).await?;
    let recorder = (Arc::clone(&out), plan, checkpoint.clone());
    let recording = prove_and_commit(proof, recorder, receiver, stop.clone());
    let mut committer = tokio::spawn(recording);
    let batches = Batches::new(origin, Arc::clone(&out), &checkpoint);
    let reader = batches.reader();
    let buckets = SameBuckets::of(reader.as_deref().map(|reader| &reader.source), out.bucket());
    let mut open = Open {
        out: Arc::clone(&out),
        buckets: buckets.clone(),
        reach: plan.range().start,
        tasks: JoinSet::new(),
        complete: sender,
    };
    let read = tokio::select! {
        read = open.all(batches, &stop) => read,
        reason = drain_over(&out, &stop) => Ok(Some(reason)),
        // It ends before its batches do only because it failed.
        committed = &mut committer => return Err(joined(committed).err().unwrap_or(Error::StageGone("commit"))),
    };
    // Nothing new is complete from here on: batches still open are given up, the committer finishes what it has. After a
    // stop it has a bound of its own for that.
    let reach = open.reach;
    drop(open);
    let committed = joined(committer.await);
    let mut stopped = match read {
        // The batches only saw that nobody takes them any more: the committer knows why.
        Err(Error::StageGone(_)) if committed.is_err() => None,
        Err(error) => {
            let from = committed.as_ref().map_or(plan.range().start, |(_, done)| done.watermark);
            note_foreign(&checkpoint, &error, TimeRange::new(from, reach.max(from))).await?;
            return Err(error);
        }
        Ok(stopped) => stopped,
    };
    let (proven, committed) = committed?;
    // Whoever asked for the end does not wait for it.
    if let Some(reader) = &reader
        && stop.reason().is_none()
    {
        match stop.unless(Box::pin(relist::prove(reader, Relist::All))).await {
            Ok(proven) => proven?,
            Err(reason) => stopped = Some(reason),
        }
    }
    let mut closing = Closing::default();
    if stopped.is_none() && !matches!(checkpoint, Checkpoint::None) {
        let check = ClosingCheck {
            source: reader.as_deref().map(|reader| &reader.source),
            out: &out,
            checkpoint: &checkpoint,
            job,
            resume: plan.range().start,
            batches: &committed.each,
        };
        // All is committed: whoever asks for the end gets it at once.
        let checked = async {
            let found = check.run().await?;
            buckets.hold().await.map(|()| found)
        };
        match stop.unless(Box::pin(checked)).await {
            Ok(found) => closing = found?,
            Err(reason) => stopped = Some(reason),
        }
    }
    // The closing check asks the source too.
    if let Some(reader) = &reader {
        let client = &reader.source.client;
        out.counters.note_answered(client.quota().total_bytes(), client.requests());
    }
    let mut doubts = tokio::select! {
        doubts = checkpoint.doubts() => doubts?,
        _ = stop.recorded() => Vec::new(),
    };
    doubts.append(&mut closing.doubts);
    Ok(RunOutcome {
        job,
        watermark: committed.watermark,
        values: committed.values,
        rejected: committed.rejected,
        expired: committed.expired,
        changed: committed.changed,
        unreturned,
        lacking,
        doubts,
        proven,
        closing,
        is_shared: out.bucket().is_some_and(|bucket| bucket.is_shared),
        batches: committed.batches,
        stopped,
    })
}

/// Keeps for good what a source bucket of another id may have left in the batches that were open. A spool takes theirs away.
async fn note_foreign(
    checkpoint: &Checkpoint,
    error: &Error,
    open: TimeRange,
) -> Result<(), Error> {
    let Error::AnotherBucket { side: Side::Source, name, was, .. } = error else { return Ok(()) };
    if !matches!(checkpoint, Checkpoint::Bucket(_)) || open.is_empty() {
        return Ok(());
    }
    let doubt = format!(
        "{open}: what was written there when another bucket had the name {name:?} may be of that one, and not of {was}"
    );
    checkpoint.note_doubt(&doubt).await
}

/// Takes out of the rejects file what is moved again, and says if it lacks what committed batches have refused.
async fn resume_rejects(out: &DestinationWriter, resume: Timestamp) -> Result<(), Error> {
    let limit = out.rejects.limit();
    let file = limit.file.clone();
    let found = blocking(move || file.resume(resume)).await?;
    if found < limit.before {
        let missing = Missing { file: &limit.file, found, refused: limit.before };
        out.tell(Event::Notice(missing.to_string()));
    }
    Ok(())
}

/// Ends when a stop was asked for and the time for draining is over.
async fn drain_over(out: &DestinationWriter, stop: &StopSignal) -> StopReason {
    let reason = stop.clone().wait().await;
    out.tell(Event::Stopping(reason));
    stop.drained().await
}

/// The open batches: read, written, or complete and on their way to the committer.
struct Open {
    out: Arc<DestinationWriter>,
    buckets: SameBuckets,
    /// The stop of the last batch that was opened.
    reach: Timestamp,
    tasks: JoinSet<Result<Complete, Error>>,
    complete: mpsc::Sender<Complete>,
}

impl Open {
    /// Counts and opens batch after batch; gives the reason if a stop ended it early.
    async fn all(
        &mut self,
        mut batches: Batches,
        stop: &StopSignal,
    ) -> Result<Option<StopReason>, Error> {
        let permits = Arc::new(Semaphore::new(BATCHES_OPEN_MAX));
        let (mut stopped, mut begun) = (None, false);
        loop {
            // At least one batch, or a budget smaller than the look-ups would never lead anywhere.
            let used_up = self.budget_used(&batches).filter(|_| begun);
            if let Some(reason) = used_up {
                self.out.tell(Event::Stopping(reason));
            }
            stopped = stopped.max(stop.reason()).max(used_up);
            if stopped.is_some() {
                break;
            }
            let permit = Arc::clone(&permits).acquire_owned();
            let permit = self.while_open(permit).await?.map_err(|_| Error::StageGone("batch"))?;
            let next = self.while_open(Box::pin(batches.next())).await??;
            begun = true;
            match next {
                None => break,
                Some(Next::Empty(stretch)) => {
                    let buckets = self.buckets.clone();
                    self.while_open(Box::pin(async move { buckets.hold().await })).await??;
                    let done = Done::empty(stretch);
                    self.hand_on(Complete { done, permit, again: None }).await?;
                }
                Some(Next::Batch(task, stop, requested)) => {
                    self.reach = stop;
                    self.tasks.spawn(complete(task, self.buckets.clone(), permit));
                    // A batch that fails drops its sender: its error comes with its task.
                    let _ = self.while_open(requested).await?;
                }
            }
        }
        while let Some(done) = self.tasks.join_next().await {
            self.hand_on(joined(done)?).await?;
        }
        batches.note_answered(&self.out.counters);
        Ok(stopped)
    }

    /// Waits for something while complete batches go to the committer.
    async fn while_open<T>(&mut self, wanted: impl Future<Output = T>) -> Result<T, Error> {
        tokio::pin!(wanted);
        loop {
            tokio::select! {
                result = &mut wanted => return Ok(result),
                Some(done) = self.tasks.join_next() => self.hand_on(joined(done)?).await?,
            }
        }
    }

    async fn hand_on(&self, complete: Complete) -> Result<(), Error> {
        self.complete.send(complete).await.map_err(|_| Error::StageGone("commit"))
    }

    fn budget_used(&self, batches: &Batches) -> Option<StopReason> {
        batches.note_answered(&self.out.counters);
        let max = batches.transfer_bytes_max()?;
        (self.out.counters.source_bytes() >= max).then_some(StopReason::ByteBudget)
    }
}

/// A batch moved to its end; its permit goes with it to the committer.
async fn complete(
    task: NextBatchTask,
    buckets: SameBuckets,
    permit: OwnedSemaphorePermit,
) -> Result<Complete, Error> {
    let NextBatchTask { first, again } = task;
    let done = first.await?;
    buckets.hold().await?;
    let again = Box::pin(async move {
        let done = again.await?;
        buckets.hold().await.map(|()| done)
    });
    Ok(Complete { done, permit, again: Some(again) })
}
