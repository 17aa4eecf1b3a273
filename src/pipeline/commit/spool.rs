//! A checkpoint in the journal of the spool that is filled.

use super::complete::Done;
use crate::checkpoint::record::CommittedBatch;
use crate::model::batch::BatchPlan;
use crate::pipeline::error::Error;
use crate::pipeline::pool::blocking;
use crate::spool::writable::Spool;

/// Records a batch with its files, or a stretch of empty ones.
pub(super) async fn commit(spool: &Spool, plan: BatchPlan, done: &mut Done) -> Result<(), Error> {
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

/// What each committed batch came to; `None` where that is not known of all of them.
pub(super) fn committed(spool: &Spool) -> Option<Vec<CommittedBatch>> {
    // A journal does not tell which batch lacks the values that no file could take.
    if spool.rejected() > 0 {
        return None;
    }
    let batch =
        |(range, values)| CommittedBatch { range, read: values, acknowledged: values, doubtful: 0 };
    Some(spool.committed().into_iter().map(batch).collect())
}
