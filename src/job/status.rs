//! The jobs of batch buckets, looked at. Nothing is written, and nothing but these buckets is asked.

use crate::config::status::StatusConfig;
use crate::influx::client::Client;
use crate::job::error::Error;
use crate::job::shown::host_name;
use crate::model::side::Side;
use crate::model::time::Timestamp;
use crate::pipeline::commit::bucket::seen_jobs::seen_jobs;
use crate::report::status::{BucketJobs, StatusReport};

/// Meets the server and makes sure that each bucket is there.
pub(crate) async fn meet(config: &StatusConfig, client: &Client) -> Result<(), Error> {
    client.meet(config.wait_ms).await?;
    for bucket in &config.batch_buckets {
        if client.settle_org(bucket).await?.1.is_none() {
            return Err(Error::NoBucket { side: Side::Destination, bucket: bucket.clone() });
        }
    }
    Ok(())
}

/// Looks at all of them once. Ages are held against the server's clock alone.
pub(crate) async fn look(config: &StatusConfig, client: &Client) -> Result<StatusReport, Error> {
    let mut buckets = Vec::new();
    for bucket in &config.batch_buckets {
        let mut jobs = seen_jobs(client, bucket).await?;
        let all = jobs.len();
        let wanted =
            |name: &Option<String>, own: &str| name.as_ref().is_none_or(|name| name == own);
        jobs.retain(|job| {
            wanted(&config.source_bucket, &job.keys.src_bucket)
                && wanted(&config.destination_bucket, &job.keys.dst_bucket)
        });
        let left_out = (all - jobs.len()) as u64;
        buckets.push(BucketJobs { bucket: bucket.clone(), jobs, left_out });
    }
    let is_found = buckets.iter().any(|bucket| !bucket.jobs.is_empty());
    let named = config.source_bucket.as_ref().or(config.destination_bucket.as_ref());
    if let Some(named) = named.filter(|_| !is_found) {
        let others = buckets.iter().map(|bucket| bucket.left_out).sum();
        return Err(Error::NoSuchJob { named: named.clone(), others });
    }
    let host = host_name(&config.destination).to_owned();
    let now = Timestamp::from_ns(client.server_time().unwrap_or(0));
    Ok(StatusReport { host, now, buckets })
}
