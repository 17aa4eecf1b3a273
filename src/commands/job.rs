//! From checked settings and facts to a job: buckets made, job locked, checkpoint read, identity compared, plan laid.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::facts::{DestinationFacts, Ends, SourceFacts, count_at, watched_fields, whole_seconds};
use super::interval;
use crate::checkpoint::identity::{Identity, filter_text};
use crate::checkpoint::lease::{Lease, Verdict};
use crate::checkpoint::record::{Keys, next_record_time};
use crate::config::migrate::{ExistingPolicy, IntervalChoice, MigrateConfig, Start};
use crate::influx::api::{Bucket, TaskStatus};
use crate::influx::client::Client;
use crate::limits::{SLICE_BYTES_MAX, WRITES_IN_FLIGHT_DEFAULT};
use crate::model::batch::BatchPlan;
use crate::model::interval::Interval;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;

use crate::pipeline::commit::store::Store;
use crate::pipeline::context::Job;
use crate::pipeline::lock::JobLock;
use crate::pipeline::survey::route::FieldKey;

/// What a run needs, and the lock that keeps others out.
#[derive(Debug)]
pub struct Prepared {
    /// The job.
    pub job: Job,
    /// Its checkpoint.
    pub store: Store,
    /// Fields that can clash.
    pub watched: Vec<FieldKey>,
    /// Held until the run is over.
    pub lock: JobLock,
}

/// Makes the buckets that are missing: retention 0, and the source's shard groups for the data.
pub async fn create_buckets(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: &mut DestinationFacts,
) -> Result<(), Error> {
    let Some(org_id) = destination.org_id.clone() else { return Ok(()) };
    if destination.bucket.is_none() {
        let shard_s = whole_seconds(source.survey.shape.shard_group_ns);
        destination.bucket = Some(
            create(&ends.destination, &org_id, &config.destination_bucket, Some(shard_s)).await?,
        );
    }
    if destination.batch_bucket.is_none() {
        destination.batch_bucket =
            Some(create(&ends.destination, &org_id, &config.batch_bucket, None).await?);
    }
    Ok(())
}

/// A shard group duration is set afterwards: given at creation, InfluxDB holds it against the retention.
async fn create(
    client: &Client,
    org_id: &str,
    name: &str,
    shard_s: Option<u64>,
) -> Result<Bucket, Error> {
    let bucket = client.create_bucket(org_id, name).await?;
    match shard_s {
        Some(shard_s) if bucket.shard_group_duration_s != Some(shard_s) => {
            Ok(client.set_bucket_retention(&bucket.id, 0, Some(shard_s)).await?)
        }
        _ => Ok(bucket),
    }
}

/// Pauses the tasks that would write the same records.
pub async fn pause_tasks(ends: &Ends, destination: &DestinationFacts) -> Result<(), Error> {
    for task in &destination.active_tasks {
        ends.destination.set_task_status(&task.id, TaskStatus::Inactive).await?;
    }
    Ok(())
}

/// The names of a job in the batch bucket.
pub fn keys(config: &MigrateConfig) -> Keys {
    Keys {
        src_org: config.source.org.clone().unwrap_or_default(),
        src_bucket: config.source_bucket.clone(),
        dst_bucket: config.destination_bucket.clone(),
    }
}

/// Locks the job, reads its checkpoint and lays the plan.
pub async fn prepare(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: &DestinationFacts,
) -> Result<Prepared, Error> {
    let keys = keys(config);
    let folder = state_folder(config, &keys);
    let lock = JobLock::take(&folder)?;
    let store = Store::new(ends.destination.clone(), &config.batch_bucket, keys.clone());
    let checkpoint = resume(config, source, destination, &store).await?;
    let lease = take_lease(ends, &store, &keys).await?;
    let facts = Facts { config, ends, source, destination };
    match lay(&facts, &store, checkpoint, &lease, &folder).await {
        Ok(job) => Ok(Prepared { job, store, watched: watched_fields(source, destination), lock }),
        Err(error) => {
            // A lease that cannot be given back grows stale by itself.
            let _ = release_lease(ends, &store, &keys, &lease).await;
            Err(error)
        }
    }
}

struct Facts<'a> {
    config: &'a MigrateConfig,
    ends: &'a Ends,
    source: &'a SourceFacts,
    destination: &'a DestinationFacts,
}

