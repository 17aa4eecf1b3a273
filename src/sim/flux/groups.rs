//! Grouped reads, as the storage engine answers them.

use std::ops::Range;
use std::sync::Arc;

use super::cell::{Datum, DatumKind, FluxColumn, RunCell, Segment};
use super::found::{FoundField, Pick};
use super::read::{EngineRead, STOP_MAX};
use super::table::{FluxTable, Stream, StreamError};
use crate::model::frame::FieldType;
use crate::sim::data::bucket::StoredBucket;
use crate::sim::data::chunk::Chunk;

impl EngineRead {
    /// Tables by the values of some columns, tags that a series lacks as null.
    pub(super) fn read_groups(&self, bucket: &StoredBucket, by: &[Vec<u8>], pick: Pick) -> Stream {
        let found = self.find(bucket, pick, self.stop.min(STOP_MAX));
        let key = |found: &FoundField| -> Vec<Datum> {
            let labels = found.labels();
            let value = |label: &Vec<u8>| {
                labels
                    .iter()
                    .find(|(known, _)| known == label)
                    .map_or(Datum::Null, |(_, datum)| datum.clone())
            };
            by.iter().map(value).collect()
        };
        let mut groups: Vec<(Vec<Datum>, Vec<FoundField>)> = Vec::new();
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
            stream.error = members.iter().find_map(FoundField::type_error);
            if stream.error.is_some() {
                break;
            }
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

    fn group_table(&self, by: &[Vec<u8>], members: &[FoundField], stream: &mut Stream) {
        let mut labels: Vec<&[u8]> =
            members.iter().flat_map(|found| found.labels()).map(|(label, _)| label).collect();
        labels.sort_unstable();
        labels.dedup();
        let field_type = members[0].field_type;
        let mut columns = bounds();
        columns.push(FluxColumn::new(b"_time", DatumKind::Time, false));
        columns.push(FluxColumn::new(b"_value", field_type.into(), false));
        columns.extend(labels.iter().map(|label| {
            FluxColumn::new(label, DatumKind::String, by.iter().any(|key| key == label))
        }));
        let mut table = FluxTable::new(columns, Vec::new());
        for found in members {
            if let Some(error) = clash(field_type, found) {
                stream.error = Some(error);
                break;
            }
            if let Some(text) = found.panic_text(Pick::All) {
                stream.error = Some(StreamError::Panics { text, columns: table.columns.clone() });
                break;
            }
            let own = found.labels();
            let value = |label: &&[u8]| {
                own.iter()
                    .find(|(known, _)| known == label)
                    .map_or(Datum::Null, |(_, datum)| datum.clone())
            };
            let mut cells = vec![
                RunCell::Same(Datum::Time(self.start)),
                RunCell::Same(Datum::Time(self.stop)),
                RunCell::Time,
                RunCell::Value,
            ];
            cells.extend(labels.iter().map(|label| RunCell::Same(value(label))));
            let part = |(chunk, rows): &(Arc<Chunk>, Range<usize>)| Segment {
                cells: cells.clone(),
                chunk: Arc::clone(chunk),
                rows: rows.clone(),
            };
            table.segments.extend(found.parts.iter().map(part));
        }
        if !table.segments.is_empty() {
            stream.tables.push(table);
        }
    }

    fn group_row(
        &self,
        by: &[Vec<u8>],
        key: Vec<Datum>,
        members: &[FoundField],
        pick: Pick,
        stream: &mut Stream,
    ) {
        let mut columns = bounds();
        let mut head = vec![Datum::Time(self.start), Datum::Time(self.stop)];
        if pick == Pick::Count {
            // The tags of the last series are put into the columns of their names.
            if let Some(text) = members.last().and_then(|last| last.panic_text(pick)) {
                stream.error = Some(StreamError::Panics { text, columns });
                return;
            }
            columns.push(FluxColumn::new(b"_value", DatumKind::Integer, false));
            head.push(Datum::Integer(members.iter().map(FoundField::count).sum()));
        } else {
            let field_type = members[0].field_type;
            stream.error = members.iter().find_map(|found| clash(field_type, found));
            let edges = members.iter().filter_map(|found| Some((found, found.edge(pick)?)));
            let best = if pick == Pick::First {
                edges.min_by_key(|(_, (chunk, row))| chunk.times[*row])
            } else {
                edges.max_by_key(|(_, (chunk, row))| chunk.times[*row])
            };
            let best = best.filter(|_| stream.error.is_none());
            let Some((found, (chunk, row))) = best else { return };
            if let Some(text) = found.panic_text(pick) {
                stream.error = Some(StreamError::Panics { text, columns });
                return;
            }
            columns.push(FluxColumn::new(b"_time", DatumKind::Time, false));
            columns.push(FluxColumn::new(b"_value", field_type.into(), false));
            head.extend([Datum::Time(chunk.times[row]), chunk.values.get(row).into()]);
        }
        columns.extend(by.iter().map(|label| FluxColumn::new(label, DatumKind::String, true)));
        head.extend(key);
        stream.tables.push(FluxTable::new(columns, vec![Segment::row(head)]));
    }
}

fn bounds() -> Vec<FluxColumn> {
    vec![
        FluxColumn::new(b"_start", DatumKind::Time, true),
        FluxColumn::new(b"_stop", DatumKind::Time, true),
    ]
}

fn order(a: &[Datum], b: &[Datum]) -> std::cmp::Ordering {
    a.iter()
        .zip(b)
        .map(|(x, y)| x.order(y))
        .find(|order| order.is_ne())
        .unwrap_or(std::cmp::Ordering::Equal)
}

fn clash(field_type: FieldType, found: &FoundField) -> Option<StreamError> {
    (found.field_type != field_type).then(|| StreamError::Fails {
        message: format!(
            "schema collision: cannot group {} and {} types together",
            field_type.name(),
            found.field_type.name()
        ),
        internal: false,
    })
}
