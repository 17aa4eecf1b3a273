//! `pivot`: the values of one time in one row.

use std::sync::Arc;

use super::cell::{Datum, DatumKind, FluxColumn, RunCell, Segment};
use super::operation::Operation;
use super::pivoted::{Input, PivotedRows};
use super::table::{FluxTable, Stream, StreamError, compare_keys};
use crate::sim::data::chunk::{Chunk, Value};

/// The arguments of a call.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) row_key: Vec<Vec<u8>>,
    pub(super) column_key: Vec<Vec<u8>>,
    pub(super) value_column: Vec<u8>,
}

/// Why a table cannot be pivoted.
struct Refused {
    message: String,
    internal: bool,
}

impl Refused {
    fn invalid(message: String) -> Self {
        Self { message, internal: false }
    }
}

/// Where the parts of a table stand.
struct Places {
    /// The columns that stay.
    kept: Vec<usize>,
    time: usize,
    label: usize,
    value: usize,
}

/// Groups the tables of a stream by what stays of their keys. Like the real operation it holds everything back, so an
/// error leaves nothing.
pub(super) fn pivot(operation: &Operation, spec: &Spec, stream: Stream) -> Stream {
    let failed = |error| Stream { tables: Vec::new(), error: Some(error) };
    let fails = |refused: &Refused| operation.fails_as(&refused.message, refused.internal);
    let mut end = None;
    let mut found = Vec::new();
    for table in stream.tables {
        match places(spec, &table.columns) {
            Err(refused) => {
                end = Some(fails(&refused));
                break;
            }
            Ok(places) => found.push((table.select(&places.kept).key(), places, table)),
        }
    }
    let mut order: Vec<_> = (0..found.len()).collect();
    order.sort_by(|&a, &b| compare_keys(&found[a].0, &found[b].0));
    let mut group_of = vec![0; found.len()];
    let mut groups: Vec<Option<(FluxTable, PivotedRows)>> = Vec::new();
    for (at, &number) in order.iter().enumerate() {
        let first = at == 0 || compare_keys(&found[order[at - 1]].0, &found[number].0).is_ne();
        if first {
            groups.push(None);
        }
        group_of[number] = groups.len() - 1;
    }
    for ((_, places, table), group) in found.into_iter().zip(group_of) {
        let (into, pivot) = groups[group].get_or_insert_with(|| begin(&places, &table));
        if let Err(refused) = add(&mut into.columns, pivot, &places, table) {
            return failed(fails(&refused));
        }
    }
    let end = end.or_else(|| {
        stream.error.map(|error| match &error {
            // Columns are looked at before rows are read.
            StreamError::Panics { columns, .. } => match places(spec, columns) {
                Err(refused) => fails(&refused),
                Ok(_) => operation.wrap(error),
            },
            StreamError::Fails { .. } => operation.wrap(error),
        })
    });
    if let Some(error) = end {
        return failed(error);
    }
    let finish = |(table, pivot)| FluxTable { pivot: Some(Arc::new(pivot)), ..table };
    Stream { tables: groups.into_iter().flatten().map(finish).collect(), error: None }
}

fn places(spec: &Spec, columns: &[FluxColumn]) -> Result<Places, Refused> {
    let name = |label: &[u8]| String::from_utf8_lossy(label).into_owned();
    let place = |label: &[u8]| columns.iter().position(|column| &*column.label == label);
    if let Some(lost) = spec.row_key.iter().find(|label| place(label).is_none()) {
        let message = format!("specified row key column does not exist in table: {}", name(lost));
        return Err(Refused::invalid(message));
    }
    let value = place(&spec.value_column).ok_or_else(|| {
        let lost = name(&spec.value_column);
        Refused::invalid(format!("specified value column does not exist in table: {lost}"))
    })?;
    if let Some(lost) = spec.column_key.iter().find(|label| place(label).is_none()) {
        let message = format!("specified column does not exist in table: {}", name(lost));
        return Err(Refused::invalid(message));
    }
    let is = |labels: &[Vec<u8>], column: &FluxColumn| {
        labels.iter().any(|label| label[..] == *column.label)
    };
    let stays = |column: &FluxColumn| {
        !is(&spec.column_key, column)
            && *column.label != *spec.value_column
            && (column.key || is(&spec.row_key, column))
    };
    let kept: Vec<_> = (0..columns.len()).filter(|&place| stays(&columns[place])).collect();
    for (at, &place) in kept.iter().enumerate() {
        if kept[..at].iter().any(|&before| columns[before].label == columns[place].label) {
            let label = name(&columns[place].label);
            let message = format!("table builder already has column with label {label}");
            return Err(Refused { message, internal: true });
        }
    }
    // Columns of the group key are the same in every row, so only the time tells rows apart.
    let others = |column: &FluxColumn| is(&spec.row_key, column) && !column.key;
    let mut rows = columns.iter().filter(|column| others(column));
    match (rows.next(), rows.next(), place(b"_time"), &spec.column_key[..]) {
        (Some(row), None, Some(time), [label]) if *row.label == *b"_time" => {
            Ok(Places { kept, time, label: place(label).unwrap_or(0), value })
        }
        _ => Err(Refused::invalid("only rows by _time are simulated".to_owned())),
    }
}

