//! `aggregateWindow` with `sum`: pieces of time, each with what comes in it.

use super::cell::{Datum, DatumKind, FluxColumn, Segment};
use super::mutate;
use super::table::FluxTable;

/// Windows of one table that are answered at the most.
const WINDOWS_MAX: i64 = 1_000_000;

/// The sums of the windows of `every` nanoseconds that meet the range of the table, at the ends of the windows; nothing for
/// those that hold none.
pub(super) fn sums(table: &FluxTable, every: i64) -> Result<Option<FluxTable>, String> {
    let place = |label: &str| {
        table.column(label.as_bytes()).ok_or_else(|| format!("missing time column \"{label}\""))
    };
    let value = place("_value")?;
    place("_time")?;
    let (start, stop) = (place("_start")?, place("_stop")?);
    let Some((segment, row)) = table.each_row().next() else { return Ok(None) };
    let (Datum::Time(start), Datum::Time(stop)) =
        (segment.datum(start, row), segment.datum(stop, row))
    else {
        return Err("no bounds".to_owned());
    };
    if every <= 0 || (stop - start) / every > WINDOWS_MAX {
        return Err("such windows are not simulated".to_owned());
    }
    let (mut head, mut columns) = (Vec::new(), Vec::new());
    for (at, column) in table.columns.iter().enumerate() {
        if column.key {
            head.push(segment.datum(at, row));
            columns.push(column.clone());
        }
    }
    // The columns of the answer: bounds, time, value, and what stays of the group key.
    columns.splice(
        2..2,
        [
            FluxColumn::new(b"_time", DatumKind::Time, false),
            FluxColumn::new(b"_value", table.columns[value].kind, false),
        ],
    );
    let mut segments = Vec::new();
    let mut from = start.div_euclid(every) * every;
    while from < stop {
        let inside = mutate::filter(
            table,
            |row| matches!(row(b"_time"), Datum::Time(at) if at >= from.max(start) && at < from + every),
        );
        let sum = match inside {
            None => Datum::Null,
            Some(inside) => match mutate::sum(&inside)? {
                Some(sum) => sum.segments[0].datum(sum.columns.len() - 1, 0),
                None => Datum::Null,
            },
        };
        let mut cells = head.clone();
        cells.splice(2..2, [Datum::Time((from + every).min(stop)), sum]);
        segments.push(Segment::row(cells));
        from += every;
    }
    Ok(Some(FluxTable::new(columns, segments)))
}