/// Begins a new job in the batch bucket, and lays the plan of this run.
async fn lay(
    facts: &Facts<'_>,
    store: &Store,
    checkpoint: Checkpoint,
    lease: &Lease,
    folder: &Path,
) -> Result<Job, Error> {
    let Facts { config, ends, source, destination } = *facts;
    let stop = source.stop(config).max(checkpoint.start);
    let job_range = TimeRange::new(checkpoint.start, stop);
    let resume = checkpoint.resume.min(stop);
    // A job over nothing is no job yet: the start of an empty bucket would be kept for ever.
    if checkpoint.is_new && !job_range.is_empty() {
        refuse_foreign_data(config, ends, TimeRange::new(resume, stop)).await?;
        let now = ends.destination.server_time().map_or(stop, Timestamp::from_ns);
        store.write(&[checkpoint.identity.point(&keys(config), now)], "job identity").await?;
    }
    let range = TimeRange::new(resume, stop);
    let place = Place {
        lease: lease.clone(),
        job_range,
        resume,
        interval: interval_of(config, ends, source, range).await?,
        newest_record: checkpoint.newest,
        rejected_before: store.rejected_total().await?,
        rejects: config.rejects.clone().unwrap_or_else(|| folder.join("rejects.lp")),
    };
    Ok(assemble(config, ends, source, Some(destination), place))
}

/// What is not in the settings: where a run stands, and what it holds.
struct Place {
    lease: Lease,
    job_range: TimeRange,
    resume: Timestamp,
    interval: Interval,
    newest_record: Option<Timestamp>,
    rejected_before: u64,
    rejects: PathBuf,
}

fn assemble(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&DestinationFacts>,
    place: Place,
) -> Job {
    let shape = source.survey.shape;
    let destination_ns = destination.map(|facts| facts.shard_group_ns(shape.shard_group_ns));
    Job {
        source_bucket: config.source_bucket.clone(),
        shape,
        filter: config.filter.clone(),
        routes: source.routes.clone(),
        transport: config.transport,
        field_label: source.survey.field_label.clone(),
        strings: source.survey.strings,
        source_retention_ns: crate::pipeline::survey::retention_ns(source.bucket.retention_s),
        destination_bucket: config.destination_bucket.clone(),
        destination_shard_group_ns: destination_ns.unwrap_or(shape.shard_group_ns),
        batch_bucket: config.batch_bucket.clone(),
        keys: keys(config),
        lease: place.lease,
        range: place.job_range,
        plan: BatchPlan::new(place.resume, place.interval, place.job_range.stop),
        interval: place.interval,
        newest_record: place.newest_record,
        on_type_conflict: config.on_type_conflict,
        rejected_before: place.rejected_before,
        reject_limit: config.reject_limit,
        rejects: place.rejects,
        slices_in_flight: config.concurrency,
        writes_in_flight: WRITES_IN_FLIGHT_DEFAULT,
        slice_bytes_max: ends
            .source
            .quota()
            .request_bytes_max()
            .unwrap_or(SLICE_BYTES_MAX)
            .min(SLICE_BYTES_MAX),
        transfer_bytes_max: config.max_transfer_bytes,
    }
}

async fn interval_of(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    range: TimeRange,
) -> Result<Interval, Error> {
    match config.batch_interval {
        IntervalChoice::Fixed(interval) => Ok(interval),
        IntervalChoice::Auto => interval::choose(config, ends, source, range).await,
    }
}

/// A job to be looked at: no lock, no lease, nothing written. Without a destination there is nothing to resume.
pub async fn to_look_at(
    config: &MigrateConfig,
    ends: &Ends,
    source: &SourceFacts,
    destination: Option<&DestinationFacts>,
) -> Result<Job, Error> {
    let stop = source.stop(config);
    let start = source.earliest.unwrap_or(stop).min(stop);
    let newest = match destination {
        Some(_) => {
            let keys = keys(config);
            let store = Store::new(ends.destination.clone(), &config.batch_bucket, keys);
            // The batch bucket may not be there yet: then there is nothing to resume.
            store.newest_record().await.ok().flatten()
        }
        None => None,
    };
    let resume = newest.map_or(start, |(resume, _)| resume.clamp(start, stop));
    let place = Place {
        lease: Lease { machine: machine(), run: "look".to_owned() },
        job_range: TimeRange::new(start, stop),
        resume,
        interval: interval_of(config, ends, source, TimeRange::new(resume, stop)).await?,
        newest_record: newest.map(|(_, time)| time),
        rejected_before: 0,
        rejects: config.rejects.clone().unwrap_or_default(),
    };
    Ok(assemble(config, ends, source, destination, place))
}

