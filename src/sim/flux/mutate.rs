//! What the operations of the query engine make of one table.

use std::sync::Arc;

use super::cell::{Datum, DatumKind, FluxColumn, RunCell, Segment};
use super::table::FluxTable;
use crate::sim::data::chunk::{Chunk, ColumnValues};
use crate::sim::go::text::replace;

/// `rename(columns: {from: "to"})`.
pub(super) fn rename(table: &mut FluxTable, names: &[(Vec<u8>, Vec<u8>)]) -> Result<(), String> {
    for (from, to) in names {
        let place = table.column(from).ok_or_else(|| {
            format!("rename error: column \"{}\" doesn't exist", String::from_utf8_lossy(from))
        })?;
        table.columns[place].label = to.as_slice().into();
    }
    Ok(())
}

/// Keeps the columns for which `keeps` holds.
pub(super) fn retain_columns(table: &mut FluxTable, keeps: impl Fn(&[u8]) -> bool) {
    let places: Vec<_> =
        (0..table.columns.len()).filter(|&place| keeps(&table.columns[place].label)).collect();
    *table = table.select(&places);
}

/// `group(columns: [...])` in the engine: splits nothing here, since all key columns are constant per table.
pub(super) fn regroup(table: &mut FluxTable, by: &[Vec<u8>]) -> Result<(), String> {
    for column in &mut table.columns {
        column.key = by.iter().any(|label| label[..] == column.label[..]);
    }
    let varies = |segment: &Segment| {
        table
            .columns
            .iter()
            .zip(&segment.cells)
            .any(|(column, cell)| column.key && !matches!(cell, RunCell::Same(_)))
    };
    if table.segments.iter().any(varies) {
        Err("grouping by time or value is not simulated".to_owned())
    } else {
        Ok(())
    }
}

/// An aggregate keeps the group key and one value.
fn aggregate(table: &FluxTable, kind: DatumKind, value: Datum) -> FluxTable {
    let Some(first) = table.segments.first() else { return table.clone() };
    let places: Vec<_> =
        (0..table.columns.len()).filter(|&place| table.columns[place].key).collect();
    let mut columns: Vec<_> = places.iter().map(|&place| table.columns[place].clone()).collect();
    columns.push(FluxColumn::new(b"_value", kind, false));
    let cells = places.iter().map(|&place| first.datum(place, first.rows.start)).chain([value]);
    FluxTable::new(columns, vec![Segment::row(cells)])
}

fn value_column(table: &FluxTable) -> Result<usize, String> {
    table.column(b"_value").ok_or_else(|| "column \"_value\" does not exist".to_owned())
}

pub(super) fn count(table: &FluxTable) -> Result<Option<FluxTable>, String> {
    value_column(table)?;
    Ok(Some(aggregate(
        table,
        DatumKind::Integer,
        Datum::Integer(i64::try_from(table.rows()).unwrap_or(i64::MAX)),
    )))
}

pub(super) fn sum(table: &FluxTable) -> Result<Option<FluxTable>, String> {
    let place = value_column(table)?;
    let kind = table.columns[place].kind;
    let mut total = match kind {
        DatumKind::Integer => Datum::Integer(0),
        DatumKind::Unsigned => Datum::Unsigned(0),
        DatumKind::Float => Datum::Float(0.0),
        other => return Err(format!("unsupported aggregate column type {}", other.name())),
    };
    for (segment, row) in table.each_row() {
        total = match (total, segment.datum(place, row)) {
            (Datum::Integer(a), Datum::Integer(b)) => Datum::Integer(a.wrapping_add(b)),
            (Datum::Unsigned(a), Datum::Unsigned(b)) => Datum::Unsigned(a.wrapping_add(b)),
            (Datum::Float(a), Datum::Float(b)) => Datum::Float(a + b),
            (total, _) => total,
        };
    }
    Ok(Some(aggregate(table, kind, total)))
}

/// `sum()` in the engine, which takes it over from right behind a read: one window per series from 1970 on, and the value
/// before the tags.
pub(super) fn engine_sum(table: &FluxTable) -> Result<Option<FluxTable>, String> {
    let Some(sums) = sum(table)? else { return Ok(None) };
    let value = sums.columns.len() - 1;
    let mut sums = sums.select(&[&[0, 1, value], &(2..value).collect::<Vec<_>>()[..]].concat());
    for segment in &mut sums.segments {
        if let [RunCell::Same(Datum::Time(start)), RunCell::Same(Datum::Time(stop)), ..] =
            &mut segment.cells[..]
            && *stop > 0
        {
            *start = (*start).max(0);
        }
    }
    Ok(Some(sums))
}

