//! The checkpoint of a job in the batch bucket, opened by a run: job locked, records read, identity compared.

use std::path::{Path, PathBuf};

use crate::checkpoint::identity::Existing;
use crate::checkpoint::lease::Lease;
use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::exit::ExitCode;
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::job::error::Error;
use crate::job::place::{JobPlace, Wanted, may_follow, read, refuse_foreign_data};
use crate::job::{buckets, names};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::commit::bucket::records::Records;
use crate::pipeline::commit::job_lock::{JobLock, LockError, random_digits};
use crate::pipeline::commit::{Checkpoint, doubt};
use crate::pipeline::error::Error as Failure;
use crate::pipeline::pool::blocking;
use crate::pipeline::stop::StopSignal;
use crate::pipeline::write::rejects::limit::RejectLimit;
use crate::spool;

/// Hexadecimal digits of a run's name.
const RUN_DIGITS: usize = 16;

/// A job that this run holds, and where it stands.
#[derive(Debug)]
pub struct Begun {
    /// Keeps its checkpoint.
    pub keeper: Checkpoint,
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
    /// The state folder of the job; a spool needs none.
    pub folder: Option<PathBuf>,
}

impl Begun {
    /// Lets the job go before anything of it was moved; gives the error that is to be told.
    pub async fn give_up(self, stop: &StopSignal, error: Error) -> Error {
        given_up(self.keeper, stop, error).await
    }
}

/// What failed first is told, unless the job was lost meanwhile: that explains whatever failed.
pub(crate) async fn given_up(keeper: Checkpoint, stop: &StopSignal, error: Error) -> Error {
    match keeper.close(stop).await {
        Err(lost @ Failure::LeaseLost { .. }) if explains(&error) => lost.into(),
        _ => error,
    }
}

/// False for what ends a run whether the job is its own or not.
fn explains(error: &Error) -> bool {
    !matches!(error, Error::Stopped(_)) && error.exit() != ExitCode::Locked
}

/// Locks the job, makes at the destination what is missing and asked for, and reads the checkpoint; a new job is begun.
/// Nothing is made, and no task is paused, for a job that is another one or whose content no run of it has written.
pub(crate) async fn begin(
    config: &JobConfig,
    client: &Client,
    destination: &mut DestinationFacts,
    shard_group_ns: Option<i64>,
    wanted: &Wanted,
    stop: &StopSignal,
) -> Result<Begun, Error> {
    config.safety.needs_state()?;
    let keys = names::keys(&config.ends);
    let folder = names::state_folder(config, &keys);
    let own = folder.clone();
    let lock = blocking(move || Ok(JobLock::take(&own))).await??;
    let store = BatchBucket::new(client.clone(), &config.ends.batch_bucket, keys);
    let making = async {
        if destination.batch_bucket.is_some() {
            read(config, wanted, &destination.bucket_id(), &store).await?;
        } else if destination.bucket.is_some() {
            refuse_foreign_data(config, client, wanted.range()).await?;
        }
        if config.safety.create_buckets {
            buckets::create(&config.ends, client, shard_group_ns, destination).await?;
        }
        if config.safety.pause_task {
            buckets::pause_tasks(client, destination).await?;
        }
        Ok::<_, Error>(destination.bucket_id())
    };
    let destination_bucket_id = stop.unless(making).await??;
    let lease = Lease {
        machine: spool::lock::machine(),
        lock: lock.id().to_owned(),
        run: random_digits()[..RUN_DIGITS].to_owned(),
    };
    let taking = async {
        take_lease(&store, &lease).await?;
        // Again, or for the first time, now that nobody else writes.
        let checkpoint = read(config, wanted, &destination_bucket_id, &store).await?;
        let (job, resume) = checkpoint.run_to(wanted.stop);
        let rest = TimeRange::new(resume, job.stop);
        let before = settle(config, client, &store, &checkpoint, rest).await?;
        note_kept_doubt(&folder, &store).await?;
        Ok((checkpoint, job, resume, before))
    };
    let records = |job, newest| Records::new(store.clone(), lease.clone(), job, newest);
    let keeper = |job, checkpoint: &JobPlace| {
        let records = records(job, checkpoint.newest);
        Checkpoint::Bucket(Box::new(records.adopted(checkpoint.existing == Existing::Adopted)))
    };
    match stop.unless(taking).await.map_err(Error::from).flatten() {
        Ok((checkpoint, job, resume, before)) => {
            let file = names::rejects_file(config);
            let rejects = RejectLimit { before, max: config.safety.reject_limit, file };
            let is_shared = checkpoint.existing != Existing::Nothing
                || config.safety.existing == ExistingPolicy::Merge;
            let keeper = keeper(job, &checkpoint);
            let (lock, folder) = (Some(lock), Some(folder.clone()));
            Ok(Begun { keeper, job, resume, rejects, is_shared, lock, folder })
        }
        Err(error) => {
            let none = TimeRange::new(wanted.stop, wanted.stop);
            let keeper = Checkpoint::Bucket(Box::new(records(none, None)));
            Err(given_up(keeper, stop, error).await)
        }
    }
}

/// Begins a new job in the batch bucket; gives the values that earlier runs of an old one have refused.
async fn settle(
    config: &JobConfig,
    client: &Client,
    store: &BatchBucket,
    checkpoint: &JobPlace,
    rest: TimeRange,
) -> Result<u64, Error> {
    // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
    if checkpoint.is_new && rest.stop > checkpoint.start {
        refuse_foreign_data(config, client, rest).await?;
        let now = store.now().unwrap_or(rest.stop);
        let point = checkpoint.identity.point(store.keys(), now, checkpoint.existing);
        store.write(&[point], "job identity").await?;
    }
    Ok(store.rejected_total().await?)
}

/// What an earlier run could only leave word of is noted for good.
async fn note_kept_doubt(folder: &Path, store: &BatchBucket) -> Result<(), Error> {
    let io = |source| LockError::Io { path: folder.to_owned(), source };
    if let Some(kept) = doubt::kept(folder).map_err(io)? {
        store.note_doubt(&kept).await?;
        doubt::forget(folder).map_err(io)?;
    }
    Ok(())
}

/// Takes the lease, and reads it again: of two runs that do so at the same time the one whose point is the newest has it.
async fn take_lease(store: &BatchBucket, own: &Lease) -> Result<(), Error> {
    let stored = store.lease().await?;
    if let Some(stored) = &stored {
        may_follow(store, &own.machine, &own.lock, stored)?;
    }
    store.write_lease(own, stored.as_ref(), false).await?;
    Ok(store.held(own).await.map(drop)?)
}