/// A new table, still without the columns of its fields.
fn begin(places: &Places, table: &FluxTable) -> (FluxTable, PivotedRows) {
    let first = table.segments.first();
    let datum = |&place: &usize| {
        (place != places.time)
            .then(|| first.map_or(Datum::Null, |segment| segment.datum(place, segment.rows.start)))
    };
    let head = places.kept.iter().map(datum).collect();
    let columns = places.kept.iter().map(|&place| table.columns[place].clone()).collect();
    (FluxTable::new(columns, Vec::new()), PivotedRows { head, inputs: Vec::new() })
}

/// Adds the values of one table.
fn add(
    columns: &mut Vec<FluxColumn>,
    pivot: &mut PivotedRows,
    places: &Places,
    table: FluxTable,
) -> Result<(), Refused> {
    let kind = table.columns[places.value].kind;
    let mut last: Option<Input> = None;
    for segment in table.segments.into_iter().map(|segment| as_read(segment, places)) {
        let field = match &segment.cells[places.label] {
            RunCell::Same(Datum::String(field))
                if matches!(segment.cells[places.time], RunCell::Time)
                    && matches!(segment.cells[places.value], RunCell::Value) =>
            {
                Arc::clone(field)
            }
            _ => {
                let message = "only values as they were read are simulated".to_owned();
                return Err(Refused::invalid(message));
            }
        };
        let column = field_column(columns, pivot.head.len(), field, kind)?;
        match &mut last {
            Some(last) if last.column == column => last.segments.push(segment),
            _ => pivot.inputs.extend(last.replace(Input { column, segments: vec![segment] })),
        }
    }
    pivot.inputs.extend(last);
    Ok(())
}

/// A row that was chosen from those of a read, as if it had been read alone.
fn as_read(segment: Segment, places: &Places) -> Segment {
    let (RunCell::Same(Datum::Time(time)), RunCell::Same(value)) =
        (&segment.cells[places.time], &segment.cells[places.value])
    else {
        return segment;
    };
    let value = match value.clone() {
        Datum::Boolean(value) => Value::Boolean(value),
        Datum::Integer(value) => Value::Integer(value),
        Datum::Unsigned(value) => Value::Unsigned(value),
        Datum::Float(value) => Value::Float(value),
        Datum::String(value) => Value::String(value),
        Datum::Time(_) | Datum::Null => return segment,
    };
    let mut chunk = Chunk::empty(value.field_type());
    chunk.set(*time, value);
    let mut cells = segment.cells;
    cells[places.time] = RunCell::Time;
    cells[places.value] = RunCell::Value;
    Segment { cells, chunk: Arc::new(chunk), rows: 0..1 }
}

/// The column of a field, made if new.
fn field_column(
    columns: &mut Vec<FluxColumn>,
    head: usize,
    field: Arc<[u8]>,
    kind: DatumKind,
) -> Result<usize, Refused> {
    let place = columns.iter().position(|column| column.label == field);
    if place.is_some_and(|place| place < head) {
        let text = String::from_utf8_lossy(&field);
        return Err(Refused::invalid(format!(
            "value {text:?} appears in a column key column, but a column named {text:?} already exists; \
             consider renaming {text:?} to something else before pivoting"
        )));
    }
    let place = place.unwrap_or_else(|| {
        columns.push(FluxColumn { label: field, kind, key: false });
        columns.len() - 1
    });
    if columns[place].kind != kind {
        return Err(Refused::invalid("fields of several types are not simulated".to_owned()));
    }
    Ok(place)
}
