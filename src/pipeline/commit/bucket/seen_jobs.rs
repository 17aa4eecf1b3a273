//! All jobs of a batch bucket, as far as it tells of them: this program's, and those that only the official task has run.

use std::collections::BTreeMap;

use crate::checkpoint::heartbeat::{self, Heartbeat};
use crate::checkpoint::identity;
use crate::checkpoint::job_state::{SeenJob, SeenRecords};
use crate::checkpoint::lease::{KIND_LEASE, StoredLease};
use crate::checkpoint::record::{BATCHES, DETAILS, KIND, KIND_BATCH, Keys, stored_stop};
use crate::influx::client::Client;
use crate::pipeline::commit::bucket::batch_bucket::newest_of;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns::{self, AskedColumns};
use crate::wire::csv::table::CsvTable;
use crate::wire::flux;

/// Source bucket, its organization, and destination bucket, with the tables of the series that have these tags.
type ByJob = BTreeMap<[String; 3], Vec<CsvTable>>;

/// Asks one batch bucket.
struct Asking<'a> {
    client: &'a Client,
    bucket: &'a str,
}

/// The jobs of a bucket, in the order of their names.
pub(crate) async fn seen_jobs(client: &Client, bucket: &str) -> Result<Vec<SeenJob>, Error> {
    let asking = Asking { client, bucket };
    let newest_of_kind = |kind| flux::record::newest_record(bucket, DETAILS, &[(KIND, kind)]);
    // Signs of life last: what is older than they are is no contradiction.
    let newest = asking.points(&flux::record::newest_record(bucket, BATCHES, &[])).await?;
    let oldest = asking.points(&flux::record::oldest_record(bucket, BATCHES, &[])).await?;
    let counts = asking.sums(&flux::record::count_of_records(bucket, BATCHES, &[], "rows")).await?;
    let values = asking.sums(&flux::record::sum_of_records(bucket, BATCHES, &[], "rows")).await?;
    let of_batch = [(KIND, KIND_BATCH)];
    let rejected = flux::record::sum_of_records(bucket, DETAILS, &of_batch, "rejected");
    let rejected = asking.sums(&rejected).await?;
    let begun = asking.points(&newest_of_kind(identity::KIND_IDENTITY)).await?;
    let leases = asking.points(&newest_of_kind(KIND_LEASE)).await?;
    let beats = asking.points(&newest_of_kind(heartbeat::KIND_HEARTBEAT)).await?;
    let mut jobs = BTreeMap::new();
    for names in [&newest, &begun, &leases, &beats].into_iter().flat_map(BTreeMap::keys) {
        let [src_bucket, src_org, dst_bucket] = names.clone();
        let keys = Keys { src_org, src_bucket, dst_bucket };
        jobs.entry(names.clone()).or_insert_with(|| SeenJob::named(keys));
    }
    for (names, job) in &mut jobs {
        let point = |of: &ByJob, field| of.get(names).and_then(|found| newest_of(found, field));
        if let Some((fields, time)) = point(&newest, "batch_stop") {
            let first = oldest.get(names).into_iter().flatten();
            let first = first.filter_map(|table| table.time(0, "_time")).min();
            let percent = fields.get("percent_complete").and_then(|text| text.parse().ok());
            job.records = Some(SeenRecords {
                committed_to: stored_stop(&fields).ok(),
                percent: percent.unwrap_or(0.0),
                newest: time,
                oldest: first.unwrap_or(time),
                count: sum(counts.get(names)),
                values: sum(values.get(names)),
            });
        }
        job.rejected = sum(rejected.get(names));
        job.lease =
            point(&leases, "run").and_then(|(fields, time)| StoredLease::read(&fields, time));
        job.heartbeat =
            point(&beats, heartbeat::RUN).and_then(|(fields, _)| Heartbeat::stored(&fields));
    }
    Ok(jobs.into_values().collect())
}

impl Asking<'_> {
    /// One point of each series.
    async fn points(&self, query: &str) -> Result<ByJob, Error> {
        self.ask(query, columns::VALUES).await
    }

    /// One number of each series.
    async fn sums(&self, query: &str) -> Result<ByJob, Error> {
        self.ask(query, columns::FIELDS).await
    }

    async fn ask(&self, query: &str, columns: AskedColumns) -> Result<ByJob, Error> {
        let what = format!("jobs of the batch bucket {:?}", self.bucket);
        let mut by_job = ByJob::new();
        for table in small_answer::tables(self.client, query, columns, &what).await? {
            let tag = |label| table.text(0, label).unwrap_or_default().to_owned();
            let names = [tag("srcBucket"), tag("srcOrg"), tag("dstBucket")];
            if !table.rows.is_empty() {
                by_job.entry(names).or_default().push(table);
            }
        }
        Ok(by_job)
    }
}

/// The sum of the numbers, each of one series.
fn sum(tables: Option<&Vec<CsvTable>>) -> u64 {
    let numbers = tables.into_iter().flatten().filter_map(|table| table.long(0, "_value"));
    numbers.map(|number| u64::try_from(number).unwrap_or(0)).sum()
}
