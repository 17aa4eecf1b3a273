//! The record of committed batches, exactly as the official task writes it, and the details beside it.
//!
//! The task takes the newest `batch_stop` of the *first* series with its `srcOrg` and `srcBucket`: a further tag would
//! hide the record or shadow the task's own, a field `rows` of another type would make the task repeat one batch for ever.

use std::collections::BTreeMap;

use crate::checkpoint::group_digests::GroupDigests;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::point::{FieldValue, Point};
use crate::model::series::{Name, Series};
use crate::model::time::{ParseTimeError, TimeRange, Timestamp};

/// Measurement of the progress records.
pub(crate) const BATCHES: &str = "batches";
/// Measurement of everything else that sluice keeps; no point of it has a field `batch_stop`.
pub(crate) const DETAILS: &str = "batch_details";
/// The tag of [`DETAILS`] that tells its kinds apart.
pub(crate) const KIND: &str = "kind";

/// The three tags that name a job in the batch bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Organization at the source, by name.
    pub src_org: String,
    /// Bucket at the source, by name.
    pub src_bucket: String,
    /// Bucket at the destination, by name.
    pub dst_bucket: String,
}

impl Keys {
    /// Tag keys and values, in key order.
    pub fn tags(&self) -> [(&str, &str); 3] {
        [
            ("dstBucket", &self.dst_bucket),
            ("srcBucket", &self.src_bucket),
            ("srcOrg", &self.src_org),
        ]
    }

    /// The series of the progress records.
    pub fn series(&self) -> Series {
        Series::new(bytes(BATCHES), self.tags().map(|(key, value)| (bytes(key), bytes(value))))
    }

    /// The series of one kind of details.
    pub fn details_series(&self, kind: &str) -> Series {
        let tags = self.tags().into_iter().chain([(KIND, kind)]);
        Series::new(bytes(DETAILS), tags.map(|(key, value)| (bytes(key), bytes(value))))
    }
}

fn bytes(text: &str) -> Name {
    text.as_bytes().into()
}

/// One progress record: the batch `range` and all before it are in the destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The batch.
    pub range: TimeRange,
    /// Values read from it.
    pub rows: u64,
    /// Part of the job's range that is done, 0 to 100.
    pub percent_complete: f64,
    /// When the record was written, by the destination's clock; rises with every record.
    pub time: Timestamp,
}

impl Record {
    /// The record of `range` inside the job `job`.
    pub fn new(range: TimeRange, rows: u64, job: TimeRange, time: Timestamp) -> Self {
        Self { range, rows, percent_complete: percent_complete(job, range.stop), time }
    }

    /// The point that holds it.
    pub fn point(&self, keys: &Keys) -> Point {
        Point {
            series: keys.series(),
            fields: vec![
                ("batch_start", FieldValue::String(self.range.start.to_rfc3339_nano())),
                ("batch_stop", FieldValue::String(self.range.stop.to_rfc3339_nano())),
                ("percent_complete", FieldValue::Float(self.percent_complete)),
                ("rows", FieldValue::Integer(i64::try_from(self.rows).unwrap_or(i64::MAX))),
            ],
            time: self.time,
        }
    }
}

/// Part of the job done when everything before `stop` is, 0 to 100; computed as the official task does.
pub(crate) fn percent_complete(job: TimeRange, stop: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let part = |ns: i128| ns as f64;
    let whole = job.duration_ns();
    if whole <= 0 {
        100.0
    } else {
        part(TimeRange::new(job.start, stop).duration_ns()) / part(whole) * 100.0
    }
}

/// The fields of a stored record as text, by name: `batch_start` and `batch_stop` are all that resuming needs.
pub(crate) type StoredFields = BTreeMap<String, String>;

/// What a stored record cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A field is absent.
    #[error("the newest progress record has no field {field}")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field holds no time.
    #[error("the newest progress record holds {field} that is not a time")]
    Time {
        /// Its name.
        field: &'static str,
        /// What it holds.
        source: ParseTimeError,
    },
}

/// Where a stored record says its batch ends. Any fraction and zone that the official task reads is read.
pub(crate) fn stored_stop(fields: &StoredFields) -> Result<Timestamp, RecordError> {
    stored_time(fields, "batch_stop")
}

