//! Which rows of a file may lie in a range: row groups by the statistics of the time, pages by its page index. What is
//! not known to lie outside is read.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::columns::TIME_AT;
use super::times;
use crate::model::time::TimeRange;
use crate::model::time_type::TimeType;

/// The row groups to read, and which of their rows.
pub(crate) fn within(
    metadata: &ParquetMetaData,
    time: TimeType,
    range: TimeRange,
) -> Result<(Vec<usize>, RowSelection), &'static str> {
    let touches = |min: Option<i64>, max: Option<i64>| {
        let ns = |stored: Option<i64>| stored.and_then(|stored| times::ns_of(stored, time));
        ns(min).is_none_or(|min| min < range.stop.ns())
            && ns(max).is_none_or(|max| max >= range.start.ns())
    };
    let (mut groups, mut rows, mut total) = (Vec::new(), Vec::new(), 0_usize);
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let statistics = group.column(TIME_AT).statistics();
        if let Some(Statistics::Int64(span)) = statistics
            && !touches(span.min_opt().copied(), span.max_opt().copied())
        {
            continue;
        }
        let count = usize::try_from(group.num_rows()).map_err(|_| "a negative number of rows")?;
        let own = pages(metadata, at, count, touches)?;
        let next = total.checked_add(count).ok_or("more rows than can be counted")?;
        rows.extend(own.into_iter().map(|rows| rows.start + total..rows.end + total));
        total = next;
        groups.push(at);
    }
    Ok((groups, RowSelection::from_consecutive_ranges(rows.into_iter(), total)))
}

/// The rows of the pages that may hold something: all, where the file does not tell.
fn pages(
    metadata: &ParquetMetaData,
    group: usize,
    count: usize,
    touches: impl Fn(Option<i64>, Option<i64>) -> bool,
) -> Result<Vec<Range<usize>>, &'static str> {
    let index = metadata.page_index();
    let known = index.and_then(|index| {
        let ColumnIndexMetaData::INT64(span) = index.column_index(group, TIME_AT)? else {
            return None;
        };
        Some((span, index.page_locations(group, TIME_AT)?))
    });
    let Some((span, pages)) = known else { return Ok(std::iter::once(0..count).collect()) };
    let first = |page: usize| pages.get(page).map_or(Ok(count), |p| p.first_row_index.try_into());
    let mut rows = Vec::new();
    for page in 0..pages.len() {
        let bounds = first(page).and_then(|start| Ok(start..first(page + 1)?));
        let own = bounds.ok().filter(|own| own.start <= own.end && own.end <= count);
        let own = own.ok_or("pages that are in no order")?;
        let (min, max) = (span.min_values().get(page), span.max_values().get(page));
        if touches(min.copied(), max.copied()) {
            rows.push(own);
        }
    }
    Ok(rows)
}
