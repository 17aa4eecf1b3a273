//! The storage engine's side of a query: what is pushed down to it, with its quirks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::super::chunk::{Chunk, FieldType};
use super::super::store::{Bucket, SeriesEntry};
use super::predicate::Predicate;
use super::table::{Cell, Column, Datum, Kind, Segment, Stream, StreamError, Table};
use crate::model::series::Series;

/// Bounds and pushed-down filters of one read.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) start: i64,
    pub(super) stop: i64,
    pub(super) filters: Vec<Predicate>,
}

/// What is pushed down behind the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    All,
    Count,
    First,
    Last,
}

/// The values of one field of one series.
struct Found {
    series: Arc<Series>,
    field: Arc<[u8]>,
    field_type: FieldType,
    parts: Vec<(Arc<Chunk>, Range<usize>)>,
}

impl Found {
    fn count(&self) -> i64 {
        i64::try_from(self.parts.iter().map(|(_, rows)| rows.len()).sum::<usize>()).unwrap_or(i64::MAX)
    }

    /// Tags called `_time` and `_value` take the place of the engine's own columns, and its type assertion fails.
    fn panic_text(&self, pick: Pick) -> Option<String> {
        let has = |label: &[u8]| self.series.tags.iter().any(|(key, _)| &key[..] == label);
        let expected = match (pick, self.field_type) {
            _ if pick != Pick::Count && has(b"_time") => "Int64",
            _ if !has(b"_value") => return None,
            (Pick::Count, _) | (_, FieldType::Integer) => "Int64",
            (_, FieldType::Float) => "Float64",
            (_, FieldType::Unsigned) => "Uint64",
            (_, FieldType::Boolean) => "Boolean",
            (_, FieldType::String) => return None,
        };
        Some(format!("interface conversion: array.Array is *array.String, not *array.{expected}"))
    }

    /// Tags with `_field` and `_measurement` among them, sorted. The values of tags that share their name with a
    /// bound are lost.
    fn labels(&self) -> Vec<(&[u8], Datum)> {
        let mut labels: Vec<(&[u8], Datum)> = vec![
            (b"_field", Datum::String(Arc::clone(&self.field))),
            (b"_measurement", Datum::text(&self.series.measurement)),
        ];
        labels.extend(self.series.tags.iter().map(|(key, value)| {
            let lost = matches!(&key[..], b"_start" | b"_stop");
            (&key[..], if lost { Datum::Null } else { Datum::text(value) })
        }));
        labels.sort_by(|a, b| a.0.cmp(b.0));
        labels
    }

    fn edge(&self, pick: Pick) -> Option<(&Chunk, usize)> {
        let (chunk, rows) = if pick == Pick::First { self.parts.first()? } else { self.parts.last()? };
        let row = if pick == Pick::First { rows.start } else { rows.end - 1 };
        Some((chunk, row))
    }
}


/// The largest storable time is out of reach, even of a bound beyond it.
const STOP_MAX: i64 = i64::MAX - 1;

impl Selection {
    pub(super) const fn new(start: i64, stop: i64) -> Self {
        Self { start, stop, filters: Vec::new() }
    }

    /// One table per field of each series.
    pub(super) fn read(&self, bucket: &Bucket, pick: Pick) -> Stream {
        let mut stream = Stream::default();
        for found in self.find(bucket, pick) {
            if let Some(text) = found.panic_text(pick) {
                stream.error = Some(match pick {
                    Pick::All => StreamError::Panics(text),
                    _ => StreamError::Fails { message: format!("panic: {text}"), internal: true },
                });
                break;
            }
            stream.tables.push(self.table(&found, pick));
        }
        stream
    }

