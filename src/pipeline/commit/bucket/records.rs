//! The checkpoint in the batch bucket: records of the official form, written only while the job is this run's own.

use super::batch_bucket::BatchBucket;
use crate::checkpoint::lease::Lease;
use crate::checkpoint::record::{CommittedBatch, Record, next_record_time};
use crate::limits::RECORDS_PER_BODY_MAX;
use crate::model::batch::BatchPlan;
use crate::model::number;
use crate::model::point::Point;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::complete::Done;
use crate::pipeline::error::Error;

/// What a run knows of its records.
#[derive(Debug, Clone)]
pub struct Records {
    store: BatchBucket,
    lease: Lease,
    /// The whole job, for the share that is done.
    job: TimeRange,
    /// Time of the newest record in the bucket, as far as this run knows.
    newest: Option<Timestamp>,
    /// Another program has recorded a part of the job.
    is_adopted: bool,
}

impl Records {
    /// Of a job that is held by `lease` and whose newest record has this time.
    pub fn new(
        store: BatchBucket,
        lease: Lease,
        job: TimeRange,
        newest: Option<Timestamp>,
    ) -> Self {
        Self { store, lease, job, newest, is_adopted: false }
    }

    /// The same, where another program may have recorded a part of the job.
    #[must_use]
    pub fn adopted(self, is_adopted: bool) -> Self {
        Self { is_adopted, ..self }
    }

    /// What each committed batch of the job came to; `None` where that is not known of all of them.
    pub async fn committed(&self) -> Result<Option<Vec<CommittedBatch>>, Error> {
        if self.is_adopted { Ok(None) } else { self.store.committed().await }
    }

    /// The bucket they are in.
    pub fn store(&self) -> &BatchBucket {
        &self.store
    }

    /// The lease that they are written under.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Writes the record of a batch with its details, or the records of a stretch of empty ones.
    ///
    /// # Panics
    ///
    /// If the batch is not of this plan.
    pub async fn commit(&mut self, plan: BatchPlan, done: &Done) -> Result<(), Error> {
        let stop = done.range(plan).stop;
        let is_one = done.seq.end - done.seq.start == 1;
        let mut seqs = done.seq.clone();
        loop {
            let part: Vec<u64> = seqs.by_ref().take(RECORDS_PER_BODY_MAX).collect();
            if part.is_empty() {
                return Ok(());
            }
            self.check_ownership().await?;
            let now = self.store.now().unwrap_or(stop);
            let mut points: Vec<Point> = Vec::with_capacity(part.len() + 1);
            let (mut newest, mut stop) = (self.newest, stop);
            for seq in &part {
                let range = plan.nth(*seq).expect("a complete batch is in the plan");
                let time = next_record_time(newest, now);
                let record = Record::new(range, done.values, self.job, time);
                (newest, stop) = (Some(time), range.stop);
                if is_one {
                    points.push(done.details.point(self.store.keys(), &record));
                }
                points.push(record.point(self.store.keys()));
            }
            let batches = number::counted(part.len() as u64, "batch", "batches");
            let what = format!("record of {batches} up to {stop}");
            self.store.write(&points, &what).await?;
            self.newest = newest;
        }
    }

    /// The lease must be ours, and the newest record the one this run found or wrote: a run that slept while another one
    /// took over must not commit.
    async fn check_ownership(&self) -> Result<(), Error> {
        self.store.held(&self.lease).await?;
        let newest = self.store.newest_record().await?.map(|(_, time)| time);
        if newest == self.newest {
            Ok(())
        } else {
            Err(Error::LeaseLost { found: "a record of another writer".to_owned() })
        }
    }

    /// Says that this run is alive.
    pub async fn refresh_lease(&self) -> Result<(), Error> {
        self.store.refresh_lease(&self.lease).await
    }

    /// Says that it is over.
    pub async fn release_lease(&self) -> Result<(), Error> {
        self.store.release_lease(&self.lease).await
    }
}
