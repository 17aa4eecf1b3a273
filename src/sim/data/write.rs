//! What happens to parsed points: retention, field types per shard group, and the text of a partial write.

use std::collections::BTreeMap;

use super::bucket::StoredBucket;
use super::chunk::Value;
use super::line::LinePoint;
use super::points::fields;
use crate::sim::go::text::{go_duration, json_string, rfc3339_nano};

/// The longest string value.
const STRING_BYTES_MAX: usize = 1_048_576;

/// Why not everything was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WriteRefusal {
    reason: String,
    dropped: u64,
    /// Whether the text names the bucket.
    names_bucket: bool,
}

impl WriteRefusal {
    /// The server's text.
    pub(crate) fn message(&self, bucket_id: &str) -> String {
        let place = if self.names_bucket {
            format!(" for database: {bucket_id} for retention policy: autogen")
        } else {
            String::new()
        };
        format!(
            "failure writing points to database: partial write: {} dropped={}{place}",
            self.reason, self.dropped
        )
    }
}

/// Writes points. `now` is the server's time: default time of a line and the end of the retention; without it, lines
/// without a time go to 1970 and nothing is too old.
pub(crate) fn apply(
    bucket: &mut StoredBucket,
    points: &[LinePoint<'_>],
    now: Option<i64>,
) -> Result<(), WriteRefusal> {
    let oldest = now.filter(|_| bucket.info.retention_s > 0).map(|now| {
        let kept = i64::try_from(bucket.info.retention_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000_000);
        now.saturating_sub(kept)
    });
    let mut expired: Vec<(&[u8], i64)> = Vec::new();
    // The server answers with the first shard group that fails, and still writes the others.
    let mut refused: BTreeMap<i64, WriteRefusal> = BTreeMap::new();
    for point in points {
        let time = point.time.or(now).unwrap_or(0);
        if oldest.is_some_and(|oldest| time < oldest) {
            expired.push((&point.key, time));
            continue;
        }
        let (shard, _) = bucket.shard_group(time);
        if let Err(why) = apply_point(bucket, point, shard, time) {
            let known =
                refused.entry(shard).or_insert_with(|| WriteRefusal { dropped: 0, ..why.clone() });
            known.dropped += why.dropped;
        }
    }
    bucket.find_aliases();
    match (refused.into_values().next(), oldest) {
        (Some(why), _) => Err(why),
        (None, Some(oldest)) if !expired.is_empty() => Err(too_old(bucket, &expired, oldest)),
        _ => Ok(()),
    }
}

fn apply_point(
    bucket: &mut StoredBucket,
    point: &LinePoint<'_>,
    shard: i64,
    time: i64,
) -> Result<(), WriteRefusal> {
    let entry = bucket.entry_of_key(&point.key);
    let series = std::sync::Arc::clone(&bucket.entries[entry].series);
    let measurement = &series.measurement;
    let invalid_time = || {
        format!(
            "invalid field name: input field \"time\" on measurement {} is invalid",
            json_string(measurement)
        )
    };
    let drop = |reason| WriteRefusal { reason, dropped: 1, names_bucket: false };
    let mut values = fields(point.fields);
    let all = values.len();
    values.retain(|(field, _)| field != b"time");
    let stripped = values.len() < all;
    if values.is_empty() {
        return Err(drop(invalid_time()));
    }
    for (field, value) in &values {
        if let Value::String(text) = value
            && text.len() > STRING_BYTES_MAX
        {
            let (field, measurement) = (json_string(field), json_string(measurement));
            return Err(drop(format!(
                "input field {field} on measurement {measurement} is too long, {} > {STRING_BYTES_MAX}",
                text.len()
            )));
        }
        let known = bucket.type_or_insert(measurement, field, shard, value.field_type());
        if known != value.field_type() {
            let (given, known) = (value.field_type().name(), known.name());
            return Err(drop(format!(
                "field type conflict: input field {} on measurement {} is type {given}, already exists as type {known}",
                json_string(field),
                json_string(measurement)
            )));
        }
    }
    for (field, value) in values {
        bucket.put(entry, &field, shard, time, value);
    }
    if stripped {
        let reason = format!("{}. Field \"time\" has been stripped from point.", invalid_time());
        return Err(WriteRefusal { reason, dropped: 0, names_bucket: true });
    }
    Ok(())
}

fn too_old(bucket: &StoredBucket, expired: &[(&[u8], i64)], oldest: i64) -> WriteRefusal {
    let show = |point: Option<&(&[u8], i64)>| {
        point.map_or_else(String::new, |(key, time)| {
            format!("{} at {}", String::from_utf8_lossy(key), rfc3339_nano(*time))
        })
    };
    let bound = format!(
        "dropped because it violates a Retention Policy Lower Bound at {}",
        rfc3339_nano(oldest)
    );
    let first = show(expired.iter().min_by_key(|(_, time)| *time));
    let last = show(expired.iter().max_by_key(|(_, time)| *time));
    let reason = format!(
        "dropped {} points outside retention policy of duration {} - oldest point {first} {bound}, newest point {last} {bound}",
        expired.len(),
        go_duration(bucket.info.retention_s)
    );
    WriteRefusal { reason, dropped: expired.len() as u64, names_bucket: true }
}
