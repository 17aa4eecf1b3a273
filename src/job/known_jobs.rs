//! What the batch bucket knows of other jobs, before this one is begun.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::identity::{Identity, KIND_IDENTITY, START};
use crate::checkpoint::record::{
    BATCHES, DETAILS, KIND, Keys, StoredFields, stored_start, stored_stop,
};
use crate::config::job::JobEnds;
use crate::influx::client::Client;
use crate::job::error::Error;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::commit::bucket::batch_bucket::newest_of;
use crate::pipeline::error::Error as Failure;
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

/// Another job into the same destination bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OtherSource {
    /// Organization and bucket that it reads.
    pub reads: String,
    /// From where to where its runs may have written.
    pub range: TimeRange,
}

/// The first job of another source that may have written into `range` of the destination bucket with this id.
pub(super) async fn into_range(
    batch_bucket: &str,
    keys: &Keys,
    destination: &Client,
    bucket_id: &str,
    range: TimeRange,
) -> Result<Option<OtherSource>, Error> {
    let own = &(shown(&keys.src_org), shown(&keys.src_bucket));
    let look = |query: String| async move {
        let what = "other jobs into the destination bucket";
        let tables = small_answer::tables(destination, &query, columns::VALUES, what).await?;
        let mut of_source: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for table in tables {
            let tag = |label| table.text(0, label).unwrap_or_default().to_owned();
            let source = (tag("srcOrg"), tag("srcBucket"));
            if source != *own {
                of_source.entry(source).or_default().push(table);
            }
        }
        Ok::<_, Error>(of_source)
    };
    let into = ("dstBucket", keys.dst_bucket.as_str());
    let of_kind = [into, (KIND, KIND_IDENTITY)];
    let mut begun = look(flux::record::newest_record(batch_bucket, DETAILS, &of_kind)).await?;
    let newest = look(flux::record::newest_record(batch_bucket, BATCHES, &[into])).await?;
    let is_told = |tables: &Vec<_>| {
        newest_of(tables, START)
            .is_some_and(|(fields, _)| Identity::stored_reach(&fields).is_some())
    };
    // The official task, and older versions, tell by their records only.
    let oldest = if newest.keys().all(|source| begun.get(source).is_some_and(is_told)) {
        BTreeMap::new()
    } else {
        look(flux::record::oldest_record(batch_bucket, BATCHES, &[into])).await?
    };
    let sources: BTreeSet<_> = begun.keys().chain(newest.keys()).cloned().collect();
    for source in sources {
        let identity = begun.remove(&source).and_then(|tables| newest_of(&tables, START));
        let identity = identity.map(|(fields, _)| fields).unwrap_or_default();
        let of = |tables: &BTreeMap<_, Vec<_>>, field| {
            tables
                .get(&source)
                .and_then(|tables| newest_of(tables, field))
                .map(|(fields, _)| fields)
        };
        let (first, last) = (of(&oldest, "batch_start"), of(&newest, "batch_stop"));
        let Some(written) = written(&identity, first.as_ref(), last.as_ref(), bucket_id)? else {
            continue;
        };
        if written.start < range.stop && range.start < written.stop {
            let reads = format!("{}/{}", source.0, source.1);
            return Ok(Some(OtherSource { reads, range: written }));
        }
    }
    Ok(None)
}

/// A name as Flux shows it in CSV: without carriage returns.
fn shown(name: &str) -> String {
    name.replace('\r', "")
}

/// What a job may have written to the bucket with this id, by its identity, its oldest and its newest record.
fn written(
    identity: &StoredFields,
    oldest: Option<&StoredFields>,
    newest: Option<&StoredFields>,
    bucket_id: &str,
) -> Result<Option<TimeRange>, Error> {
    // A bucket that was made again holds nothing of it.
    if Identity::stored_destination(identity).is_some_and(|id| id != bucket_id) {
        return Ok(None);
    }
    let read = |fields: Option<&StoredFields>, read: fn(&StoredFields) -> _| {
        fields.map(read).transpose().map_err(Failure::Record)
    };
    let start = Identity::stored_start(identity);
    let start = start.map_or_else(|| read(oldest, stored_start), |start| Ok(Some(start)))?;
    let committed: Option<Timestamp> = read(newest, stored_stop)?;
    let stop = committed.max(Identity::stored_reach(identity));
    Ok(start.zip(stop).map(|(start, stop)| TimeRange::new(start, stop.max(start))))
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
