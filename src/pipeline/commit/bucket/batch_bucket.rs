//! The batch bucket: reading and writing the few points of the checkpoint.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::checkpoint::group_digests::GroupDigests;
use crate::checkpoint::lease::{Lease, StoredLease};
use crate::checkpoint::record::{
    BATCHES, CommittedBatch, DETAILS, KIND, KIND_BATCH, KIND_DOUBT, Keys, StoredFields,
    next_record_time, stored_start, stored_stop,
};
use crate::checkpoint::recorded::RecordedBatch;
use crate::checkpoint::{heartbeat, identity, lease};
use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::limits::RECORDS_PER_BODY_MAX;
use crate::model::point::{FieldValue, Point};
use crate::model::time::Timestamp;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns;
use crate::wire::csv::table::CsvTable;
use crate::wire::flux;
use crate::wire::line::point;

/// The newest or oldest point of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoredPoint {
    /// Its fields as text.
    fields: StoredFields,
    /// Its time.
    time: Timestamp,
}

/// Batch bucket and job keys.
#[derive(Debug, Clone)]
pub struct BatchBucket {
    client: Client,
    bucket: String,
    keys: Keys,
}

impl BatchBucket {
    /// The checkpoint of the job `keys` in `bucket`.
    pub fn new(client: Client, bucket: &str, keys: Keys) -> Self {
        Self { client, bucket: bucket.to_owned(), keys }
    }

