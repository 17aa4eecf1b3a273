//! What the batch bucket knows of other jobs, before this one is begun.

use std::collections::BTreeSet;

use super::error::Error;
use crate::checkpoint::record::BATCHES;
use crate::config::job::JobConfig;
use crate::influx::client::Client;
use crate::wire::csv::table;
use crate::wire::flux;

/// Other destination buckets with records of the same source.
pub(super) async fn others(
    config: &JobConfig,
    source_org: &str,
    destination: &Client,
) -> Result<Vec<String>, Error> {
    let tags = [("srcBucket", config.ends.source_bucket.as_str()), ("srcOrg", source_org)];
    let mut buckets = in_records(config, &tags, "dstBucket", destination).await?;
    buckets.remove(&config.ends.destination_bucket);
    Ok(buckets.into_iter().collect())
}

/// What the records of the same two buckets call the source's organization, if they agree.
pub(super) async fn org_of_source(
    config: &JobConfig,
    destination: &Client,
) -> Result<Option<String>, Error> {
    let tags = [
        ("srcBucket", config.ends.source_bucket.as_str()),
        ("dstBucket", config.ends.destination_bucket.as_str()),
    ];
    let orgs = in_records(config, &tags, "srcOrg", destination).await?;
    Ok(if orgs.len() == 1 { orgs.into_iter().next() } else { None })
}

async fn in_records(
    config: &JobConfig,
    tags: &[(&str, &str)],
    label: &str,
    destination: &Client,
) -> Result<BTreeSet<String>, Error> {
    let what = "jobs in the batch bucket";
    let query = flux::record::newest_record(&config.ends.batch_bucket, BATCHES, tags);
    let answer = destination.query_all(&query, what).await?;
    let tables = table::read_tables(&answer).map_err(|source| Error::Decode { what, source })?;
    Ok(tables.iter().filter_map(|table| table.text(0, label)).map(str::to_owned).collect())
}
