//! What both ends say of themselves before a run: gathered once, judged by `preflight`, used by `migrate`.

use std::sync::Arc;

use super::error::Error;
use super::{ends, known_jobs, orgs};
use crate::config::job::JobConfig;
use crate::config::values::QuotaChoice;
use crate::influx::api::{Bucket, Limits, Task, TaskStatus};
use crate::influx::client::{Client, ClientSettings, ServerInfo};
use crate::influx::error::{Error as InfluxError, FailureKind};
use crate::influx::org::OrgFound;
use crate::influx::signal::Observer;
use crate::limits::QUOTA_BYTES_PER_WINDOW_DEFAULT;
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::side::Side;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::source::earliest::{earliest, earliest_counted};
use crate::pipeline::source::route::Routes;
use crate::pipeline::source::schema;
use crate::pipeline::source::shape::retention_ns;
use crate::pipeline::source::survey::Survey;
use crate::pipeline::write::bucket::type_conflict::{self, TypesByKey};
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};

/// Both ends, connected.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Reads.
    pub source: Client,
    /// Writes.
    pub destination: Client,
}

impl Ends {
    /// Clients for both ends; the source is not paced yet.
    pub fn connect(config: &JobConfig, observer: &Observer) -> Result<Self, InfluxError> {
        Self::connect_with(config, &ClientSettings::default(), observer)
    }

    /// The same, with other waits than the default ones.
    pub fn connect_with(
        config: &JobConfig,
        settings: &ClientSettings,
        observer: &Observer,
    ) -> Result<Self, InfluxError> {
        let settings =
            ClientSettings { query_timeout_ms: config.pace.query_timeout_ms, ..settings.clone() };
        Ok(Self {
            source: ends::connect(
                Side::Source,
                &config.ends.source,
                &settings,
                Arc::clone(observer),
            )?,
            destination: ends::connect(
                Side::Destination,
                &config.ends.destination,
                &settings,
                Arc::clone(observer),
            )?,
        })
    }
}

/// The read quota, and where it is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// `--quota none`, or an organization without a limit.
    None,
    /// `--quota`.
    Given(u64),
    /// The limits of the organization.
    Told(u64),
    /// The limits are not readable with this token: the free plan's.
    Assumed(u64),
}

impl Quota {
    /// Bytes in five minutes.
    pub fn bytes_per_window(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Given(bytes) | Self::Told(bytes) | Self::Assumed(bytes) => Some(bytes),
        }
    }
}

/// What came of asking the source.
#[derive(Debug, Clone)]
pub enum SourceSeen {
    /// All of it.
    Facts(Box<SourceFacts>),
    /// A bucket that is not there and one that may not be read look alike.
    NoBucket,
    /// Buckets of this name are in several organizations: their ids.
    InSeveral(Vec<String>),
}

/// The source.
#[derive(Debug, Clone)]
pub struct SourceFacts {
    /// Version and build, if told.
    pub info: ServerInfo,
    /// The bucket.
    pub bucket: Bucket,
    /// What records call its organization: the name, or the id where no name is to be had.
    pub org: String,
    /// True if that is its name.
    pub is_org_named: bool,
    /// The quota.
    pub quota: Quota,
    /// The limits of the organization, if they are readable and wanted.
    pub limits: Option<Limits>,
    /// What is in the bucket, in kind.
    pub survey: Survey,
    /// Who reads what of it.
    pub routes: Routes,
    /// Time of the oldest value, if the start is to be found.
    pub earliest: Option<Timestamp>,
    /// The present by the source's clock.
    pub now: Timestamp,
}

impl SourceFacts {
    /// Length of the stretches in which each field has one type: the shard groups of an OSS. Elsewhere there are none.
    pub fn one_type_ns(&self) -> Option<i64> {
        self.info.is_oss().then_some(self.survey.shape.shard_group_ns)
    }

    /// Asks the source.
    pub async fn gather(config: &JobConfig, source: &Client) -> Result<SourceSeen, Error> {
        source.server_info().await?;
        let (org, bucket) = match source.settle_org(&config.ends.source_bucket).await? {
            (OrgFound::Ambiguous(ids), _) => return Ok(SourceSeen::InSeveral(ids)),
            (OrgFound::One { name, .. }, Some(bucket)) => (name, bucket),
            _ => return Ok(SourceSeen::NoBucket),
        };
        let info = source.known_info();
        let is_org_named = org.is_some();
        let org = org.unwrap_or_else(|| bucket.org_id.clone());
        let (quota, limits) = quota(config, source, &bucket).await?;
        let survey = Survey::run(source, &bucket, &config.scope.filter).await?;
        let routes = Routes::new(&survey, &config.scope.filter);
        let now = source.server_time().map_or(Timestamp::EPOCH, Timestamp::from_ns);
        config.scope.hold_range(now)?;
        let earliest = match config.scope.start.counted_from(now) {
            None => oldest(config, source, &routes).await?,
            counted => counted,
        };
        Ok(SourceSeen::Facts(Box::new(Self {
            info,
            bucket,
            org,
            is_org_named,
            quota,
            limits,
            survey,
            routes,
            earliest,
            now,
        })))
    }

