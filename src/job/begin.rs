//! The checkpoint of a job in the batch bucket, opened by a run: job locked, records read, identity compared.

use std::path::{Path, PathBuf};

use crate::checkpoint::identity::Existing;
use crate::checkpoint::lease::Lease;
use crate::checkpoint::record::next_record_time;
use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::exit::ExitCode;
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::job::error::Error;
use crate::job::heart::tell_failure;
use crate::job::place::{JobPlace, Wanted, may_follow, read};
use crate::job::{buckets, foreign, names};
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
        failed(self.keeper, stop, error).await
    }
}

/// As [`given_up`], and told to those who look at the batch bucket.
async fn failed(keeper: Checkpoint, stop: &StopSignal, error: Error) -> Error {
    let kept = keeper.clone();
    let told = Box::pin(tell_failure(&kept, &error, stop));
    let ((), instead) = tokio::join!(told, Box::pin(closed(keeper, stop, &error)));
    instead.unwrap_or(error)
}

/// What failed first is told, unless the job was lost meanwhile: that explains whatever failed.
pub(crate) async fn given_up(keeper: Checkpoint, stop: &StopSignal, error: Error) -> Error {
    closed(keeper, stop, &error).await.unwrap_or(error)
}

/// Lets the job go; gives the error that is to be told in place of the first one.
async fn closed(keeper: Checkpoint, stop: &StopSignal, error: &Error) -> Option<Error> {
    match keeper.close(stop).await {
        Err(lost @ Failure::LeaseLost { .. }) if explains(error) => Some(lost.into()),
        _ => None,
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
            foreign::refuse_data(config, client, wanted.range()).await?;
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
            let is_shared = existing(config, &checkpoint) != Existing::Nothing;
            let keeper = keeper(job, &checkpoint);
            let (lock, folder) = (Some(lock), Some(folder.clone()));
            Ok(Begun { keeper, job, resume, rejects, is_shared, lock, folder })
        }
        Err(error) => {
            let none = TimeRange::new(wanted.stop, wanted.stop);
            let keeper = Checkpoint::Bucket(Box::new(records(none, None)));
            Err(failed(keeper, stop, error).await)
        }
    }
}

/// Takes the run's stretch of the destination for the job; gives the values that earlier runs of it have refused.
async fn settle(
    config: &JobConfig,
    client: &Client,
    store: &BatchBucket,
    place: &JobPlace,
    rest: TimeRange,
) -> Result<u64, Error> {
    // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
    let writes = if place.is_new { rest.stop > place.start } else { !rest.is_empty() };
    if writes {
        foreign::refuse(config, client, &place.stretch(rest)).await?;
        claim(config, client, store, place, rest).await?;
    }
    Ok(store.rejected_total().await?)
}

/// Records the job and how far it may write from now on, unless that is known. Then other jobs are looked for once more: of
/// two that begin at the same time at least one finds the other, and leaves its stretch as it was.
async fn claim(
    config: &JobConfig,
    client: &Client,
    store: &BatchBucket,
    place: &JobPlace,
    rest: TimeRange,
) -> Result<(), Error> {
    let reach = place.reach.max(Some(rest.stop)).unwrap_or(rest.stop);
    let existing = existing(config, place);
    if !place.is_new && place.reach == Some(reach) && place.existing == existing {
        return Ok(());
    }
    let point = |after: Option<Timestamp>, existing, reach| {
        let time = next_record_time(after, store.now().unwrap_or(rest.stop));
        (place.identity.point(store.keys(), time, existing, reach), time)
    };
    let (claimed, time) = point(place.begun, existing, reach);
    store.write(&[claimed], "job identity").await?;
    let found = foreign::refuse_other_sources(config, client, &place.stretch(rest)).await;
    if found.is_err() {
        let before = if place.is_new { place.start } else { place.reach.unwrap_or(rest.start) };
        let (given_up, _) = point(Some(time), place.existing, before);
        store.write(&[given_up], "job identity").await?;
    }
    found
}

/// What the destination may hold beside what the job writes, from now on.
fn existing(config: &JobConfig, place: &JobPlace) -> Existing {
    match (place.existing, config.safety.existing) {
        (Existing::Nothing, ExistingPolicy::Merge) => Existing::Something,
        (existing, _) => existing,
    }
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
