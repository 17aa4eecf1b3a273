//! What measurements look like over some shard groups: fields with one type each, and tag keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::statement::FromClause;
use crate::model::frame::FieldType;
use crate::sim::data::bucket::{SeriesEntry, StoredBucket};

/// Fields and tags of one measurement or of several together.
#[derive(Debug, Default)]
pub(super) struct MeasurementSchema<'a> {
    pub(super) fields: BTreeMap<&'a [u8], FieldType>,
    pub(super) tags: BTreeSet<&'a [u8]>,
}

/// Shard groups by their starts, all of them between two.
pub(super) type Shards = RangeInclusive<i64>;

/// Names that reads of fields answer from the index, whatever the fields are.
pub(super) const SYSTEM_FIELDS: [&[u8]; 5] =
    [b"_name", b"_tagKey", b"_tagValue", b"_seriesKey", b"_fieldKey"];

/// Of several types a field has the first of these.
const fn rank(field_type: FieldType) -> u8 {
    match field_type {
        FieldType::Float => 1,
        FieldType::Integer => 2,
        FieldType::Unsigned => 3,
        FieldType::String => 4,
        FieldType::Boolean => 5,
    }
}

impl<'a> MeasurementSchema<'a> {
    /// Of these measurements, as far as these shard groups know them.
    pub(super) fn new(bucket: &'a StoredBucket, names: &[&[u8]], shards: &Shards) -> Self {
        let mut schema = Self::default();
        for name in names {
            for (field, types) in bucket.types.get(*name).into_iter().flatten() {
                for (_, field_type) in types.range(shards.clone()) {
                    let known = schema.fields.entry(&**field).or_insert(*field_type);
                    if rank(*field_type) < rank(*known) {
                        *known = *field_type;
                    }
                }
            }
        }
        for entry in &bucket.entries {
            if names.contains(&&*entry.series.measurement) && is_in(entry, shards) {
                schema.tags.extend(entry.series.tags.iter().map(|(key, _)| &**key));
            }
        }
        schema
    }
}

/// True if one of these shard groups knows the series.
fn is_in(entry: &SeriesEntry, shards: &Shards) -> bool {
    entry.fields.values().any(|chunks| chunks.range(shards.clone()).next().is_some())
}

/// The measurements that a source names and these shard groups know, sorted.
pub(super) fn measurements<'a>(
    bucket: &'a StoredBucket,
    from: Option<&FromClause>,
    shards: &Shards,
) -> Vec<&'a [u8]> {
    let names: BTreeSet<&[u8]> = bucket
        .entries
        .iter()
        .filter(|entry| is_named(&entry.series.measurement, from) && is_in(entry, shards))
        .map(|entry| &*entry.series.measurement)
        .collect();
    names.into_iter().collect()
}

/// True if the source names this measurement.
pub(super) fn is_named(measurement: &[u8], from: Option<&FromClause>) -> bool {
    match from {
        None => true,
        Some(FromClause::Name(name)) => name.as_bytes() == measurement,
        Some(FromClause::Pattern(pattern)) => pattern.is_match(measurement),
    }
}
