//! What the destination says of itself before a run: gathered once, judged by preflight, used by a run.

use super::{known_jobs, orgs};
use crate::config::job::JobConfig;
use crate::influx::api::{Bucket, Task, TaskStatus};
use crate::influx::client::{Client, ServerInfo};
use crate::influx::error::FailureKind;
use crate::influx::id::is_id;
use crate::influx::org::OrgFound;
use crate::job::ends::count;
use crate::job::error::Error;
use crate::job::source_facts::SourceFacts;
use crate::model::filter::Filter;
use crate::model::schema::{FieldKey, FieldTypes};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::source::schema;
use crate::pipeline::source::shape::retention_ns;
use crate::pipeline::write::bucket::type_conflict::{self, ConflictPolicy, TypesByKey};
use crate::wire::flux::Selection;

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
    /// The organizations that can be seen, where the one that was given is not there. Nothing else was asked then.
    pub orgs_seen: Option<Vec<String>>,
    /// The buckets that can be seen, where one of the two that are needed is not and is not to be made.
    pub buckets_seen: Vec<Bucket>,
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
    /// The failures of empty writes to both buckets.
    pub writes_refused: Vec<String>,
    /// Active tasks that write the same checkpoint; none where tasks cannot be listed.
    pub active_tasks: Vec<Task>,
}

impl DestinationFacts {
    /// Asks the destination, which has been met, of a job whose source is known as far as it is there.
    pub async fn gather(
        config: &JobConfig,
        destination: &Client,
        source: Option<&SourceFacts>,
    ) -> Result<Self, Error> {
        let settled = orgs::settled(&config.ends, destination).await;
        if matches!(&settled, Err(Error::Influx(error)) if orgs::is_unknown(error)) {
            let (info, orgs) = (destination.known_info(), destination.org_names().await);
            return Ok(Self { info, orgs_seen: Some(orgs), ..Self::default() });
        }
        let (found, bucket) = settled?;
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
        let (mut field_types, mut writes_refused) = (FieldTypes::new(), Vec::new());
        if let Some(bucket) = &bucket
            && let Ok(database) = destination.database_of(bucket).await?
        {
            field_types = schema::field_types(destination, &database).await?.unwrap_or_default();
        }
        for bucket in [&bucket, &batch_bucket].into_iter().flatten() {
            writes_refused.extend(probe(destination, &bucket.name).await?);
        }
        let is_missing = bucket.is_none() || batch_bucket.is_none();
        let is_id = is_id(&config.ends.destination_bucket) || is_id(&config.ends.batch_bucket);
        let buckets_seen = if is_missing && (is_id || !config.safety.create_buckets) {
            destination.buckets_seen().await
        } else {
            Vec::new()
        };
        let active_tasks = active_tasks(&config.ends.source_bucket, destination).await?;
        let mut source_org = config.ends.source.org.clone();
        if let Some(source) = source {
            let known = match &batch_bucket {
                Some(_) => known_jobs::org_of_source(&config.ends, destination).await?,
                None => None,
            };
            // A name that was unknown when the job began stays so for it, also when it is given later.
            let is_nameless = source_org.is_none() && !source.is_org_named;
            let known = known.filter(|org| is_nameless || *org == source.bucket.org_id);
            source_org = Some(known.unwrap_or_else(|| source.org.clone()));
        }
        let other_jobs = match (&batch_bucket, &source_org) {
            (Some(_), Some(org)) => known_jobs::others(&config.ends, org, destination).await?,
            _ => Vec::new(),
        };
        Ok(Self {
            info,
            org_id,
            org,
            no_org,
            orgs_seen: None,
            buckets_seen,
            source_org,
            bucket,
            batch_bucket,
            other_jobs,
            field_types,
            writes_refused,
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

async fn active_tasks(source_bucket: &str, destination: &Client) -> Result<Vec<Task>, Error> {
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
    let bucket = format!("{source_bucket:?}");
    let ours = |flux: &str| flux.contains("batchInterval") && flux.contains(&bucket);
    Ok(tasks
        .into_iter()
        .filter(|task| task.status == TaskStatus::Active && ours(&task.flux))
        .collect())
}

/// Fields that a run looks at for clashes. Shard groups of former lengths may be none in which a field has one type: who has
/// asked for clashes to be kept or renamed gets that for each of them.
pub(crate) fn watched_by_run(
    types: Option<&TypesByKey>,
    one_type_ns: Option<i64>,
    destination: &DestinationFacts,
    policy: ConflictPolicy,
) -> Vec<FieldKey> {
    watched(types, one_type_ns.filter(|_| policy == ConflictPolicy::Stop), destination)
}

/// Fields that can clash at the destination, of fields of these types, each of which has one type in stretches of this length,
/// if it has.
pub(crate) fn watched(
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
pub(crate) async fn count_at(
    client: &Client,
    bucket: &str,
    range: TimeRange,
) -> Result<u64, Error> {
    let what = "count of what the destination holds";
    if range.is_empty() {
        return Ok(0);
    }
    let selection =
        Selection { bucket, range, filter: &Filter::default(), measurements: &[], without: &[] };
    count(client, selection, what).await
}

/// True if a bucket with this retention would drop values at `oldest`.
pub(crate) fn would_drop(retention_s: u64, oldest: Timestamp, now: Timestamp) -> bool {
    let Some(retention_ns) = retention_ns(retention_s) else { return false };
    oldest < now.saturating_add_ns(-retention_ns)
}
