//! What a run changes at the destination before it begins, if it was asked to: buckets made, tasks paused.

use crate::config::job::JobEnds;
use crate::influx::api::{Bucket, TaskStatus};
use crate::influx::client::Client;
use crate::job::destination_facts::DestinationFacts;
use crate::job::error::Error;
use crate::model::time::NS_PER_S;

/// Makes the buckets that are missing: retention 0, and the source's shard groups for the data.
pub(crate) async fn create(
    ends: &JobEnds,
    client: &Client,
    source_shard_group_ns: Option<i64>,
    destination: &mut DestinationFacts,
) -> Result<(), Error> {
    let Some(org_id) = destination.org_id.clone() else { return Ok(()) };
    if destination.bucket.is_none() {
        let name = &ends.destination_bucket;
        destination.bucket =
            Some(create_or_find(client, &org_id, name, source_shard_group_ns).await?);
    }
    if destination.batch_bucket.is_none() {
        let name = &ends.batch_bucket;
        destination.batch_bucket = Some(create_or_find(client, &org_id, name, None).await?);
    }
    Ok(())
}

/// Another run may make the same bucket at the same time: which of them has the job is told by the lease. One that keeps
/// values for a while only was not made by a run.
async fn create_or_find(
    client: &Client,
    org_id: &str,
    name: &str,
    shard_ns: Option<i64>,
) -> Result<Bucket, Error> {
    match create_one(client, org_id, name, shard_ns).await {
        Err(Error::Influx(error)) if error.status == Some(422) => {
            let found = client.bucket_by_name(name).await?;
            found.filter(|bucket| bucket.retention_s == 0).ok_or(Error::Influx(error))
        }
        created => created,
    }
}

/// A shard group duration is set afterwards: given at creation, InfluxDB holds it against the retention.
pub(crate) async fn create_one(
    client: &Client,
    org_id: &str,
    name: &str,
    shard_ns: Option<i64>,
) -> Result<Bucket, Error> {
    let bucket = client.create_bucket(org_id, name).await?;
    let shard_s = shard_ns.map(|ns| u64::try_from(ns / NS_PER_S).unwrap_or(0));
    match shard_s {
        Some(shard_s) if bucket.shard_group_duration_s != Some(shard_s) => {
            Ok(client.set_bucket_retention(&bucket.id, 0, Some(shard_s)).await?)
        }
        _ => Ok(bucket),
    }
}

/// Pauses the tasks that would write the same records.
pub(crate) async fn pause_tasks(
    client: &Client,
    destination: &DestinationFacts,
) -> Result<(), Error> {
    for task in &destination.active_tasks {
        client.set_task_status(&task.id, TaskStatus::Inactive).await?;
    }
    Ok(())
}