/// Where a stored record says its batch starts.
pub(crate) fn stored_start(fields: &StoredFields) -> Result<Timestamp, RecordError> {
    stored_time(fields, "batch_start")
}

pub(super) fn stored_time(
    fields: &StoredFields,
    field: &'static str,
) -> Result<Timestamp, RecordError> {
    let text = fields.get(field).ok_or(RecordError::Missing { field })?;
    // The task's `time(v:)` takes nanoseconds too.
    if let Ok(ns) = text.parse::<i64>() {
        return Ok(Timestamp::from_ns(ns));
    }
    nine_digits(text).parse().map_err(|source| RecordError::Time { field, source })
}

/// The text without the digits of a fraction that no time of InfluxDB has: the task does not look at them either.
fn nine_digits(text: &str) -> String {
    let Some((whole, rest)) = text.split_once('.') else { return text.to_owned() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    format!("{whole}.{}{}", &rest[..digits.min(9)], &rest[digits..])
}

/// The time of the next record: rising, and the destination's own clock, so that it is never in its future.
pub(crate) fn next_record_time(previous: Option<Timestamp>, server_now: Timestamp) -> Timestamp {
    previous.map_or(server_now, |time| server_now.max(time.saturating_add_ns(1)))
}

/// What is kept about each committed batch beside the record; kind `batch`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchDetails {
    /// How the batch was read.
    pub transport: String,
    /// Values counted by the source.
    pub counted: u64,
    /// Values read.
    pub read: u64,
    /// Values of them that the destination acknowledged.
    pub acknowledged: u64,
    /// Values refused and kept in the rejects file.
    pub rejected: u64,
    /// Values that passed the retention line while they were read.
    pub expired: u64,
    /// True if the range kept changing while it was read.
    pub changed: bool,
    /// Source bytes, decoded.
    pub source_bytes: u64,
    /// Requests that were tried again.
    pub retries: u64,
    /// Digests of what the destination holds of it; none where some of it changed or passed the retention line while it was
    /// read, or was written twice with a content that is not known.
    pub digests: Option<MeasurementDigests>,
    /// True if it was read back from the destination and was equal.
    pub is_proven: bool,
}

/// What a batch that holds something came to: kept for the check at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommittedBatch {
    /// Its range.
    pub range: TimeRange,
    /// Values read.
    pub read: u64,
    /// Values acknowledged by the destination.
    pub acknowledged: u64,
    /// Values that an earlier reading or run may have written all the same: refused ones, and those that passed the
    /// retention line.
    pub doubtful: u64,
}