    /// The names of the job.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The newest progress record: where it stops, and its own time.
    pub async fn newest_record(&self) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        let query = flux::record::newest_record(&self.bucket, BATCHES, &self.keys.tags());
        let Some(stored) =
            self.pick(&query, "batch_stop", "newest progress record", Newest).await?
        else {
            return Ok(None);
        };
        Ok(Some((stored_stop(&stored.fields)?, stored.time)))
    }

    /// Where the oldest progress record starts.
    pub async fn oldest_start(&self) -> Result<Option<Timestamp>, Error> {
        let query = flux::record::oldest_record(&self.bucket, BATCHES, &self.keys.tags());
        let Some(stored) =
            self.pick(&query, "batch_start", "oldest progress record", Oldest).await?
        else {
            return Ok(None);
        };
        Ok(Some(stored_start(&stored.fields)?))
    }

    /// The present by the server's clock, as far as its answers have told it.
    pub fn now(&self) -> Option<Timestamp> {
        self.client.server_time().map(Timestamp::from_ns)
    }

    /// The identity of the job, if a run of sluice has begun it, and the time of its point.
    pub async fn identity(&self) -> Result<Option<(StoredFields, Timestamp)>, Error> {
        let query = self.details_query(identity::KIND_IDENTITY);
        let stored = self.pick(&query, identity::START, "job identity", Newest).await?;
        Ok(stored.map(|stored| (stored.fields, stored.time)))
    }

    /// The same, asked and written by requests that nothing else waits for or hears of, each within this time.
    pub fn apart(&self, ms_max: u64) -> Self {
        Self { client: self.client.apart(ms_max), ..self.clone() }
    }

    /// The newest heartbeat of any run of the job, and the time of its point.
    pub async fn heartbeat(&self) -> Result<Option<(StoredFields, Timestamp)>, Error> {
        let query = self.details_query(heartbeat::KIND_HEARTBEAT);
        let stored = self.pick(&query, heartbeat::RUN, "heartbeat", Newest).await?;
        Ok(stored.map(|stored| (stored.fields, stored.time)))
    }

    /// Writes a point, tried once.
    pub async fn write_once(&self, one: &Point, what: &str) -> Result<(), Error> {
        let mut body = Vec::new();
        point::append(one, &mut body);
        let written = self.client.write(&self.bucket, Bytes::from(body), what).await;
        written.map_err(|error| Error::influx(what, error))
    }

    /// The lease on the job.
    pub async fn lease(&self) -> Result<Option<StoredLease>, Error> {
        let query = self.details_query(lease::KIND_LEASE);
        let stored = self.pick(&query, "run", "lease", Newest).await?;
        Ok(stored.and_then(|stored| StoredLease::read(&stored.fields, stored.time)))
    }

    /// The newest point of the lease, which must still be of this run.
    pub async fn held(&self, own: &Lease) -> Result<StoredLease, Error> {
        match self.lease().await? {
            Some(stored) => of_run(stored, own),
            None => Err(Error::LeaseLost { found: "its lease is gone".to_owned() }),
        }
    }

    /// Writes a later point of the lease, which must still be `own`.
    pub async fn refresh_lease(&self, own: &Lease) -> Result<(), Error> {
        let stored = self.held(own).await?;
        self.write_lease(own, Some(&stored), false).await
    }

    /// Gives the lease back. If it was never taken there is nothing to give; that another run has it is an error.
    pub async fn release_lease(&self, own: &Lease) -> Result<(), Error> {
        match self.lease().await? {
            None => Ok(()),
            Some(stored) => self.write_lease(own, Some(&of_run(stored, own)?), true).await,
        }
    }

    /// Writes a point of the lease behind the newest one that was found.
    pub async fn write_lease(
        &self,
        own: &Lease,
        newest: Option<&StoredLease>,
        released: bool,
    ) -> Result<(), Error> {
        let newest = newest.map(|stored| stored.time);
        let now = self.now().or(newest).unwrap_or(Timestamp::EPOCH);
        let time = next_record_time(newest, now);
        self.write(&[own.point(&self.keys, time, now, released)], "lease").await
    }

    /// Values refused in all committed batches of the job.
    pub async fn rejected_total(&self) -> Result<u64, Error> {
        let tags = self.details_tags(KIND_BATCH);
        self.sum(DETAILS, &tags, "rejected", "sum of refused values").await
    }

    /// What each committed batch of the job came to, if all of its records are of this program and can be had at once.
    pub async fn committed(&self) -> Result<Option<Vec<CommittedBatch>>, Error> {
        let Some(points) = self.details(&CommittedBatch::FIELDS).await? else { return Ok(None) };
        let batches: Option<Vec<_>> = points.values().map(CommittedBatch::stored).collect();
        let read: Option<u64> =
            batches.as_ref().map(|all| all.iter().map(|batch| batch.read).sum());
        // The official task records what it moves too, without details.
        let recorded =
            self.sum(BATCHES, &self.keys.tags(), "rows", "sum of recorded values").await?;
        Ok(batches.filter(|_| read == Some(recorded)))
    }

    /// What is recorded of the content of each batch, and the values that the records count in all. `None` if that is more than
    /// can be had at once.
    pub async fn recorded(&self) -> Result<Option<(Vec<RecordedBatch>, u64)>, Error> {
        let Some(points) = self.details(&RecordedBatch::FIELDS).await? else { return Ok(None) };
        let batches =
            points.iter().filter_map(|(time, fields)| RecordedBatch::stored(*time, fields));
        let batches = batches.filter(|batch| !batch.is_empty());
        let values = self.sum(BATCHES, &self.keys.tags(), "rows", "sum of recorded values").await?;
        Ok(Some((batches.collect(), values)))
    }

    /// The digests by measurement of the batch that was recorded at this time, if it has them.
    pub async fn digests_of(&self, time: Timestamp) -> Result<Option<GroupDigests>, Error> {
        let what = "digests of a batch";
        let tags = self.details_tags(KIND_BATCH);
        let query = flux::record::field_of_record(&self.bucket, DETAILS, &tags, "digests", time);
        let tables = small_answer::tables(&self.client, &query, columns::RECORDS, what).await?;
        let text = tables.iter().find(|table| !table.rows.is_empty());
        let text = text.and_then(|table| table.text(0, "_value").map(str::to_owned));
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// These fields of the details of all batches, by the times of their records; `None` if they cannot be had at once.
    async fn details(
        &self,
        fields: &[&str],
    ) -> Result<Option<BTreeMap<Timestamp, StoredFields>>, Error> {
        let what = "details of all batches";
        let tags = self.details_tags(KIND_BATCH);
        let query = flux::record::fields_of_records(&self.bucket, DETAILS, &tags, fields);
        let tables = match small_answer::ask(&self.client, &query, columns::RECORDS, what).await {
            Err(error) if error.kind() == FailureKind::TooBig => return Ok(None),
            asked => small_answer::read(what, asked)?,
        };
        let mut points: BTreeMap<Timestamp, StoredFields> = BTreeMap::new();
        for table in &tables {
            for row in 0..table.rows.len() {
                if let (Some(at), Some(name), Some(value)) =
                    (table.time(row, "_time"), table.text(row, "_field"), table.text(row, "_value"))
                {
                    points.entry(at).or_default().insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(Some(points))
    }

    /// Keeps that something was perhaps read wrongly.
    pub async fn note_doubt(&self, doubt: &str) -> Result<(), Error> {
        let time = self.now().unwrap_or(Timestamp::EPOCH).saturating_add_ns(salt(doubt));
        let series = self.keys.details_series(KIND_DOUBT);
        let fields = vec![("doubt", FieldValue::String(doubt.to_owned()))];
        self.write(&[Point { series, fields, time }], "what may have been read wrongly").await
    }

    /// All of these.
    pub async fn doubts(&self) -> Result<Vec<String>, Error> {
        let what = "what may have been read wrongly";
        let tags = self.details_tags(KIND_DOUBT);
        let query = flux::record::fields_of_records(&self.bucket, DETAILS, &tags, &["doubt"]);
        let tables = small_answer::tables(&self.client, &query, columns::RECORDS, what).await?;
        let texts = tables.iter().flat_map(|table| {
            (0..table.rows.len()).filter_map(|row| table.text(row, "_value").map(str::to_owned))
        });
        Ok(texts.collect())
    }

    async fn sum(
        &self,
        measurement: &str,
        tags: &[(&str, &str)],
        field: &str,
        what: &str,
    ) -> Result<u64, Error> {
        let query = flux::record::sum_of_records(&self.bucket, measurement, tags, field);
        small_answer::number(&self.client, &query, what).await
    }

    /// Writes points, in bodies of bounded size; returns once all are acknowledged.
    pub async fn write(&self, points: &[Point], what: &str) -> Result<(), Error> {
        for points in points.chunks(RECORDS_PER_BODY_MAX) {
            let mut body = Vec::new();
            for one in points {
                point::append(one, &mut body);
            }
            self.client
                .write_retrying(&self.bucket, Bytes::from(body), what)
                .await
                .map_err(|error| Error::influx(what, error))?;
        }
        Ok(())
    }

    fn details_tags<'a>(&'a self, kind: &'a str) -> Vec<(&'a str, &'a str)> {
        self.keys.tags().into_iter().chain([(KIND, kind)]).collect()
    }

    fn details_query(&self, kind: &str) -> String {
        flux::record::newest_record(&self.bucket, DETAILS, &self.details_tags(kind))
    }

    async fn pick(
        &self,
        query: &str,
        field: &str,
        what: &str,
        end: End,
    ) -> Result<Option<StoredPoint>, Error> {
        let tables = small_answer::tables(&self.client, query, columns::VALUES, what).await?;
        Ok(pick(&tables, field, end))
    }
}

fn of_run(stored: StoredLease, own: &Lease) -> Result<StoredLease, Error> {
    let StoredLease { lease, .. } = &stored;
    if lease.run == own.run {
        return Ok(stored);
    }
    Err(Error::LeaseLost { found: format!("run {} on machine {}", lease.run, lease.machine) })
}

/// The newest point of a series that has this field: its fields of that time, and the time.
pub(crate) fn newest_of(tables: &[CsvTable], field: &str) -> Option<(StoredFields, Timestamp)> {
    pick(tables, field, Newest).map(|stored| (stored.fields, stored.time))
}

#[derive(Clone, Copy)]
enum End {
    Newest,
    Oldest,
}
use End::{Newest, Oldest};

/// The point at the newest (oldest) time of `field`, whatever series it is in: with all its fields of that time.
fn pick(tables: &[CsvTable], field: &str, end: End) -> Option<StoredPoint> {
    let mut times = Vec::new();
    let mut cells = Vec::new();
    for table in tables {
        for row in 0..table.rows.len() {
            let (Some(at), Some(name)) = (table.time(row, "_time"), table.text(row, "_field"))
            else {
                continue;
            };
            if name == field {
                times.push(at);
            }
            cells.push((
                at,
                name.to_owned(),
                table.text(row, "_value").unwrap_or_default().to_owned(),
            ));
        }
    }
    let time = match end {
        Newest => times.into_iter().max()?,
        Oldest => times.into_iter().min()?,
    };
    let fields = cells
        .into_iter()
        .filter(|(at, ..)| *at == time)
        .map(|(_, name, value)| (name, value))
        .collect();
    Some(StoredPoint { fields, time })
}

/// Two doubts of one second stand beside each other.
fn salt(doubt: &str) -> i64 {
    let sum =
        doubt.bytes().fold(0_i64, |sum, byte| sum.wrapping_mul(31).wrapping_add(i64::from(byte)));
    sum.rem_euclid(1_000_000_000)
}
