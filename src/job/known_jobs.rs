//! What the batch bucket knows of other jobs, before this one is begun.

use std::collections::BTreeSet;

use crate::checkpoint::record::BATCHES;
use crate::config::job::JobEnds;
use crate::influx::client::Client;
use crate::job::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns;
use crate::wire::flux;

/// Other destination buckets with records of the same source.
pub(super) async fn others(
    ends: &JobEnds,
    source_org: &str,
    destination: &Client,
) -> Result<Vec<String>, Error> {
    let tags = [("srcBucket", ends.source_bucket.as_str()), ("srcOrg", source_org)];
    let mut buckets = in_records(ends, &tags, "dstBucket", destination).await?;
    buckets.remove(&ends.destination_bucket);
    Ok(buckets.into_iter().collect())
}

/// What the records of the same two buckets call the source's organization, if they agree.
pub(super) async fn org_of_source(
    ends: &JobEnds,
    destination: &Client,
) -> Result<Option<String>, Error> {
    let tags = [
        ("srcBucket", ends.source_bucket.as_str()),
        ("dstBucket", ends.destination_bucket.as_str()),
    ];
    let orgs = in_records(ends, &tags, "srcOrg", destination).await?;
    Ok(if orgs.len() == 1 { orgs.into_iter().next() } else { None })
}

async fn in_records(
    ends: &JobEnds,
    tags: &[(&str, &str)],
    label: &str,
    destination: &Client,
) -> Result<BTreeSet<String>, Error> {
    let what = "jobs in the batch bucket";
    let query = flux::record::newest_record(&ends.batch_bucket, BATCHES, tags);
    let asked = small_answer::ask(destination, &query, columns::VALUES, what).await?;
    let tables = small_answer::read(what, Ok(asked))?;
    Ok(tables.iter().filter_map(|table| table.text(0, label)).map(str::to_owned).collect())
}
