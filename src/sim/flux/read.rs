//! The storage engine's side of a query: what is pushed down to it, with its quirks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cell::{Datum, DatumKind, FluxColumn, RunCell, Segment};
use super::found::{FoundField, Pick};
use super::predicate::Predicate;
use super::table::{FluxTable, Stream, StreamError};
use crate::model::series::Series;
use crate::sim::data::bucket::{SeriesEntry, StoredBucket};
use crate::sim::data::chunk::Chunk;

/// Bounds and pushed-down filters of one read.
#[derive(Debug)]
pub(super) struct EngineRead {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) filters: Vec<Predicate>,
}

/// Rows at the largest storable time are out of reach, even of a bound beyond it.
pub(super) const STOP_MAX: i64 = i64::MAX - 1;

impl EngineRead {
    pub(super) const fn new(start: i64, stop: i64) -> Self {
        Self { start, stop, filters: Vec::new() }
    }

    /// Whether the engine fails over the filters, which it takes as one.
    pub(super) fn stumbles(&self) -> bool {
        let joined = |a: Predicate, b: Predicate| Predicate::And(Box::new(a), Box::new(b));
        self.filters.iter().cloned().reduce(joined).is_some_and(|filter| filter.stumbles())
    }

    /// One table per field of each series.
    pub(super) fn read(&self, bucket: &StoredBucket, pick: Pick) -> Stream {
        let mut stream = Stream::default();
        // A single value of a series is found up to the very end of time, a row never.
        let stop = if pick == Pick::All { self.stop.min(STOP_MAX) } else { self.stop };
        for found in self.find(bucket, pick, stop) {
            if let Some(error) = found.type_error() {
                stream.error = Some(error);
                break;
            }
            if let Some(text) = found.panic_text(pick) {
                stream.error = Some(match pick {
                    Pick::All => {
                        StreamError::Panics { text, columns: self.table(&found, pick).columns }
                    }
                    _ => StreamError::Fails { message: format!("panic: {text}"), internal: true },
                });
                break;
            }
            stream.tables.push(self.table(&found, pick));
        }
        stream
    }

    fn table(&self, found: &FoundField, pick: Pick) -> FluxTable {
        let labels = found.labels();
        let mut columns = vec![
            FluxColumn::new(b"_start", DatumKind::Time, true),
            FluxColumn::new(b"_stop", DatumKind::Time, true),
        ];
        if pick != Pick::Count {
            columns.push(FluxColumn::new(b"_time", DatumKind::Time, false));
        }
        let kind = if pick == Pick::Count { DatumKind::Integer } else { found.field_type.into() };
        columns.push(FluxColumn::new(b"_value", kind, false));
        columns.extend(
            labels.iter().map(|(label, _)| FluxColumn::new(label, DatumKind::String, true)),
        );
        let tags = labels.into_iter().map(|(_, datum)| datum);
        let segments = match pick {
            Pick::All | Pick::Sum => {
                let mut cells = vec![
                    RunCell::Same(Datum::Time(self.start)),
                    RunCell::Same(Datum::Time(self.stop)),
                    RunCell::Time,
                    RunCell::Value,
                ];
                cells.extend(tags.map(RunCell::Same));
                let part = |(chunk, rows): &(Arc<Chunk>, Range<usize>)| Segment {
                    cells: cells.clone(),
                    chunk: Arc::clone(chunk),
                    rows: rows.clone(),
                };
                found.parts.iter().map(part).collect()
            }
            Pick::Count => {
                let (start, stop) = if self.stop > 0 {
                    (self.start.max(0), self.stop)
                } else {
                    (self.start, self.stop)
                };
                let head = [Datum::Time(start), Datum::Time(stop), Datum::Integer(found.count())];
                vec![Segment::row(head.into_iter().chain(tags))]
            }
            Pick::First | Pick::Last => found
                .edge(pick)
                .into_iter()
                .map(|(chunk, row)| {
                    let time = chunk.times[row];
                    // The engine's one window per series runs from 1970 to the end of time, and another one before it.
                    let (start, stop) = if time >= 0 {
                        (self.start.max(0), self.stop)
                    } else {
                        (self.start, self.stop.min(0))
                    };
                    let head = [
                        Datum::Time(start),
                        Datum::Time(stop),
                        Datum::Time(time),
                        chunk.values.get(row).into(),
                    ];
                    Segment::row(head.into_iter().chain(tags.clone()))
                })
                .collect(),
        };
        FluxTable::new(columns, segments)
    }

