//! The place of a job: what the batch bucket and the destination say of it, looked at without taking it. A run looks before
//! it takes, and `preflight`, `plan` and `--dry-run` look the same way: what a run would refuse, they refuse.

use crate::checkpoint::identity::{Existing, Identity, filter_text};
use crate::checkpoint::lease::{Lease, LeaseVerdict, StoredLease};
use crate::config::job::JobConfig;
use crate::config::range::RangeStart;
use crate::config::values::{ExistingPolicy, IntervalChoice};
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::job::error::Error;
use crate::job::foreign::{self, WrittenStretch};
use crate::job::names;
use crate::job::source_facts::SourceFacts;
use crate::limits::{BATCHES_MAX, SKEW_MS_MAX};
use crate::model::batch::BatchPlan;
use crate::model::filter::Filter;
use crate::model::interval::Interval;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::commit::job_lock::{JobLock, LockError};
use crate::pipeline::pool::blocking;
use crate::spool;

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

impl Wanted {
    /// A job that reads a bucket.
    pub(crate) fn of(config: &JobConfig, source: &SourceFacts) -> Self {
        let stop = source.stop(&config.scope);
        let oldest = source.earliest.unwrap_or(stop);
        Self {
            source_host: config.ends.source.host.clone(),
            source_bucket_id: source.bucket.id.clone(),
            filter: filter_text(&config.scope.filter),
            begins: match config.scope.start {
                RangeStart::At(time) => Begins::Exactly(time),
                RangeStart::Earliest => Begins::AtOldest(oldest),
                RangeStart::Back(_) => Begins::Back(oldest),
            },
            stop,
        }
    }

    /// From where a new job would begin to its stop.
    pub(crate) fn range(&self) -> TimeRange {
        let start = self.begins.time();
        TimeRange::new(start, self.stop.max(start))
    }
}

/// Where a job stands.
#[derive(Debug, Clone)]
pub struct JobPlace {
    /// Its first instant.
    pub start: Timestamp,
    /// The stop of its newest record, or its start.
    pub resume: Timestamp,
    /// Time of its newest record.
    pub newest: Option<Timestamp>,
    /// What makes it the same job.
    pub identity: Identity,
    /// True if no run of this program has begun it.
    pub is_new: bool,
    /// What the destination held before it.
    pub existing: Existing,
    /// Time of the newest point of its identity.
    pub begun: Option<Timestamp>,
    /// How far its runs may have written, if that is recorded.
    pub reach: Option<Timestamp>,
}

impl JobPlace {
    /// From its start to the stop of a run, and where that run goes on.
    pub(crate) fn run_to(&self, stop: Timestamp) -> (TimeRange, Timestamp) {
        let job = TimeRange::new(self.start, stop.max(self.start));
        (job, self.resume.min(job.stop))
    }

    /// What a run over `rest` would write. A batch that was under way when an earlier run ended reaches no farther than that
    /// run's stop; a version that did not record it may have written everything.
    pub(crate) fn stretch(&self, rest: TimeRange) -> WrittenStretch {
        let start = match (self.is_new, self.reach) {
            (true, _) => rest.start,
            (false, Some(reach)) => rest.start.max(reach),
            (false, None) => rest.stop,
        };
        let fresh = TimeRange::new(start, rest.stop.max(start));
        let own = match self.existing {
            // Who asked for a merge as the job began meant as far as it went then.
            Existing::Something => fresh,
            Existing::Nothing | Existing::Adopted => rest,
        };
        WrittenStretch { bucket_id: self.identity.destination_bucket_id.clone(), own, fresh }
    }
}

/// A place as it was found, and why a run would not take it, if so.
#[derive(Debug)]
pub(crate) struct PlaceSeen {
    /// Where the job stands, as far as that is known.
    pub place: Option<JobPlace>,
    /// What a run would end with.
    pub refused: Option<Error>,
}

/// Looks at the place of a job in the order in which a run would take it. Nothing is written, locked or made.
pub(crate) async fn look(
    config: &JobConfig,
    client: &Client,
    destination: &DestinationFacts,
    wanted: &Wanted,
) -> PlaceSeen {
    let mut place = None;
    let refused = look_into(config, client, destination, wanted, &mut place).await.err();
    PlaceSeen { place, refused }
}

