//! What a job has moved, as its records tell.

use crate::checkpoint::identity::{
    DESTINATION_BUCKET, Difference, Existing, FILTER, Identity, SOURCE_BUCKET,
};
use crate::checkpoint::record::StoredFields;
use crate::config::ends::TokenSetting;
use crate::config::job::JobConfig;
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::influx::org::OrgFound;
use crate::job::ends::Ends;
use crate::job::error::Error;
use crate::job::{known_jobs, names};
use crate::model::side::Side;
use crate::model::time::TimeRange;
use crate::pipeline::commit::bucket::batch_bucket::BatchBucket;
use crate::pipeline::verify::evidence::RecordedJob;
use crate::report::influx_delete::DeleteTarget;

/// What was there before a job, and was not to be touched, may be what differs.
const MERGED: &str = "the bucket may hold other values (--existing merge): --source read compares";
/// The same of another program.
const ADOPTED: &str = "another program has recorded a part of it: --source read compares";

/// What a job has moved.
#[derive(Debug)]
pub(super) struct MovedJob {
    /// Where to.
    pub(super) bucket: Bucket,
    /// What its records call the source's organization.
    pub(super) source_org: String,
    /// From its start to its newest record.
    pub(super) range: TimeRange,
    /// Name of the organization that the bucket is in, if the token may know it.
    pub(super) destination_org: Option<String>,
    /// Id of the bucket that it was moved from, if that is recorded.
    pub(super) source_bucket_id: Option<String>,
    /// Where that was, if it is recorded.
    pub(super) source_host: Option<String>,
    /// Its filter, likewise.
    pub(super) filter: Option<String>,
    store: BatchBucket,
    existing: Existing,
}

impl MovedJob {
    /// Of the job with these names. Another one with the same names is refused: one with none of these filters, or whose
    /// bucket was made again.
    pub(super) async fn of(
        config: &JobConfig,
        ends: &Ends,
        filters: &[String],
    ) -> Result<Self, Error> {
        let client = &ends.destination;
        let (org, bucket) = client.settle_org(&config.ends.destination_bucket).await?;
        let no_bucket = |bucket: &str| {
            let (side, bucket) = (Side::Destination, bucket.to_owned());
            Error::NoBucket { side, bucket }
        };
        let bucket = bucket.ok_or_else(|| no_bucket(&config.ends.destination_bucket))?;
        let batch_bucket = &config.ends.batch_bucket;
        if client.bucket_by_name(batch_bucket).await?.is_none() {
            return Err(no_bucket(batch_bucket));
        }
        let mut named = config.clone();
        named.ends.source.org = source_org(config, ends).await?;
        let keys = names::keys(&named.ends);
        let source_org = keys.src_org.clone();
        let nothing = Error::NothingMoved {
            batch_bucket: batch_bucket.clone(),
            job: format!("{source_org}/{} to {}", keys.src_bucket, keys.dst_bucket),
        };
        let store = BatchBucket::new(client.clone(), batch_bucket, keys);
        let Some((stop, _)) = store.newest_record().await? else { return Err(nothing) };
        let stored = store.identity().await?.map(|(stored, _)| stored);
        let start = match stored.as_ref().and_then(Identity::stored_start) {
            Some(start) => start,
            None => store.oldest_start().await?.unwrap_or(stop),
        };
        let existing = match &stored {
            Some(stored) => {
                is_same(config, stored, &bucket, filters)?;
                Identity::stored_existing(stored)
            }
            None => Existing::Adopted,
        };
        let range = TimeRange::new(start, stop.max(start));
        let source_bucket_id = stored.as_ref().and_then(Identity::stored_source).map(str::to_owned);
        let source_host = stored.as_ref().and_then(Identity::stored_host).map(str::to_owned);
        let filter = stored.as_ref().and_then(|stored| stored.get(FILTER)).cloned();
        let destination_org = if let OrgFound::One { name, .. } = org { name } else { None };
        Ok(Self {
            bucket,
            source_org,
            range,
            destination_org,
            source_bucket_id,
            source_host,
            filter,
            store,
            existing,
        })
    }

    /// Refuses another bucket of the same name: nothing of it is to be read, or written.
    pub(super) fn is_of_source(&self, config: &JobConfig, source: &Bucket) -> Result<(), Error> {
        let given = (SOURCE_BUCKET, source.id.clone());
        let stored = self.source_bucket_id.as_ref();
        differs(config, stored, given)
    }

    /// Where extra values are deleted.
    pub(super) fn target(&self, config: &JobConfig) -> DeleteTarget {
        DeleteTarget {
            host: config.ends.destination.host.clone(),
            org: self.destination_org.clone(),
            bucket: self.bucket.name.clone(),
        }
    }

    /// What is recorded of its content.
    pub(super) async fn recorded(&self) -> Result<RecordedJob, Error> {
        let Some((batches, values)) = self.store.recorded().await? else {
            return Err(Error::TooManyRecords);
        };
        let read: u64 = batches.iter().map(|batch| batch.read).sum();
        let beside = match self.existing {
            Existing::Something => Some(MERGED),
            Existing::Adopted => Some(ADOPTED),
            Existing::Nothing => (read != values).then_some(ADOPTED),
        };
        Ok(RecordedJob { batches, store: self.store.clone(), beside })
    }
}

/// The bucket is that of the job, and one of these filters.
fn is_same(
    config: &JobConfig,
    stored: &StoredFields,
    bucket: &Bucket,
    filters: &[String],
) -> Result<(), Error> {
    let id = bucket.id.clone();
    differs(config, stored.get(DESTINATION_BUCKET), (DESTINATION_BUCKET, id))?;
    let own = stored.get(FILTER);
    match filters.first() {
        Some(given) if own.is_none_or(|own| !filters.contains(own)) => {
            differs(config, own, (FILTER, given.clone()))
        }
        _ => Ok(()),
    }
}

fn differs(
    config: &JobConfig,
    stored: Option<&String>,
    (part, given): (&'static str, String),
) -> Result<(), Error> {
    match stored {
        Some(stored) if *stored != given => {
            let difference = Difference { part, stored: stored.clone(), given };
            let bucket = config.ends.batch_bucket.clone();
            Err(Error::OtherJob { bucket, difference })
        }
        _ => Ok(()),
    }
}

/// What the records call the source's organization: as it is given, or as they agree; else the source says it.
async fn source_org(config: &JobConfig, ends: &Ends) -> Result<Option<String>, Error> {
    let given = &config.ends.source.org;
    let known = known_jobs::org_of_source(&config.ends, &ends.destination).await?;
    if known.is_some() && (given.is_none() || *given == known) {
        return Ok(known);
    }
    if config.ends.source.token == TokenSetting::None {
        return Ok(given.clone());
    }
    let asked = async |client: &Client| {
        client.meet(config.ends.wait_ms).await?;
        client.settle_org(&config.ends.source_bucket).await
    };
    Ok(match asked(&ends.source).await? {
        (OrgFound::One { name: Some(name), .. }, _) => Some(name),
        _ => given.clone(),
    })
}
