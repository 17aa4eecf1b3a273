//! The checkpoint of a job in the batch bucket, opened by a run: job locked, records read, identity compared.

use std::path::{Path, PathBuf};

use crate::checkpoint::identity::{Difference, Existing, Identity};
use crate::checkpoint::lease::{Lease, LeaseVerdict, StoredLease};
use crate::config::job::JobConfig;
use crate::config::values::ExistingPolicy;
use crate::exit::ExitCode;
use crate::influx::client::Client;
use crate::job::destination_facts::{DestinationFacts, count_at};
use crate::job::error::Error;
use crate::job::{buckets, names};
use crate::limits::SKEW_MS_MAX;
use crate::model::filter::Filter;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::commit::bucket::records::Records;
use crate::pipeline::commit::job_lock::{JobLock, LockError, random_digits};
use crate::pipeline::commit::{Checkpoint, doubt};
use crate::pipeline::error::Error as Failure;
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

/// Where a job begins, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    /// Here, and a job that began elsewhere is another one.
    Exactly(Timestamp),
    /// At the oldest value, or where the job began if there is one already.
    AtOldest(Timestamp),
    /// So far back from now. A job that began later than that holds less than is asked for; any other goes on.
    Back(Timestamp),
}

impl Begins {
    /// The first instant of a new job.
    pub(crate) fn time(self) -> Timestamp {
        match self {
            Self::Exactly(time) | Self::AtOldest(time) | Self::Back(time) => time,
        }
    }

    /// The first instant of the job, where one began there already.
    pub(crate) fn of_known(self, began: Timestamp) -> Timestamp {
        match self {
            Self::Exactly(time) => time,
            Self::AtOldest(_) => began,
            Self::Back(time) => {
                let tolerated = i64::try_from(SKEW_MS_MAX * 1_000_000).unwrap_or(i64::MAX);
                if time >= began.saturating_add_ns(-tolerated) { began } else { time }
            }
        }
    }
}

/// A job as it is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Address of the source.
    pub source_host: String,
    /// Id of the source bucket.
    pub source_bucket_id: String,
    /// What is moved, as `filter_text` writes it.
    pub filter: String,
    /// Where it begins.
    pub begins: Begins,
    /// Where this run ends.
    pub stop: Timestamp,
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
    let lock = JobLock::take(&folder)?;
    let store = BatchBucket::new(client.clone(), &config.ends.batch_bucket, keys);
    let making = async {
        if destination.batch_bucket.is_some() {
            read(config, wanted, &destination.bucket_id(), &store).await?;
        } else if destination.bucket.is_some() {
            let start = wanted.begins.time();
            let range = TimeRange::new(start, wanted.stop.max(start));
            refuse_foreign_data(config, client, range).await?;
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
        let job = TimeRange::new(checkpoint.start, wanted.stop.max(checkpoint.start));
        let resume = checkpoint.resume.min(job.stop);
        let rest = TimeRange::new(resume, job.stop);
        let before = settle(config, client, &store, &checkpoint, rest).await?;
        note_kept_doubt(&folder, &store).await?;
        Ok((checkpoint, job, resume, before))
    };
    let records = |job, newest| Records::new(store.clone(), lease.clone(), job, newest);
    let keeper = |job, checkpoint: &FoundCheckpoint| {
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
    checkpoint: &FoundCheckpoint,
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

struct FoundCheckpoint {
    start: Timestamp,
    resume: Timestamp,
    newest: Option<Timestamp>,
    identity: Identity,
    is_new: bool,
    existing: Existing,
}

async fn read(
    config: &JobConfig,
    wanted: &Wanted,
    destination_bucket_id: &str,
    store: &BatchBucket,
) -> Result<FoundCheckpoint, Error> {
    let newest = store.newest_record().await?;
    let stored = store.identity().await?;
    let oldest_record = match (&stored, newest) {
        (None, Some(_)) => store.oldest_start().await?,
        _ => None,
    };
    let began = stored.as_ref().and_then(Identity::stored_start).or(oldest_record);
    let start = began.map_or(wanted.begins.time(), |began| wanted.begins.of_known(began));
    let identity = Identity {
        source_host: wanted.source_host.clone(),
        source_bucket_id: wanted.source_bucket_id.clone(),
        destination_bucket_id: destination_bucket_id.to_owned(),
        start,
        filter: wanted.filter.clone(),
    };
    if let Some(stored) = &stored {
        if let Some(Difference { part, stored, given }) =
            identity.differences(stored).into_iter().next()
        {
            let given = if given.is_empty() { "not there any more".to_owned() } else { given };
            let bucket = config.ends.batch_bucket.clone();
            return Err(Error::OtherJob { bucket, part, stored, given });
        }
    } else if newest.is_some() && !config.safety.adopt {
        adoptable(&config.scope.filter, start, oldest_record)?;
    }
    Ok(FoundCheckpoint {
        start,
        resume: newest.map_or(start, |(stop, _)| stop.max(start)),
        newest: newest.map(|(_, time)| time),
        identity,
        is_new: stored.is_none(),
        existing: match &stored {
            Some(stored) => Identity::stored_existing(stored),
            None if newest.is_some() => Existing::Adopted,
            None if config.safety.existing == ExistingPolicy::Merge => Existing::Something,
            None => Existing::Nothing,
        },
    })
}

/// Records of the official task say nothing of filters, and their oldest `batch_start` is the task's start.
fn adoptable(filter: &Filter, start: Timestamp, oldest: Option<Timestamp>) -> Result<(), Error> {
    if !filter.is_empty() {
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

/// Takes the lease, and reads it again: of two runs that do so at the same time the one whose point is the newest has it.
async fn take_lease(store: &BatchBucket, own: &Lease) -> Result<(), Error> {
    let stored = store.lease().await?;
    if let Some(stored) = &stored {
        may_follow(store, own, stored)?;
    }
    store.write_lease(own, stored.as_ref(), false).await?;
    Ok(store.held(own).await.map(drop)?)
}

fn may_follow(store: &BatchBucket, own: &Lease, stored: &StoredLease) -> Result<(), Error> {
    let now = store.now().unwrap_or(Timestamp::EPOCH);
    match stored.verdict(&own.machine, &own.lock, now) {
        LeaseVerdict::Free => Ok(()),
        LeaseVerdict::Held { age_ms } => {
            let Lease { machine, run, .. } = stored.lease.clone();
            Err(Error::Leased { machine, run, age_s: age_ms / 1_000 })
        }
    }
}

async fn refuse_foreign_data(
    config: &JobConfig,
    client: &Client,
    range: TimeRange,
) -> Result<(), Error> {
    if config.safety.existing == ExistingPolicy::Merge {
        return Ok(());
    }
    let values = count_at(client, &config.ends.destination_bucket, range).await?;
    if values == 0 {
        Ok(())
    } else {
        Err(Error::ForeignData { bucket: config.ends.destination_bucket.clone(), values, range })
    }
}