    /// The first instant after this run.
    pub fn stop(&self, config: &JobConfig) -> Timestamp {
        config.scope.stop.counted_from(self.now)
    }

    /// What a plain Flux query reads of a range.
    pub fn selection<'a>(&'a self, config: &'a JobConfig, range: TimeRange) -> Selection<'a> {
        Selection {
            bucket: &config.ends.source_bucket,
            range,
            filter: &config.scope.filter,
            measurements: &[],
            without: &self.routes.plain,
        }
    }
}

/// The oldest value of all, also of what plain Flux does not read.
async fn oldest(
    config: &JobConfig,
    source: &Client,
    routes: &Routes,
) -> Result<Option<Timestamp>, Error> {
    let selection = Selection {
        bucket: &config.ends.source_bucket,
        range: TimeRange::ALL,
        filter: &config.scope.filter,
        measurements: &[],
        without: &routes.plain,
    };
    let read = earliest(source, selection).await?;
    let Some(not_plain) = &routes.not_plain else { return Ok(read) };
    let before = read.unwrap_or(Timestamp::STOP_MAX);
    let left_out = Selection { without: std::slice::from_ref(not_plain), ..selection };
    Ok(earliest_counted(source, left_out, before).await?.or(read))
}

async fn quota(
    config: &JobConfig,
    source: &Client,
    bucket: &Bucket,
) -> Result<(Quota, Option<Limits>), Error> {
    if config.pace.quota == QuotaChoice::None {
        return Ok((Quota::None, None));
    }
    let limits = source.limits(&bucket.org_id).await?;
    let quota = match (config.pace.quota, limits) {
        (QuotaChoice::None, _) => Quota::None,
        (QuotaChoice::Bytes { per_window }, _) => Quota::Given(per_window),
        (QuotaChoice::Auto, Some(limits)) => {
            limits.read_bytes_per_window().map_or(Quota::None, Quota::Told)
        }
        // OSS has no limits at all, and says what it is.
        (QuotaChoice::Auto, None) if source.known_info().is_oss() => Quota::None,
        (QuotaChoice::Auto, None) => Quota::Assumed(QUOTA_BYTES_PER_WINDOW_DEFAULT),
    };
    Ok((quota, limits))
}

/// The destination.
#[derive(Debug, Clone, Default)]
pub struct DestinationFacts {
    /// Version and build.
    pub info: ServerInfo,
    /// The organization's id, if a bucket or the list of organizations tells it.
    pub org_id: Option<String>,
    /// Its name, as it was given or as the server tells it.
    pub org: Option<String>,
    /// Why no organization can be named to the server, if so. Nothing else was asked then.
    pub no_org: Option<String>,
    /// What records of this job call the source's organization, where no setting says it.
    pub source_org: Option<String>,
    /// The bucket to write, if it is there.
    pub bucket: Option<Bucket>,
    /// The bucket of the checkpoint, if it is there.
    pub batch_bucket: Option<Bucket>,
    /// Other destination buckets of the same source that have progress there.
    pub other_jobs: Vec<String>,
    /// Types of its fields.
    pub field_types: FieldTypes,
    /// The failure of an empty write, if it failed.
    pub write_refused: Option<String>,
    /// Active tasks that write the same checkpoint; none where tasks cannot be listed.
    pub active_tasks: Vec<Task>,
}