impl CommittedBatch {
    /// The fields that hold it.
    pub const FIELDS: [&'static str; 6] =
        ["start", "stop", "read", "acknowledged", "expired", "rejected"];

    /// A range that holds nothing.
    pub fn empty(range: TimeRange) -> Self {
        Self { range, read: 0, acknowledged: 0, doubtful: 0 }
    }

    /// Of a batch with these details.
    pub fn new(range: TimeRange, details: &BatchDetails) -> Self {
        let BatchDetails { read, acknowledged, .. } = *details;
        Self { range, read, acknowledged, doubtful: details.expired + details.rejected }
    }

    /// From stored details; `None` if they are not whole, as those of older versions.
    pub fn stored(fields: &StoredFields) -> Option<Self> {
        let number = |name: &str| fields.get(name)?.parse::<u64>().ok();
        let time = |name: &'static str| stored_time(fields, name).ok();
        Some(Self {
            range: TimeRange::new(time("start")?, time("stop")?),
            read: number("read")?,
            acknowledged: number("acknowledged")?,
            doubtful: number("expired")? + number("rejected")?,
        })
    }

    /// This one and the next one as one.
    #[must_use]
    pub fn with(self, next: Self) -> Self {
        Self {
            range: TimeRange::new(self.range.start, next.range.stop),
            read: self.read + next.read,
            acknowledged: self.acknowledged + next.acknowledged,
            doubtful: self.doubtful + next.doubtful,
        }
    }
}

/// The kind of [`BatchDetails`].
pub(crate) const KIND_BATCH: &str = "batch";

/// The kind of what may have been read wrongly.
pub(crate) const KIND_DOUBT: &str = "doubt";

impl BatchDetails {
    /// The point that holds them, at the record's time.
    pub fn point(&self, keys: &Keys, record: &Record) -> Point {
        let count = |n: u64| FieldValue::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let text = |name, text: String| (name, FieldValue::String(text));
        let digests = self.digests.iter().flat_map(|digests| {
            [
                text("digest", digests.whole().to_string()),
                text("digests", GroupDigests::of(digests).to_string()),
            ]
        });
        Point {
            series: keys.details_series(KIND_BATCH),
            fields: [
                ("start", FieldValue::String(record.range.start.to_rfc3339_nano())),
                ("stop", FieldValue::String(record.range.stop.to_rfc3339_nano())),
                ("transport", FieldValue::String(self.transport.clone())),
                ("counted", count(self.counted)),
                ("read", count(self.read)),
                ("acknowledged", count(self.acknowledged)),
                ("rejected", count(self.rejected)),
                ("expired", count(self.expired)),
                ("changed", count(u64::from(self.changed))),
                ("source_bytes", count(self.source_bytes)),
                ("retries", count(self.retries)),
            ]
            .into_iter()
            .chain(digests)
            .chain(self.is_proven.then_some(("proven", count(1))))
            .collect(),
            time: record.time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_record_has_the_form_of_the_official_task() {
        let keys =
            Keys { src_org: "golden".into(), src_bucket: "csrc".into(), dst_bucket: "cdst".into() };
        let job = TimeRange::new(time("2022-01-01"), time("2022-02-01"));
        let range = TimeRange::new(time("2022-01-01"), time("2022-01-01T01:00:00Z"));
        let record = Record::new(range, 24, job, time("2022-03-01"));
        assert_eq!(record.percent_complete.to_bits(), 0.134_408_602_150_537_65_f64.to_bits());
        let point = record.point(&keys);
        assert_eq!(point.series.to_string(), "batches,dstBucket=cdst,srcBucket=csrc,srcOrg=golden");
        assert_eq!(
            point.fields[1],
            ("batch_stop", FieldValue::String("2022-01-01T01:00:00.000000000Z".into()))
        );
        assert_eq!(point.fields[3], ("rows", FieldValue::Integer(24)));
        let details = BatchDetails::default().point(&keys, &record);
        assert!(
            details.fields.iter().all(|(name, _)| *name != "batch_stop"),
            "the task would read it"
        );
    }

    #[test]
    fn stored_stops_are_read_as_the_official_task_reads_them() {
        for (text, stop) in [
            ("2022-01-01T02:00:00Z", "2022-01-01T02:00:00Z"),
            ("2022-01-01T02:00:00.500Z", "2022-01-01T02:00:00.5Z"),
            ("2022-01-01T02:00:00.000000000Z", "2022-01-01T02:00:00Z"),
            ("2022-01-01T02:00:00.000000001999Z", "2022-01-01T02:00:00.000000001Z"),
            ("2022-01-01T02:00:00+02:00", "2022-01-01T00:00:00Z"),
            ("2022-01-02", "2022-01-02T00:00:00Z"),
            ("1640995200000000000", "2022-01-01T00:00:00Z"),
        ] {
            let fields = StoredFields::from([("batch_stop".to_owned(), text.to_owned())]);
            assert_eq!(stored_stop(&fields), Ok(time(stop)), "{text}");
        }
        let fields = StoredFields::from([("batch_stop".to_owned(), "soon".to_owned())]);
        assert!(matches!(stored_stop(&fields), Err(RecordError::Time { .. })));
        assert!(matches!(stored_start(&fields), Err(RecordError::Missing { .. })));
    }

    #[test]
    fn record_times_rise_and_follow_the_servers_clock() {
        let now = time("2026-01-01");
        assert_eq!(next_record_time(None, now), now);
        assert_eq!(next_record_time(Some(time("2025-01-01")), now), now);
        assert_eq!(next_record_time(Some(now), now).ns(), now.ns() + 1);
    }
}