    /// Everything selected before `stop`, in the order of reads. A field ends without a word at the first shard group
    /// whose type is not the one of the first shard group that knows the field, seen in the direction of the read. A
    /// count or a sum that found something begins anew behind that shard group.
    pub(super) fn find(&self, bucket: &StoredBucket, pick: Pick, stop: i64) -> Vec<FoundField> {
        bucket.readable().flat_map(|entry| self.find_in(bucket, entry, pick, stop)).collect()
    }

    fn find_in(
        &self,
        bucket: &StoredBucket,
        entry: &SeriesEntry,
        pick: Pick,
        stop: i64,
    ) -> Vec<FoundField> {
        let Some(types) = bucket.types.get(&entry.series.measurement) else { return Vec::new() };
        let mut all = Vec::new();
        for (field, chunks) in &entry.fields {
            if !self.may_match(&entry.series, field) {
                continue;
            }
            let Some(shards) = types.get(&**field) else { continue };
            let mut shards = bucket.in_shards(shards, self.start, self.stop);
            if pick == Pick::Last {
                shards.reverse();
            }
            let Some(&(_, &field_type)) = shards.first() else { continue };
            let found = |mut parts: Vec<_>| {
                if pick == Pick::Last {
                    parts.reverse();
                }
                let (series, field) = (Arc::clone(&entry.series), Arc::clone(field));
                (!parts.is_empty()).then_some(FoundField { series, field, field_type, parts })
            };
            let goes_on = matches!(pick, Pick::Count | Pick::Sum);
            let mut parts = Vec::new();
            for (shard, known) in shards {
                if *known == field_type {
                    let chunk = chunks.get(&shard);
                    parts.extend(
                        chunk.and_then(|chunk| self.rows_of(&entry.series, field, chunk, stop)),
                    );
                } else if goes_on && !parts.is_empty() {
                    all.extend(found(std::mem::take(&mut parts)));
                } else {
                    break;
                }
            }
            all.extend(found(parts));
        }
        all
    }

    /// False if no value of the field can match.
    fn may_match(&self, series: &Series, field: &[u8]) -> bool {
        let row = |label: &[u8]| pushed_column(series, field, label);
        self.filters
            .iter()
            .filter(|filter| !filter.uses(&VARYING))
            .all(|filter| filter.test(&row) == Some(true))
    }

    fn rows_of(
        &self,
        series: &Series,
        field: &[u8],
        chunk: &Arc<Chunk>,
        stop: i64,
    ) -> Option<(Arc<Chunk>, Range<usize>)> {
        let rows = chunk.rows(self.start, stop);
        let filters: Vec<_> = self.filters.iter().filter(|filter| filter.uses(&VARYING)).collect();
        if rows.is_empty() || filters.is_empty() {
            return (!rows.is_empty()).then(|| (Arc::clone(chunk), rows));
        }
        let mut kept = Chunk::empty(chunk.values.field_type());
        for row in rows {
            let column = |label: &[u8]| match label {
                b"_value" => chunk.values.get(row).into(),
                b"_time" => Datum::Time(chunk.times[row]),
                _ => pushed_column(series, field, label),
            };
            if filters.iter().all(|filter| filter.test(&column) == Some(true)) {
                kept.set(chunk.times[row], chunk.values.get(row));
            }
        }
        let rows = 0..kept.times.len();
        (!rows.is_empty()).then(|| (Arc::new(kept), rows))
    }
}

const VARYING: [&[u8]; 2] = [b"_value", b"_time"];

/// A column as a pushed-down filter sees it: a tag that is absent is the empty string.
pub(super) fn pushed_column(series: &Series, field: &[u8], label: &[u8]) -> Datum {
    match label {
        b"_measurement" => Datum::text(&series.measurement),
        b"_field" => Datum::text(field),
        _ => Datum::text(
            series
                .tags
                .iter()
                .find(|(key, _)| &key[..] == label)
                .map_or(&[][..], |(_, value)| value),
        ),
    }
}

/// What the index knows near a range, for the schema functions: unreadable series too.
pub(super) fn fields_near(
    bucket: &StoredBucket,
    start: i64,
    stop: i64,
) -> BTreeMap<&[u8], Vec<(&SeriesEntry, &[u8])>> {
    let mut near: BTreeMap<&[u8], Vec<(&SeriesEntry, &[u8])>> = BTreeMap::new();
    for entry in &bucket.entries {
        for (field, chunks) in &entry.fields {
            if bucket.meets(chunks, start, stop) {
                near.entry(&entry.series.measurement).or_default().push((entry, field));
            }
        }
    }
    near
}