    fn table(&self, found: &Found, pick: Pick) -> Table {
        let labels = found.labels();
        let mut columns = vec![Column::new(b"_start", Kind::Time, true), Column::new(b"_stop", Kind::Time, true)];
        if pick != Pick::Count {
            columns.push(Column::new(b"_time", Kind::Time, false));
        }
        let kind = if pick == Pick::Count { Kind::Integer } else { found.field_type.into() };
        columns.push(Column::new(b"_value", kind, false));
        columns.extend(labels.iter().map(|(label, _)| Column::new(label, Kind::String, true)));
        let tags = labels.into_iter().map(|(_, datum)| datum);
        let segments = match pick {
            Pick::All => {
                let mut cells = vec![Cell::Same(Datum::Time(self.start)), Cell::Same(Datum::Time(self.stop)), Cell::Time, Cell::Value];
                cells.extend(tags.map(Cell::Same));
                let part = |(chunk, rows): &(Arc<Chunk>, Range<usize>)| Segment { cells: cells.clone(), chunk: Arc::clone(chunk), rows: rows.clone() };
                found.parts.iter().map(part).collect()
            }
            Pick::Count => {
                let (start, stop) = if self.stop > 0 { (self.start.max(0), self.stop) } else { (self.start, self.stop) };
                let head = [Datum::Time(start), Datum::Time(stop), Datum::Integer(found.count())];
                vec![Segment::row(head.into_iter().chain(tags))]
            }
            Pick::First | Pick::Last => found.edge(pick).into_iter().map(|(chunk, row)| {
                let time = chunk.times[row];
                // The engine's one window per series runs from 1970 to the end of time, and another one before it.
                let (start, stop) = if time >= 0 { (self.start.max(0), self.stop) } else { (self.start, self.stop.min(0)) };
                let head = [Datum::Time(start), Datum::Time(stop), Datum::Time(time), chunk.values.get(row).into()];
                Segment::row(head.into_iter().chain(tags.clone()))
            }).collect(),
        };
        Table { columns, segments }
    }

    /// Tables by the values of some columns, tags that a series lacks as null.
    pub(super) fn read_groups(&self, bucket: &Bucket, by: &[Vec<u8>], pick: Pick) -> Stream {
        let found = self.find(bucket, pick);
        let key = |found: &Found| -> Vec<Datum> {
            let labels = found.labels();
            let value = |label: &Vec<u8>| labels.iter().find(|(known, _)| known == label).map_or(Datum::Null, |(_, datum)| datum.clone());
            by.iter().map(value).collect()
        };
        let mut groups: Vec<(Vec<Datum>, Vec<Found>)> = Vec::new();
        let mut keyed: Vec<_> = found.into_iter().map(|found| (key(&found), found)).collect();
        keyed.sort_by(|a, b| order(&a.0, &b.0));
        for (key, found) in keyed {
            match groups.last_mut() {
                Some((last, members)) if order(last, &key).is_eq() => members.push(found),
                _ => groups.push((key, vec![found])),
            }
        }
        let mut stream = Stream::default();
        for (key, members) in groups {
            if pick == Pick::All {
                self.group_table(by, &members, &mut stream);
            } else {
                self.group_row(by, key, &members, pick, &mut stream);
            }
            if stream.error.is_some() {
                break;
            }
        }
        stream
    }

    fn group_table(&self, by: &[Vec<u8>], members: &[Found], stream: &mut Stream) {
        let mut labels: Vec<&[u8]> = members.iter().flat_map(|found| found.labels()).map(|(label, _)| label).collect();
        labels.sort_unstable();
        labels.dedup();
        let field_type = members[0].field_type;
        let mut columns = bounds();
        columns.push(Column::new(b"_time", Kind::Time, false));
        columns.push(Column::new(b"_value", field_type.into(), false));
        columns.extend(labels.iter().map(|label| Column::new(label, Kind::String, by.iter().any(|key| key == label))));
        let mut table = Table { columns, segments: Vec::new() };
        for found in members {
            if let Some(error) = clash(field_type, found) {
                stream.error = Some(error);
                break;
            }
            if let Some(text) = found.panic_text(Pick::All) {
                stream.error = Some(StreamError::Panics(text));
                break;
            }
            let own = found.labels();
            let value = |label: &&[u8]| own.iter().find(|(known, _)| known == label).map_or(Datum::Null, |(_, datum)| datum.clone());
            let mut cells = vec![Cell::Same(Datum::Time(self.start)), Cell::Same(Datum::Time(self.stop)), Cell::Time, Cell::Value];
            cells.extend(labels.iter().map(|label| Cell::Same(value(label))));
            let part = |(chunk, rows): &(Arc<Chunk>, Range<usize>)| Segment { cells: cells.clone(), chunk: Arc::clone(chunk), rows: rows.clone() };
            table.segments.extend(found.parts.iter().map(part));
        }
        if !table.segments.is_empty() {
            stream.tables.push(table);
        }
    }

