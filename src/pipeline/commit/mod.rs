//! What was written, recorded: strictly in sequence, and by the committer alone. A checkpoint is kept in the batch bucket, or
//! in the journal of the spool that is filled. Nothing is read or written here but the checkpoint and the rejects file.

use std::sync::{Arc, Mutex, PoisonError};

use self::bucket::records::Records;
use self::complete::Done;
use crate::checkpoint::record::CommittedBatch;
use crate::model::batch::BatchPlan;
use crate::pipeline::error::Error;
use crate::pipeline::pool::blocking;
use crate::pipeline::stop::StopSignal;
use crate::spool::writable::Spool;

pub(crate) mod bucket;
pub(crate) mod committer;
pub(crate) mod complete;
pub(crate) mod doubt;
pub(crate) mod job_lock;
mod spool;

/// Where the checkpoint of a run is kept.
#[derive(Debug, Clone)]
pub enum Checkpoint {
    /// As records of the official form, under a lease.
    Bucket(Box<Records>),
    /// In the journal of a spool, under its lock.
    Spool(Spool),
    /// Nowhere: a run whose values go nowhere has nothing to resume.
    None,
    /// Nowhere, but what may have been read wrongly is kept until the end: that of a comparison.
    Memory(Arc<Mutex<Vec<String>>>),
}

impl Checkpoint {
    /// Records a batch, or a stretch of empty ones, that follows the last one.
    pub async fn commit(&mut self, plan: BatchPlan, done: &mut Done) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.commit(plan, done).await,
            Self::Spool(spool) => self::spool::commit(spool, plan, done).await,
            Self::None | Self::Memory(_) => Ok(()),
        }
    }

    /// Gives a sign of life.
    pub async fn refresh(&mut self) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.refresh_lease().await,
            // The lock of a folder is the system's, that of an object store is kept young by the spool itself.
            Self::Spool(_) | Self::None | Self::Memory(_) => Ok(()),
        }
    }

    /// What each committed batch of the job came to; `None` where that is not known of all of them.
    pub async fn committed(&self) -> Result<Option<Vec<CommittedBatch>>, Error> {
        match self {
            Self::Bucket(records) => records.committed().await,
            Self::Spool(spool) => Ok(self::spool::committed(spool)),
            Self::None | Self::Memory(_) => Ok(None),
        }
    }

    /// Keeps for all later runs that something was perhaps read wrongly. A spool is not to be filled any further then.
    pub async fn note_doubt(&self, doubt: &str) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => records.store().note_doubt(doubt).await,
            Self::Spool(spool) => {
                let (spool, text) = (spool.clone(), doubt.to_owned());
                blocking(move || Err(spool.doubt(&text).into())).await
            }
            Self::None => Ok(()),
            Self::Memory(doubts) => {
                doubts.lock().unwrap_or_else(PoisonError::into_inner).push(doubt.to_owned());
                Ok(())
            }
        }
    }

    /// What was noted so by any run of the job.
    pub async fn doubts(&self) -> Result<Vec<String>, Error> {
        match self {
            Self::Bucket(records) => records.store().doubts().await,
            Self::Spool(_) | Self::None | Self::Memory(_) => Ok(Vec::new()),
        }
    }

    /// Lets the job go, so that the next run need not wait for this one to be taken for dead. In bounded time: a lease that
    /// cannot be given back grows stale by itself. The one error of a lease is that another run has it.
    pub async fn close(self, stop: &StopSignal) -> Result<(), Error> {
        match self {
            Self::Bucket(records) => match stop.briefly(records.release_lease()).await {
                Some(Err(lost @ Error::LeaseLost { .. })) => Err(lost),
                _ => Ok(()),
            },
            Self::Spool(spool) => tokio::select! {
                closed = blocking(move || Ok(spool.close()?)) => closed,
                _ = stop.closed() => Ok(()),
            },
            Self::None | Self::Memory(_) => Ok(()),
        }
    }
}
