//! The checkpoint of a job in the batch bucket, opened by a run: job locked, records read, identity compared.

use super::error::Error;
use super::facts::count_at;
use super::job;
use crate::checkpoint::identity::Identity;
use crate::checkpoint::lease::{Lease, Verdict};
use crate::checkpoint::record::next_record_time;
use crate::config::migrate::{ExistingPolicy, MigrateConfig};
use crate::influx::client::Client;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::keeper::Keeper;
use crate::pipeline::commit::records::Records;
use crate::pipeline::commit::store::Store;
use crate::pipeline::lock::JobLock;
use crate::pipeline::write::refusals::RejectLimit;
use crate::spool;

/// A job that this run holds, and where it stands.
#[derive(Debug)]
pub struct Begun {
    /// Keeps its checkpoint.
    pub keeper: Keeper,
    /// From its start to this run's stop.
    pub job: TimeRange,
    /// Where this run goes on.
    pub resume: Timestamp,
    /// What may be refused.
    pub rejects: RejectLimit,
    /// True if the destination may hold what the job has not written.
    pub is_shared: bool,
    /// Held until the run is over; a spool has a lock of its own.
    pub lock: Option<JobLock>,
}

/// A job as it is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Address of the source.
    pub source_host: String,
    /// Id of the source bucket.
    pub source_bucket_id: String,
    /// Id of the destination bucket.
    pub destination_bucket_id: String,
    /// What is moved, as `filter_text` writes it.
    pub filter: String,
    /// Where it begins, if that is given.
    pub start: Option<Timestamp>,
    /// Where it begins if neither settings nor records say so.
    pub oldest: Timestamp,
    /// Where this run ends.
    pub stop: Timestamp,
}

/// Locks the job and reads its checkpoint; a new job is begun.
pub async fn begin(
    config: &MigrateConfig,
    client: &Client,
    wanted: Wanted,
) -> Result<Begun, Error> {
    let keys = job::keys(config);
    let folder = job::state_folder(config, &keys);
    let lock = JobLock::take(&folder)?;
    let store = Store::new(client.clone(), &config.batch_bucket, keys);
    let checkpoint = resume(config, &wanted, &store).await?;
    let job = TimeRange::new(checkpoint.start, wanted.stop.max(checkpoint.start));
    let lease = take_lease(&store).await?;
    let records = Records::new(store.clone(), lease, job, checkpoint.newest);
    let keeper = Keeper::Bucket(Box::new(records));
    let resume = checkpoint.resume.min(job.stop);
    match settle(config, client, &store, &checkpoint, TimeRange::new(resume, job.stop)).await {
        Ok(before) => {
            let file = job::rejects_file(config);
            let rejects = RejectLimit { before, max: config.reject_limit, file };
            let is_shared = checkpoint.is_shared || config.existing == ExistingPolicy::Merge;
            Ok(Begun { keeper, job, resume, rejects, is_shared, lock: Some(lock) })
        }
        Err(error) => {
            // A lease that cannot be given back grows stale by itself.
            let _ = keeper.close().await;
            Err(error)
        }
    }
}

/// Begins a new job in the batch bucket; gives the values that earlier runs of an old one have refused.
async fn settle(
    config: &MigrateConfig,
    client: &Client,
    store: &Store,
    checkpoint: &Checkpoint,
    rest: TimeRange,
) -> Result<u64, Error> {
    // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
    if checkpoint.is_new && rest.stop > checkpoint.start {
        refuse_foreign_data(config, client, rest).await?;
        let now = store.now().unwrap_or(rest.stop);
        let is_shared = config.existing == ExistingPolicy::Merge;
        let point = checkpoint.identity.point(store.keys(), now, is_shared);
        store.write(&[point], "job identity").await?;
    }
    Ok(store.rejected_total().await?)
}

struct Checkpoint {
    start: Timestamp,
    resume: Timestamp,
    newest: Option<Timestamp>,
    identity: Identity,
    is_new: bool,
    is_shared: bool,
}

async fn resume(
    config: &MigrateConfig,
    wanted: &Wanted,
    store: &Store,
) -> Result<Checkpoint, Error> {
    let newest = store.newest_record().await?;
    let stored = store.identity().await?;
    let oldest_record = match (&stored, newest) {
        (None, Some(_)) => store.oldest_start().await?,
        _ => None,
    };
    let start =
        match (wanted.start, stored.as_ref().and_then(Identity::stored_start), oldest_record) {
            (Some(time), ..) => time,
            (None, Some(stored), _) => stored,
            (None, None, Some(oldest)) => oldest,
            (None, None, None) => wanted.oldest,
        };
    let identity = Identity {
        source_host: wanted.source_host.clone(),
        source_bucket_id: wanted.source_bucket_id.clone(),
        destination_bucket_id: wanted.destination_bucket_id.clone(),
        start,
        filter: wanted.filter.clone(),
    };
    if let Some(stored) = &stored {
        if let Some(difference) = identity.differences(stored).into_iter().next() {
            return Err(Error::OtherJob {
                bucket: config.batch_bucket.clone(),
                part: difference.part,
                stored: difference.stored,
                given: difference.given,
            });
        }
    } else if newest.is_some() && !config.adopt {
        adoptable(config, start, oldest_record)?;
    }
    Ok(Checkpoint {
        start,
        resume: newest.map_or(start, |(stop, _)| stop.max(start)),
        newest: newest.map(|(_, time)| time),
        identity,
        is_new: stored.is_none(),
        is_shared: stored.as_ref().is_some_and(Identity::stored_shared),
    })
}

/// Records of the official task say nothing of filters, and their oldest `batch_start` is the task's start.
fn adoptable(
    config: &MigrateConfig,
    start: Timestamp,
    oldest: Option<Timestamp>,
) -> Result<(), Error> {
    if !config.filter.is_empty() {
        return Err(Error::NotAdopted {
            why: "this job has a filter, and records do not tell whether theirs had the same"
                .to_owned(),
        });
    }
    match oldest {
        Some(oldest) if oldest != start => {
            Err(Error::NotAdopted { why: format!("they begin at {oldest}, this job at {start}") })
        }
        _ => Ok(()),
    }
}

async fn take_lease(store: &Store) -> Result<Lease, Error> {
    let machine = spool::lock::machine();
    let stored = store.lease().await?;
    let now = store.now().unwrap_or(Timestamp::EPOCH);
    if let Some(stored) = &stored
        && let Verdict::Held { age_ms } = stored.verdict(&machine, now)
    {
        let lease = stored.lease.clone();
        return Err(Error::Leased {
            machine: lease.machine,
            run: lease.run,
            age_s: age_ms / 1_000,
        });
    }
    let time = next_record_time(stored.map(|stored| stored.refreshed), now);
    let lease = Lease { machine, run: format!("{:x}-{:x}", std::process::id(), time.ns()) };
    store.write(&[lease.point(store.keys(), time, false)], "lease").await?;
    Ok(lease)
}

async fn refuse_foreign_data(
    config: &MigrateConfig,
    client: &Client,
    range: TimeRange,
) -> Result<(), Error> {
    if config.existing == ExistingPolicy::Merge {
        return Ok(());
    }
    let values = count_at(client, &config.destination_bucket, range).await?;
    if values == 0 {
        Ok(())
    } else {
        Err(Error::ForeignData { bucket: config.destination_bucket.clone(), values, range })
    }
}