    fn group_row(&self, by: &[Vec<u8>], key: Vec<Datum>, members: &[Found], pick: Pick, stream: &mut Stream) {
        let mut columns = bounds();
        let mut head = vec![Datum::Time(self.start), Datum::Time(self.stop)];
        if pick == Pick::Count {
            columns.push(Column::new(b"_value", Kind::Integer, false));
            head.push(Datum::Integer(members.iter().map(Found::count).sum()));
        } else {
            let field_type = members[0].field_type;
            stream.error = members.iter().find_map(|found| clash(field_type, found));
            let edges = members.iter().filter_map(|found| found.edge(pick));
            let best = if pick == Pick::First {
                edges.min_by_key(|(chunk, row)| chunk.times[*row])
            } else {
                edges.max_by_key(|(chunk, row)| chunk.times[*row])
            };
            let Some((chunk, row)) = best.filter(|_| stream.error.is_none()) else { return };
            columns.push(Column::new(b"_time", Kind::Time, false));
            columns.push(Column::new(b"_value", field_type.into(), false));
            head.extend([Datum::Time(chunk.times[row]), chunk.values.get(row).into()]);
        }
        columns.extend(by.iter().map(|label| Column::new(label, Kind::String, true)));
        head.extend(key);
        stream.tables.push(Table { columns, segments: vec![Segment::row(head)] });
    }

    /// Everything selected, in the order of reads. A field ends without a word at the first shard group whose type
    /// is not the one of the first shard group that knows the field, seen in the direction of the read.
    fn find(&self, bucket: &Bucket, pick: Pick) -> Vec<Found> {
        bucket.readable().flat_map(|entry| self.find_in(bucket, entry, pick)).collect()
    }

    fn find_in(&self, bucket: &Bucket, entry: &SeriesEntry, pick: Pick) -> Vec<Found> {
        let Some(types) = bucket.types.get(&entry.series.measurement) else { return Vec::new() };
        let mut all = Vec::new();
        for (field, chunks) in &entry.fields {
            if !self.may_match(&entry.series, field) {
                continue;
            }
            let first_shard = bucket.first_shard(self.start);
            let Some(shards) = types.get(&**field) else { continue };
            let mut shards: Vec<_> = shards.range(first_shard..self.stop.max(first_shard)).collect();
            if pick == Pick::Last {
                shards.reverse();
            }
            let Some(&(_, &field_type)) = shards.first() else { continue };
            let mut parts = Vec::new();
            for (shard, _) in shards.into_iter().take_while(|(_, known)| **known == field_type) {
                let Some(chunk) = chunks.get(shard) else { continue };
                parts.extend(self.rows_of(&entry.series, field, chunk));
            }
            if pick == Pick::Last {
                parts.reverse();
            }
            if !parts.is_empty() {
                all.push(Found { series: Arc::clone(&entry.series), field: Arc::clone(field), field_type, parts });
            }
        }
        all
    }

    /// False if no value of the field can match.
    fn may_match(&self, series: &Series, field: &[u8]) -> bool {
        let row = |label: &[u8]| pushed_column(series, field, label);
        self.filters.iter().filter(|filter| !filter.uses(&VARYING)).all(|filter| filter.test(&row) == Some(true))
    }

    fn rows_of(&self, series: &Series, field: &[u8], chunk: &Arc<Chunk>) -> Option<(Arc<Chunk>, Range<usize>)> {
        let rows = chunk.rows(self.start, self.stop.min(STOP_MAX));
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
fn pushed_column(series: &Series, field: &[u8], label: &[u8]) -> Datum {
    match label {
        b"_measurement" => Datum::text(&series.measurement),
        b"_field" => Datum::text(field),
        _ => Datum::text(series.tags.iter().find(|(key, _)| &key[..] == label).map_or(&[][..], |(_, value)| value)),
    }
}

fn bounds() -> Vec<Column> {
    vec![Column::new(b"_start", Kind::Time, true), Column::new(b"_stop", Kind::Time, true)]
}

fn order(a: &[Datum], b: &[Datum]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(x, y)| x.order(y)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

fn clash(field_type: FieldType, found: &Found) -> Option<StreamError> {
    (found.field_type != field_type).then(|| StreamError::Fails {
        message: format!("schema collision: cannot group {} and {} types together", field_type.name(), found.field_type.name()),
        internal: false,
    })
}

/// Tag keys near a range, for the schema functions.
pub(super) fn fields_near(bucket: &Bucket, start: i64, stop: i64) -> BTreeMap<&[u8], Vec<(&SeriesEntry, &[u8])>> {
    let first_shard = bucket.first_shard(start);
    let mut near: BTreeMap<&[u8], Vec<(&SeriesEntry, &[u8])>> = BTreeMap::new();
    for entry in bucket.readable() {
        for (field, chunks) in &entry.fields {
            if chunks.range(first_shard..stop.max(first_shard)).next().is_some() {
                near.entry(&entry.series.measurement).or_default().push((entry, field));
            }
        }
    }
    near
}