async fn look_into(
    config: &JobConfig,
    client: &Client,
    destination: &DestinationFacts,
    wanted: &Wanted,
    found: &mut Option<JobPlace>,
) -> Result<(), Error> {
    let keys = names::keys(&config.ends);
    let folder = names::state_folder(config, &keys);
    let store = BatchBucket::new(client.clone(), &config.ends.batch_bucket, keys);
    config.safety.needs_state()?;
    let lock = blocking(move || Ok(JobLock::look(&folder))).await?;
    // The refused lines lie in the same folder, and it is the folder that has to be cured.
    if matches!(lock, Err(LockError::Io { .. })) {
        lock?;
        return Ok(());
    }
    names::check_rejects(names::rejects_file(config)).await?;
    let rest = if destination.batch_bucket.is_some() {
        let mut read = read(config, wanted, &destination.bucket_id(), &store).await;
        if let Some(bucket_id) = made_meanwhile(config, client, destination, &read).await? {
            read = self::read(config, wanted, &bucket_id, &store).await;
        }
        // A job that is taken on this machine can be shown all the same.
        *found = read.as_ref().ok().cloned();
        let (lock, place) = (lock?, read?);
        let (job, resume) = place.run_to(wanted.stop);
        if let Some(stored) = store.lease().await? {
            may_follow(&store, &spool::lock::machine(), lock.as_deref().unwrap_or(""), &stored)?;
        }
        let rest = TimeRange::new(resume, job.stop);
        if destination.bucket.is_some() {
            foreign::refuse(config, client, &place.stretch(rest)).await?;
        }
        rest
    } else {
        lock?;
        if destination.bucket.is_some() {
            foreign::refuse_data(config, client, wanted.range()).await?;
        }
        wanted.range()
    };
    hold_interval(config, rest)
}

/// The id of a destination bucket that was not there at first, where the job is found to have one: a run that began at the
/// same time may just have made it.
async fn made_meanwhile(
    config: &JobConfig,
    client: &Client,
    destination: &DestinationFacts,
    read: &Result<JobPlace, Error>,
) -> Result<Option<String>, Error> {
    match read {
        Err(Error::OtherJob { difference, .. })
            if difference.is_of_bucket() && destination.bucket.is_none() =>
        {
            let made = client.bucket_by_name(&config.ends.destination_bucket).await?;
            Ok(made.map(|bucket| bucket.id))
        }
        _ => Ok(None),
    }
}

/// As [`hold_batches`], where the interval is known before anything is counted.
pub(crate) fn hold_interval(config: &JobConfig, rest: TimeRange) -> Result<(), Error> {
    match config.scope.batch_interval {
        IntervalChoice::Fixed(interval) => {
            hold_batches(&BatchPlan::new(rest.start, interval, rest.stop), interval)
        }
        IntervalChoice::Auto => Ok(()),
    }
}

/// Refuses an interval that makes more batches of the rest of a job than anybody can want.
pub(crate) fn hold_batches(plan: &BatchPlan, interval: Interval) -> Result<(), Error> {
    let (range, batches, max) = (plan.range(), plan.len(), BATCHES_MAX);
    if batches <= max {
        return Ok(());
    }
    let least_ns = range.duration_ns() / i128::from(max) + 1;
    let least_s = i64::try_from(least_ns / i128::from(NS_PER_S)).unwrap_or(i64::MAX / NS_PER_S - 1);
    let least = Interval::from_ns((least_s + 1) * NS_PER_S);
    Err(Error::TooManyBatches { interval, range, batches, max, least })
}

/// What the batch bucket holds of the job. Another job under the same names is refused.
pub(crate) async fn read(
    config: &JobConfig,
    wanted: &Wanted,
    destination_bucket_id: &str,
    store: &BatchBucket,
) -> Result<JobPlace, Error> {
    let newest = store.newest_record().await?;
    let (stored, begun) = store.identity().await?.unzip();
    // What was given up before anything was written is no job.
    let stored = stored.filter(|stored| newest.is_some() || !Identity::is_given_up(stored));
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
        if let Some(difference) = identity.differences(stored).into_iter().next() {
            let bucket = config.ends.batch_bucket.clone();
            return Err(Error::OtherJob { bucket, difference });
        }
    } else if newest.is_some() && !config.safety.adopt {
        adoptable(&config.scope.filter, start, oldest_record)?;
    }
    Ok(JobPlace {
        start,
        resume: newest.map_or(start, |(stop, _)| stop.max(start)),
        newest: newest.map(|(_, time)| time),
        identity,
        is_new: stored.is_none(),
        begun,
        reach: stored.as_ref().and_then(Identity::stored_reach),
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

/// Refuses a job that another run holds; this one is on `machine` and holds the lock `lock`, or could.
pub(crate) fn may_follow(
    store: &BatchBucket,
    machine: &str,
    lock: &str,
    stored: &StoredLease,
) -> Result<(), Error> {
    let now = store.now().unwrap_or(Timestamp::EPOCH);
    match stored.verdict(machine, lock, now) {
        LeaseVerdict::Free => Ok(()),
        LeaseVerdict::Held { age_ms } => {
            let Lease { machine, run, .. } = stored.lease.clone();
            Err(Error::Leased { machine, run, age_s: age_ms / 1_000 })
        }
    }
}
