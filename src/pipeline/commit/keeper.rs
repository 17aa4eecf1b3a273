//! Where the checkpoint of a run is kept: in the batch bucket, or in the journal of the spool that it fills.

use crate::checkpoint::record::CommittedBatch;
use crate::model::batch::BatchPlan;
use crate::pipeline::commit::records::Records;
use crate::pipeline::error::Error;
use crate::pipeline::commit::complete::Done;
use crate::pipeline::stop::Stop;
use crate::pipeline::pool::blocking;
use crate::spool::writable::Spool;

/// Keeps the checkpoint.
#[derive(Debug, Clone)]
pub enum Keeper {
    /// As records of the official form, under a lease.
    Bucket(Box<Records>),
    /// In the journal of a spool, under its lock.
    Spool(Spool),
    /// Nowhere: a run whose values go nowhere has nothing to resume.
    Nobody,
}

impl Keeper {
    /// Records a batch, or a stretch of empty ones, that follows the last one.
    pub async fn commit(&mut self, plan: BatchPlan, done: &mut Done) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.commit(plan, done).await,
            Self::Spool(spool) => {
                let (spool, staged) = (spool.clone(), done.staged.take());
                let (whole, rejected) = (done.range(plan), done.details.rejected);
                blocking(move || {
                    let mut staged = match staged {
                        Some(staged) => staged,
                        None => spool.begin(whole).finish()?,
                    };
                    staged.set_rejected(rejected);
                    Ok(spool.commit(staged)?)
                })
                .await
            }
            Self::Nobody => Ok(()),
        }
    }

    /// Gives a sign of life.
    pub async fn refresh(&mut self) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.refresh_lease().await,
            // The lock of a folder is the system's, that of an object store is kept young by the spool itself.
            Self::Spool(_) | Self::Nobody => Ok(()),
        }
    }

    /// What each committed batch of the job came to; `None` where that is not known of all of them.
    pub async fn committed(&self) -> Result<Option<Vec<CommittedBatch>>, Error> {
        match self {
            Self::Bucket(records) => records.committed().await,
            // A journal does not tell which batch lacks the values that no file could take.
            Self::Spool(spool) if spool.rejected() > 0 => Ok(None),
            Self::Spool(spool) => {
                let batch = |(range, values)| CommittedBatch {
                    range,
                    read: values,
                    acknowledged: values,
                    doubtful: 0,
                };
                Ok(Some(spool.committed().into_iter().map(batch).collect()))
            }
            Self::Nobody => Ok(None),
        }
    }

    /// Keeps for all later runs that something was perhaps read wrongly. A spool is not to be filled any further then.
    pub async fn note_doubt(&self, doubt: &str) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.store().note_doubt(doubt).await,
            Self::Spool(_) => Err(Error::Doubtful { doubt: doubt.to_owned() }),
            Self::Nobody => Ok(()),
        }
    }

    /// What was noted so by any run of the job.
    pub async fn doubts(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Bucket(records) => records.store().doubts().await,
            Self::Spool(_) | Self::Nobody => Ok(Vec::new()),
        }
    }

    /// Lets the job go, so that the next run need not wait for this one to be taken for dead. In bounded time: a lease that
    /// cannot be given back grows stale by itself. The one error of a lease is that another run has it.
    pub async fn close(self, stop: &Stop) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => match stop.briefly(records.release_lease()).await {
                Some(Err(lost @ Error::LeaseLost { .. })) => Err(lost),
                _ => Ok(()),
            },
            Self::Spool(spool) => tokio::select! {
                closed = blocking(move || Ok(spool.close()?)) => closed,
                _ = stop.closed() => Ok(()),
            },
            Self::Nobody => Ok(()),
        }
    }
}
