//! `SHOW` statements.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::format::{ResultCell, SeriesHead};
use super::schema::is_named;
use super::series::{Pieces, ResultSeries, StatementOutcome};
use super::statement::FromClause;
use crate::sim::data::bucket::StoredBucket;
use crate::sim::data::points::key_of_series;

fn text(bytes: &[u8]) -> ResultCell {
    ResultCell::Text(bytes.into())
}

pub(super) fn head(name: &[u8], columns: &[&str]) -> SeriesHead {
    let columns = columns.iter().map(|column| column.as_bytes().into());
    SeriesHead { name: name.into(), tags: Vec::new(), columns: columns.collect() }
}

pub(super) fn field_keys(bucket: &StoredBucket) -> StatementOutcome {
    let mut tables = Vec::new();
    for (measurement, fields) in &bucket.types {
        let mut rows = Vec::new();
        for (field, shards) in fields {
            let types: BTreeSet<_> = shards.values().map(|known| known.name()).collect();
            rows.extend(types.into_iter().map(|name| vec![text(field), text(name.as_bytes())]));
        }
        tables.push(ResultSeries::ready(head(measurement, &["fieldKey", "fieldType"]), rows));
    }
    StatementOutcome::Series(tables, Pieces::ByRows)
}

pub(super) fn tag_keys(bucket: &StoredBucket) -> StatementOutcome {
    let keys = bucket.tag_keys().into_iter().filter(|(_, keys)| !keys.is_empty());
    let table = |(measurement, keys): (&[u8], BTreeSet<&[u8]>)| {
        let rows = keys.into_iter().map(|key| vec![text(key)]).collect();
        ResultSeries::ready(head(measurement, &["tagKey"]), rows)
    };
    StatementOutcome::Series(keys.map(table).collect(), Pieces::BySeries)
}

pub(super) fn measurements(bucket: &StoredBucket) -> StatementOutcome {
    let rows: Vec<_> = bucket.tag_keys().into_keys().map(|name| vec![text(name)]).collect();
    let table = ResultSeries::ready(head(b"measurements", &["name"]), rows);
    let tables = if table.rows() > 0 { vec![table] } else { Vec::new() };
    StatementOutcome::Series(tables, Pieces::Whole)
}

/// Every series of the index, also those that no read finds.
fn all_series<'a>(
    bucket: &'a StoredBucket,
    from: Option<&FromClause>,
) -> BTreeSet<&'a Arc<crate::model::series::Series>> {
    let named = bucket.entries.iter().filter(|entry| is_named(&entry.series.measurement, from));
    named.map(|entry| &entry.series).collect()
}

pub(super) fn series(bucket: &StoredBucket, from: Option<&FromClause>) -> StatementOutcome {
    // Series that a read takes for one have one key.
    let mut keys: Vec<_> = all_series(bucket, from).into_iter().map(|s| key_of_series(s)).collect();
    let mut known = BTreeSet::new();
    keys.retain(|key| known.insert(key.clone()));
    let rows: Vec<_> = keys.iter().map(|key| vec![text(key)]).collect();
    let table = ResultSeries::ready(head(b"", &["key"]), rows);
    let tables = if table.rows() > 0 { vec![table] } else { Vec::new() };
    StatementOutcome::Series(tables, Pieces::ByRows)
}

pub(super) fn cardinality(bucket: &StoredBucket, from: Option<&FromClause>) -> StatementOutcome {
    let mut counts: BTreeMap<&[u8], i64> = BTreeMap::new();
    for series in all_series(bucket, from) {
        *counts.entry(&series.measurement).or_default() += 1;
    }
    let table = |(measurement, count): (&[u8], i64)| {
        ResultSeries::ready(head(measurement, &["count"]), vec![vec![ResultCell::Integer(count)]])
    };
    StatementOutcome::Series(counts.into_iter().map(table).collect(), Pieces::ByRows)
}
