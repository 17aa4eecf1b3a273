//! The functions of `influxdata/influxdb/schema`: answered from the index, to the precision of shard groups.

use std::collections::BTreeSet;

use super::cell::{Datum, DatumKind, FluxColumn, Segment};
use super::predicate::Predicate;
use super::read::{STOP_MAX, fields_near, pushed_column};
use super::table::{FluxTable, Stream};
use crate::sim::data::bucket::{SeriesEntry, StoredBucket};

/// Which names are asked for.
#[derive(Debug, Clone)]
pub(super) enum SchemaNames {
    Measurements,
    TagKeys { measurement: Option<Vec<u8>> },
    FieldKeys { measurement: Option<Vec<u8>> },
    TagValues { measurement: Option<Vec<u8>>, tag: Vec<u8> },
}

/// One column of names, as an empty table if there are none.
pub(super) fn names(bucket: &StoredBucket, names: &SchemaNames, start: i64, stop: i64) -> Stream {
    let near = fields_near(bucket, start, stop);
    let of = |measurement: &Option<Vec<u8>>| {
        let measurement = measurement.clone();
        near.iter()
            .filter(move |(name, _)| {
                measurement.as_ref().is_none_or(|wanted| wanted[..] == ***name)
            })
            .flat_map(|(_, fields)| fields)
            .collect::<Vec<_>>()
    };
    let mut head: Vec<&[u8]> = Vec::new();
    let sorted: BTreeSet<&[u8]> = match names {
        // Measurements are known whatever the range.
        SchemaNames::Measurements => {
            bucket.entries.iter().map(|entry| &entry.series.measurement[..]).collect()
        }
        SchemaNames::FieldKeys { measurement } => {
            of(measurement).into_iter().map(|(_, field)| *field).collect()
        }
        SchemaNames::TagKeys { measurement } => {
            // The two of the read itself are there even where nothing is found.
            head = vec![b"_start", b"_stop"];
            let mut keys: BTreeSet<&[u8]> = BTreeSet::new();
            for (entry, _) in of(measurement) {
                keys.extend([&b"_field"[..], b"_measurement"]);
                keys.extend(entry.series.tags.iter().map(|(key, _)| &key[..]));
            }
            keys
        }
        SchemaNames::TagValues { measurement, tag } => {
            let tags = of(measurement).into_iter().flat_map(|(entry, _)| entry.series.tags.iter());
            tags.filter(|(key, _)| key[..] == tag[..]).map(|(_, value)| &value[..]).collect()
        }
    };
    let columns = vec![FluxColumn::new(b"_value", DatumKind::String, false)];
    let segments =
        head.into_iter().chain(sorted).map(|name| Segment::row([Datum::text(name)])).collect();
    Stream { tables: vec![FluxTable::new(columns, segments)], error: None }
}

/// `influxdb.cardinality`: series of whole shard groups come from the index, those of the two at the edges only if they
/// have values in the range.
pub(super) fn cardinality(
    bucket: &StoredBucket,
    predicate: Option<&Predicate>,
    start: i64,
    stop: i64,
) -> Stream {
    let groups = bucket.groups_between(start, stop);
    let (whole, parts): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|&(first, end)| start <= first && end <= stop);
    let known = |entry: &SeriesEntry, field: &[u8]| {
        let row = |label: &[u8]| pushed_column(&entry.series, field, label);
        predicate.is_none_or(|predicate| predicate.test(&row) == Some(true))
    };
    let in_whole = |entry: &&SeriesEntry| {
        let fields = entry.fields.iter().filter(|(field, _)| known(entry, field));
        let mut chunks = fields.map(|(_, chunks)| chunks);
        chunks.any(|chunks| whole.iter().any(|(shard, _)| chunks.contains_key(shard)))
    };
    let in_parts = |entry: &&SeriesEntry| {
        entry.fields.iter().filter(|(field, _)| known(entry, field)).any(|(field, chunks)| {
            // A type that changes ends the read, as everywhere.
            let types = bucket.types.get(&entry.series.measurement);
            let types = types.and_then(|fields| fields.get(&**field));
            let kind = |shard: &i64| types.and_then(|types| types.get(shard));
            let mut shards = parts.iter().map(|(shard, _)| shard);
            let first = shards.clone().find_map(kind);
            shards.any(|shard| {
                kind(shard) == first
                    && chunks
                        .get(shard)
                        .is_some_and(|chunk| !chunk.rows(start, stop.min(STOP_MAX)).is_empty())
            })
        })
    };
    let found = bucket.entries.iter().filter(in_whole);
    let found = found.chain(bucket.readable().filter(in_parts));
    let series: BTreeSet<_> = found.map(|entry| &entry.series).collect();
    let count = i64::try_from(series.len()).unwrap_or(i64::MAX);
    let columns = vec![FluxColumn::new(b"_value", DatumKind::Integer, false)];
    let segments = vec![Segment::row([Datum::Integer(count)])];
    Stream { tables: vec![FluxTable::new(columns, segments)], error: None }
}
