//! Batches, read back from the destination and compared before they are recorded: what is committed is proven then.
//!
//! Complete batches that follow one another are read back together, as many as have come meanwhile. One that differs is looked
//! at once more in plain Flux, then moved again and looked at for the last time.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::VerifyFindings;
use super::compare::{compare, compare_all};
use super::compared::{Compared, PieceVerdict};
use super::destination::ComparedBucket;
use super::evidence::WrittenBatch;
use super::pieces::{VerifyPiece, together};
use crate::checkpoint::recorded::NoDigest;
use crate::checkpoint::watermark::Watermark;
use crate::influx::client::Client;
use crate::limits::BATCHES_OPEN_MAX;
use crate::model::batch::BatchPlan;
use crate::model::time::TimeRange;
use crate::pipeline::commit::Checkpoint;
use crate::pipeline::commit::committer::{self, Committed};
use crate::pipeline::commit::complete::{Complete, Done};
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::DestinationWriter;

/// Whether batches are proven before they are recorded, and how.
#[derive(Debug)]
pub struct BatchProof {
    /// Where they are read back.
    pub bucket: ComparedBucket,
    /// From when on.
    pub from: ProvenFrom,
    /// The bucket may hold other values: a difference is none of what was written.
    pub is_shared: bool,
}

/// From when on batches are proven before they are recorded.
#[derive(Debug)]
pub enum ProvenFrom {
    /// From the first one; what cannot be proven ends the run.
    Start,
    /// From the first wait for the source's quota: the destination has time then. What cannot be proven is recorded all the same.
    QuotaWait(Client),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proven {
    /// Of the batches that were read back.
    pub findings: VerifyFindings,
    /// From the first of them to the last.
    pub range: Option<TimeRange>,
    /// Why later ones were not, if so.
    pub given_up: Option<String>,
}

/// Proves complete batches, if that is asked for, and has them recorded.
pub(crate) async fn prove_and_commit(
    proof: Option<BatchProof>,
    (out, plan, checkpoint): (Arc<DestinationWriter>, BatchPlan, Checkpoint),
    complete: mpsc::Receiver<Complete>,
    stop: StopSignal,
) -> Result<(Proven, Committed), Error> {
    let Some(proof) = proof else {
        let committed = committer::run(out, plan, checkpoint, complete, stop).await?;
        return Ok((Proven::default(), committed));
    };
    let (sender, receiver) = mpsc::channel(BATCHES_OPEN_MAX);
    let (is_due, is_lost, proven) = (false, false, Proven::default());
    let prover = Prover { proof, plan, is_due, is_lost, out: Arc::clone(&out), proven };
    let proving = prover.run(complete, sender, stop.clone());
    let committing = committer::run(out, plan, checkpoint, receiver, stop);
    match tokio::join!(Box::pin(proving), committing) {
        // The prover only saw that nobody takes them any more.
        (Ok(_) | Err(Error::StageGone(_)), Err(error)) | (Err(error), _) => Err(error),
        (Ok(proven), Ok(committed)) => Ok((proven, committed)),
    }
}

struct Prover {
    proof: BatchProof,
    plan: BatchPlan,
    /// They are proven from now on.
    is_due: bool,
    /// Some of what is read back is not there.
    is_lost: bool,
    out: Arc<DestinationWriter>,
    proven: Proven,
}

impl Prover {
    async fn run(
        mut self,
        mut complete: mpsc::Receiver<Complete>,
        proven: mpsc::Sender<Complete>,
        stop: StopSignal,
    ) -> Result<Proven, Error> {
        tokio::select! {
            ended = self.all(&mut complete, proven) => ended?,
            // What is not proven by then has no record, and is moved again.
            _ = stop.recorded() => {}
        }
        Ok(self.proven)
    }

    async fn all(
        &mut self,
        complete: &mut mpsc::Receiver<Complete>,
        proven: mpsc::Sender<Complete>,
    ) -> Result<(), Error> {
        let mut watermark = Watermark::new(0);
        while let Some(first) = complete.recv().await {
            let mut ready = watermark.complete(first.done.seq.clone(), first);
            while let Ok(next) = complete.try_recv() {
                ready.extend(watermark.complete(next.done.seq.clone(), next));
            }
            self.prove(&mut ready).await?;
            for batch in ready {
                proven.send(batch).await.map_err(|_| Error::StageGone("commit"))?;
            }
        }
        Ok(())
    }

    /// Proves batches that follow one another.
    async fn prove(&mut self, batches: &mut [Complete]) -> Result<(), Error> {
        self.is_due |= match &self.proof.from {
            ProvenFrom::Start => true,
            ProvenFrom::QuotaWait(source) => source.quota().usage().wait_ms > 0,
        };
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(()) };
        if !self.is_due || self.proven.given_up.is_some() {
            return Ok(());
        }
        let (start, stop) = (first.done.range(self.plan).start, last.done.range(self.plan).stop);
        match self.read_back(batches).await {
            Ok(()) => {}
            Err(error) if self.is_lost || matches!(self.proof.from, ProvenFrom::Start) => {
                return Err(error);
            }
            Err(error) => {
                let why = format!("batches from {start} on cannot be read back: {error}");
                self.out.tell(Event::Notice(why.clone()));
                self.proven.given_up = Some(why);
                return Ok(());
            }
        }
        let start = self.proven.range.map_or(start, |range| range.start);
        self.proven.range = Some(TimeRange::new(start, stop));
        Ok(())
    }