impl DestinationFacts {
    /// Asks the destination of a job whose source is known as far as it is there.
    pub async fn gather(
        config: &JobConfig,
        destination: &Client,
        source: Option<&SourceFacts>,
    ) -> Result<Self, Error> {
        destination.server_info().await?;
        let (found, bucket) = orgs::settled(config, destination).await?;
        let (org_id, org, no_org) = match found {
            OrgFound::One { id, name } => (id, name, None),
            other => (None, None, Some(orgs::unsettled(&other))),
        };
        if no_org.is_some() {
            let info = destination.known_info();
            return Ok(Self { info, no_org, ..Self::default() });
        }
        let batch_bucket = destination.bucket_by_name(&config.ends.batch_bucket).await?;
        let org_id = match [&bucket, &batch_bucket].into_iter().flatten().next() {
            Some(bucket) => Some(bucket.org_id.clone()),
            None if org_id.is_some() => org_id,
            None => destination.org_id(&config.ends.destination_bucket).await?,
        };
        let info = destination.known_info();
        let (mut field_types, mut write_refused) = (FieldTypes::new(), None);
        if let Some(bucket) = &bucket {
            if let Ok(database) = destination.database_of(bucket).await? {
                field_types =
                    schema::field_types(destination, &database).await?.unwrap_or_default();
            }
            write_refused = probe(destination, &config.ends.destination_bucket).await?;
        }
        let active_tasks = active_tasks(config, destination).await?;
        let mut source_org = config.ends.source.org.clone();
        if let (None, Some(source)) = (&source_org, source) {
            let known = match &batch_bucket {
                Some(_) => known_jobs::org_of_source(config, destination).await?,
                None => None,
            };
            // A name that was unknown when the job began stays so for it.
            let known = known.filter(|org| !source.is_org_named || *org == source.bucket.org_id);
            source_org = Some(known.unwrap_or_else(|| source.org.clone()));
        }
        let other_jobs = match (&batch_bucket, &source_org) {
            (Some(_), Some(org)) => known_jobs::others(config, org, destination).await?,
            _ => Vec::new(),
        };
        Ok(Self {
            info,
            org_id,
            org,
            no_org,
            source_org,
            bucket,
            batch_bucket,
            other_jobs,
            field_types,
            write_refused,
            active_tasks,
        })
    }

    /// The id of the bucket to write; nothing while it is not there.
    pub fn bucket_id(&self) -> String {
        self.bucket.as_ref().map_or(String::new(), |bucket| bucket.id.clone())
    }

    /// Shard group duration of the destination bucket; that of the source for a bucket that is still to be made.
    pub fn shard_group_ns(&self, source_ns: i64) -> i64 {
        let told = self
            .bucket
            .as_ref()
            .and_then(|bucket| bucket.shard_group_duration_s)
            .and_then(retention_ns);
        told.unwrap_or(source_ns)
    }
}

async fn probe(destination: &Client, bucket: &str) -> Result<Option<String>, Error> {
    match destination.probe_write(bucket).await {
        Ok(()) => Ok(None),
        Err(error) if matches!(error.kind(), FailureKind::Forbidden | FailureKind::NotFound) => {
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn active_tasks(config: &JobConfig, destination: &Client) -> Result<Vec<Task>, Error> {
    let tasks = match destination.tasks().await {
        Ok(tasks) => tasks,
        // A token for two buckets may not list tasks; the lease and the newest record still guard the job.
        Err(error)
            if matches!(
                error.kind(),
                FailureKind::Unauthorized | FailureKind::Forbidden | FailureKind::NotFound
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    let ours = |flux: &str| {
        flux.contains("batchInterval") && flux.contains(&format!("{:?}", config.ends.source_bucket))
    };
    Ok(tasks
        .into_iter()
        .filter(|task| task.status == TaskStatus::Active && ours(&task.flux))
        .collect())
}

/// Fields that can clash at the destination.
pub fn watched_fields(source: &SourceFacts, destination: &DestinationFacts) -> Vec<FieldKey> {
    let types = source.survey.field_types().map(type_conflict::by_key);
    watched(types.as_ref(), source.one_type_ns(), destination)
}

/// The same for fields of these types, each of which has one type in stretches of this length, if it has.
pub fn watched(
    types: Option<&TypesByKey>,
    one_type_ns: Option<i64>,
    destination: &DestinationFacts,
) -> Vec<FieldKey> {
    let Some(types) = types else { return Vec::new() };
    // Where the destination's are not known either, all of them are watched.
    let destination_ns = destination.shard_group_ns(one_type_ns.unwrap_or(1));
    type_conflict::watched(types, one_type_ns, &destination.field_types, destination_ns)
}

/// Values that a bucket of the destination holds in a range.
pub async fn count_at(client: &Client, bucket: &str, range: TimeRange) -> Result<u64, Error> {
    let what = "count of what the destination holds";
    if range.is_empty() {
        return Ok(0);
    }
    let selection = Selection {
        bucket,
        range,
        filter: &crate::model::filter::Filter::default(),
        measurements: &[],
        without: &[],
    };
    let answer = client.query_all(&flux::count(selection), what).await?;
    let count = table::single_long(&answer).map_err(|source| Error::Decode { what, source })?;
    Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// True if a bucket with this retention would drop values at `oldest`.
pub fn would_drop(retention_s: u64, oldest: Timestamp, now: Timestamp) -> bool {
    let Some(retention_ns) = retention_ns(retention_s) else { return false };
    oldest < now.saturating_add_ns(-retention_ns)
}

/// A duration of whole seconds as people write it.
pub fn seconds(seconds: u64) -> String {
    match seconds {
        0 => "for ever".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ => format!("{seconds}s"),
    }
}

/// Seconds of a nanosecond duration.
pub fn whole_seconds(ns: i64) -> u64 {
    u64::try_from(ns / NS_PER_S).unwrap_or(0)
}