/// `first()` and `last()` in the engine: by place, not by time.
pub(super) fn edge(table: &FluxTable, first: bool) -> Option<FluxTable> {
    let (segment, row) = if first { table.each_row().next() } else { table.each_row().last() }?;
    Some(table.only_row(segment, row))
}

/// `limit(n: ...)`.
pub(super) fn limit(mut table: FluxTable, rows: usize) -> FluxTable {
    let mut left = rows;
    for segment in &mut table.segments {
        segment.rows.end = segment.rows.end.min(segment.rows.start.saturating_add(left));
        left -= segment.rows.len();
    }
    table.segments.retain(|segment| !segment.rows.is_empty());
    table
}

/// `sort(columns: [...], desc: ...)`: rows that are equal in these keep their order.
pub(super) fn sort(table: &FluxTable, by: &[Vec<u8>], descends: bool) -> FluxTable {
    let places: Vec<_> = by.iter().filter_map(|label| table.column(label)).collect();
    let mut rows: Vec<_> = table.each_row().collect();
    let order = |a: &(&Segment, usize), b: &(&Segment, usize)| {
        let order = |&place: &usize| a.0.datum(place, a.1).order(&b.0.datum(place, b.1));
        places.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    };
    rows.sort_by(|a, b| if descends { order(b, a) } else { order(a, b) });
    let rows = rows.into_iter().flat_map(|(segment, row)| table.only_row(segment, row).segments);
    FluxTable::new(table.columns.clone(), rows.collect())
}

/// The first row with the smallest or largest value of `column`.
pub(super) fn extreme(
    table: &FluxTable,
    column: &[u8],
    largest: bool,
) -> Result<Option<FluxTable>, String> {
    let place = table
        .column(column)
        .ok_or_else(|| format!("no column \"{}\" exists", String::from_utf8_lossy(column)))?;
    let mut best: Option<(&Segment, usize, Datum)> = None;
    for (segment, row) in table.each_row() {
        let datum = segment.datum(place, row);
        if datum == Datum::Null {
            continue;
        }
        let better = best.as_ref().is_none_or(|(_, _, known)| {
            if largest { datum.order(known).is_gt() } else { datum.order(known).is_lt() }
        });
        if better {
            best = Some((segment, row, datum));
        }
    }
    Ok(best.map(|(segment, row, _)| table.only_row(segment, row)))
}

/// The rows for which `keeps` holds; a table without any vanishes.
pub(super) fn filter(
    table: &FluxTable,
    keeps: impl Fn(&dyn Fn(&[u8]) -> Datum) -> bool,
) -> Option<FluxTable> {
    let mut kept = FluxTable::new(table.columns.clone(), Vec::new());
    for (segment, row) in table.each_row() {
        let column = |label: &[u8]| {
            table.column(label).map_or(Datum::Null, |place| segment.datum(place, row))
        };
        if !keeps(&column) {
            continue;
        }
        match kept.segments.last_mut() {
            Some(last) if Arc::ptr_eq(&last.chunk, &segment.chunk) && last.rows.end == row => {
                last.rows.end += 1;
            }
            _ => kept.segments.push(Segment {
                cells: segment.cells.clone(),
                chunk: Arc::clone(&segment.chunk),
                rows: row..row + 1,
            }),
        }
    }
    (!kept.segments.is_empty()).then_some(kept)
}

/// `map` that replaces texts in `_value`; as any record, the result has its columns sorted by name.
pub(super) fn replace_all(
    table: &FluxTable,
    replacements: &[(Vec<u8>, Vec<u8>)],
) -> Result<Option<FluxTable>, String> {
    let place = value_column(table)?;
    if table.columns[place].kind != DatumKind::String {
        return Err(format!("type conflict: string != {}", table.columns[place].kind.name()));
    }
    let escape = |text: &Arc<[u8]>| -> Arc<[u8]> {
        replacements.iter().fold(text.to_vec(), |text, (from, to)| replace(text, from, to)).into()
    };
    let mut mapped = table.clone();
    for segment in &mut mapped.segments {
        if let ColumnValues::String(values) = &segment.chunk.values {
            let values = ColumnValues::String(values.iter().map(escape).collect());
            segment.chunk = Arc::new(Chunk { times: segment.chunk.times.clone(), values });
        }
        if let RunCell::Same(Datum::String(text)) = &mut segment.cells[place] {
            *text = escape(text);
        }
    }
    let mut places: Vec<_> = (0..mapped.columns.len()).collect();
    places.sort_by(|&a, &b| mapped.columns[a].label.cmp(&mapped.columns[b].label));
    Ok(Some(mapped.select(&places)))
}