    async fn read_back(&mut self, batches: &mut [Complete]) -> Result<(), Error> {
        let pieces = self.pieces(batches);
        let mut ranges = pieces.iter().flatten().map(VerifyPiece::range);
        let Some(first) = ranges.next() else { return Ok(()) };
        let range = TimeRange::new(first.start, ranges.next_back().unwrap_or(first).stop);
        let bucket = self.proof.bucket.over(range).await?;
        for neighbours in pieces.into_iter().flat_map(together) {
            for compared in compare_all(&bucket, neighbours, oneshot::channel().0).await? {
                let range = compared.range;
                let is_it = |batch: &&mut Complete| {
                    !batch.done.range(self.plan).intersect(range).is_empty()
                };
                let mut held = batches.iter_mut().filter(is_it);
                if matches!(compared.verdict, PieceVerdict::Equal) {
                    held.for_each(|batch| batch.done.details.is_proven = true);
                    self.proven.findings.note(compared);
                } else {
                    let batch = held.next().expect("a piece is a batch that was handed in");
                    self.look_closer(batch).await?;
                }
            }
        }
        Ok(())
    }

    /// What is compared: stretches of batches that may be read as one, because nothing between them is unknown.
    fn pieces(&mut self, batches: &[Complete]) -> Vec<Vec<VerifyPiece>> {
        let (mut stretches, mut open) = (Vec::new(), Vec::new());
        for Complete { done, .. } in batches {
            match written(done, self.plan) {
                None => {}
                Some(Ok(batch)) => open.push(VerifyPiece::Written(Box::new(batch))),
                Some(Err(why)) => {
                    self.proven.findings.add_unproven(done.range(self.plan), why.to_string());
                    stretches.push(std::mem::take(&mut open));
                }
            }
        }
        stretches.push(open);
        stretches
    }

    /// A batch that is not as it was written, at first sight. It may have been read while others were written.
    async fn look_closer(&mut self, batch: &mut Complete) -> Result<(), Error> {
        let mut compared = self.look_plainly(&batch.done).await?;
        let is_different =
            matches!(compared, Some(Compared { verdict: PieceVerdict::Differs { .. }, .. }));
        let range = batch.done.range(self.plan);
        let beside = self.beside(range);
        if is_different
            && beside.is_none()
            && let Some(again) = batch.again.take()
        {
            self.is_lost = true;
            let notice = format!("batch {range} is not there as it was written: it is moved again");
            self.out.tell(Event::Notice(notice));
            batch.done = again.await?;
            compared = self.look_plainly(&batch.done).await?;
        }
        let Some(compared) = compared else { return Ok(()) };
        batch.done.details.is_proven = matches!(compared.verdict, PieceVerdict::Equal);
        match (compared.verdict, beside) {
            (PieceVerdict::Differs { .. }, Some(beside)) => {
                self.proven.findings.add_unproven(range, beside.to_owned());
            }
            (PieceVerdict::Differs { expected, measurements }, None) => {
                let found = compared.held.values;
                return Err(Error::NotAsWritten { batch: range, expected, found, measurements });
            }
            (verdict, _) => self.proven.findings.note(Compared { verdict, ..compared }),
        }
        self.is_lost = false;
        Ok(())
    }

    /// Why a difference is none of what was written, if so.
    fn beside(&self, range: TimeRange) -> Option<&'static str> {
        if self.proof.is_shared {
            return Some("the bucket may hold other values (--existing merge)");
        }
        let may_expire = self.proof.bucket.may_expire(range);
        may_expire.then_some("values of it may have expired at the destination")
    }

    /// Looks at one batch in the form that needs to know least; nothing if there is nothing to compare it with.
    async fn look_plainly(&mut self, done: &Done) -> Result<Option<Compared>, Error> {
        let batch = match written(done, self.plan) {
            None => return Ok(None),
            Some(Ok(batch)) => batch,
            Some(Err(why)) => {
                self.proven.findings.add_unproven(done.range(self.plan), why.to_string());
                return Ok(None);
            }
        };
        let bucket = self.proof.bucket.plainly().over(batch.range).await?;
        let piece = VerifyPiece::Written(Box::new(batch));
        compare(&bucket, piece, oneshot::channel().0).await.map(Some)
    }
}

/// What was written of a batch, or why that is not known; nothing of a stretch that is empty.
fn written(done: &Done, plan: BatchPlan) -> Option<Result<WrittenBatch, NoDigest>> {
    let details = &done.details;
    if done.values == 0 && details.rejected == 0 && details.digests.is_none() {
        return None;
    }
    Some(match &details.digests {
        Some(digests) => Ok(WrittenBatch {
            range: done.range(plan),
            digests: digests.clone(),
            acknowledged: details.acknowledged,
            rejected: details.rejected,
        }),
        None => Err(NoDigest::why(details.expired, details.changed)),
    })
}
