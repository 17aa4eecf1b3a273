//! What a spool holds, as plain values.

use std::collections::{BTreeMap, BTreeSet};

use super::stored::Stored;
use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::format::name::{self, PartitionKeys, Tree};

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    /// Its bucket.
    pub bucket: Name,
    /// Its name.
    pub name: Name,
    /// Tag keys.
    pub tags: Vec<Name>,
    /// Fields with their types in `data`.
    pub fields: Vec<(Name, FieldType)>,
    /// Keys of its partitions.
    pub keys: PartitionKeys,
    /// `YYYY-MM` of each month with values.
    pub months: Vec<String>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Values.
    pub values: u64,
    /// Of which in another type than that of their field in `data`.
    pub conflicts: u64,
    /// Time of the first value.
    pub time_min: Timestamp,
    /// Time of the last value.
    pub time_max: Timestamp,
}

/// A spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What is committed.
    pub range: TimeRange,
    /// What the job asks for.
    pub wanted: TimeRange,
    /// Measurements, by bucket and name.
    pub measurements: Vec<Measurement>,
}

impl Stored {
    /// Tells what the spool holds, from its manifest and journal alone.
    pub fn describe(&self) -> Description {
        let mut all: BTreeMap<(&str, &str), Measurement> = BTreeMap::new();
        let mut months: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for file in self.state().files.values() {
            let key = (&*file.bucket, &*file.measurement);
            months.entry(key).or_default().insert(&file.month);
            let own = all.entry(key).or_insert_with(|| self.empty(&file.bucket, &file.measurement));
            own.files += 1;
            own.bytes += file.bytes;
            own.rows += file.rows;
            own.values += file.values;
            if file.tree() == Some(Tree::Conflicts) {
                own.conflicts += file.values;
            }
            own.time_min = own.time_min.min(Timestamp::from_ns(file.time_min));
            own.time_max = own.time_max.max(Timestamp::from_ns(file.time_max));
        }
        for (key, own) in &mut all {
            own.months = months[key].iter().map(|month| (*month).to_owned()).collect();
        }
        let job = self.job();
        let start = job.identity.start;
        Description {
            range: TimeRange::new(start, self.watermark()),
            wanted: TimeRange::new(start, job.stop),
            measurements: all.into_values().collect(),
        }
    }

    fn empty(&self, bucket: &str, measurement: &str) -> Measurement {
        let settled = self.state().measurements.get(measurement).cloned().unwrap_or_default();
        let fields = settled
            .types
            .iter()
            .filter_map(|(field, kind)| Some((name::decode(field)?, FieldType::named(kind)?)));
        Measurement {
            bucket: name::decode(bucket).unwrap_or_default(),
            name: name::decode(measurement).unwrap_or_default(),
            tags: settled.tags.iter().filter_map(|tag| name::decode(tag)).collect(),
            fields: fields.collect(),
            keys: settled.keys.clone(),
            months: Vec::new(),
            files: 0,
            bytes: 0,
            rows: 0,
            values: 0,
            conflicts: 0,
            time_min: Timestamp::from_ns(i64::MAX),
            time_max: Timestamp::from_ns(i64::MIN),
        }
    }
}