/// The transport as a person asks for it.
pub fn transport_name(transport: Option<Transport>) -> &'static str {
    transport.map_or("auto", Transport::name)
}

/// `<state>/<source org>.<source bucket>.<destination bucket>`, with a digest of host and batch bucket, so that no two
/// jobs share a folder.
fn state_folder(config: &MigrateConfig, keys: &Keys) -> PathBuf {
    let plain = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect::<String>()
    };
    let names =
        format!("{}.{}.{}", plain(&keys.src_org), plain(&keys.src_bucket), plain(&keys.dst_bucket));
    let whole = format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        keys.src_org,
        keys.src_bucket,
        keys.dst_bucket,
        config.source.host,
        config.destination.host,
        config.batch_bucket
    );
    config.state_dir.join(format!("{names}.{:016x}", fnv1a(whole.as_bytes())))
}

/// FNV-1a: stable across versions and machines, which the standard hasher does not promise.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

struct Checkpoint {
    start: Timestamp,
    resume: Timestamp,
    newest: Option<Timestamp>,
    identity: Identity,
    is_new: bool,
}

async fn resume(
    config: &MigrateConfig,
    source: &SourceFacts,
    destination: &DestinationFacts,
    store: &Store,
) -> Result<Checkpoint, Error> {
    let newest = store.newest_record().await?;
    let stored = store.identity().await?;
    let oldest_record = match (&stored, newest) {
        (None, Some(_)) => store.oldest_start().await?,
        _ => None,
    };
    let start =
        match (config.start, stored.as_ref().and_then(Identity::stored_start), oldest_record) {
            (Start::At(time), ..) => time,
            (Start::Earliest, Some(stored), _) => stored,
            (Start::Earliest, None, Some(oldest)) => oldest,
            (Start::Earliest, None, None) => source.earliest.unwrap_or_else(|| source.stop(config)),
        };
    let identity = Identity {
        source_host: config.source.host.clone(),
        source_bucket_id: source.bucket.id.clone(),
        destination_bucket_id: destination
            .bucket
            .as_ref()
            .map_or(String::new(), |bucket| bucket.id.clone()),
        start,
        filter: filter_text(&config.filter),
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

async fn take_lease(ends: &Ends, store: &Store, keys: &Keys) -> Result<Lease, Error> {
    let machine = machine();
    let stored = store.lease().await?;
    let now = ends.destination.server_time().map_or(Timestamp::EPOCH, Timestamp::from_ns);
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
    store.write(&[lease.point(keys, time, false)], "lease").await?;
    Ok(lease)
}

/// Gives the lease back, so that the next run need not wait for it to grow stale.
pub async fn release_lease(
    ends: &Ends,
    store: &Store,
    keys: &Keys,
    lease: &Lease,
) -> Result<(), Error> {
    let Some(stored) = store.lease().await?.filter(|stored| stored.lease == *lease) else {
        return Ok(());
    };
    let now = ends.destination.server_time().map_or(stored.refreshed, Timestamp::from_ns);
    let point = lease.point(keys, next_record_time(Some(stored.refreshed), now), true);
    Ok(store.write(&[point], "lease").await?)
}

/// What tells machines apart: the machine id where there is one, else the host name.
fn machine() -> String {
    ["/etc/machine-id", "/proc/sys/kernel/hostname"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

async fn refuse_foreign_data(
    config: &MigrateConfig,
    ends: &Ends,
    range: TimeRange,
) -> Result<(), Error> {
    if config.existing == ExistingPolicy::Merge {
        return Ok(());
    }
    let values = count_at(&ends.destination, &config.destination_bucket, range).await?;
    if values == 0 {
        Ok(())
    } else {
        Err(Error::ForeignData { bucket: config.destination_bucket.clone(), values, range })
    }
}
