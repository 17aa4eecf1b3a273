//! Blocks: frames on their way into and out of files. A block is a [`Frame`] that may hold one field in several types.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, BooleanArray, RecordBatch, StringArray,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::filter;
use arrow::datatypes::{DataType, Field, Schema, TimestampNanosecondType};

use super::columns::{self, Shape};
use super::name::Month;
use crate::limits::{SPOOL_BLOCK_BYTES_TARGET, SPOOL_BLOCK_ROWS_MAX, SPOOL_BLOCK_ROWS_MIN};
use crate::model::frame::{FieldType, Frame, Run};
use crate::model::series::{Name, Series, schema_label};
use crate::model::time::{TimeRange, Timestamp};

/// The times of the rows.
pub(crate) fn times(block: &Frame) -> &[i64] {
    block.batch.column(0).as_primitive::<TimestampNanosecondType>().values()
}

/// A block of these arrays; the first is the time.
pub(crate) fn of(
    measurement: Name,
    fields: Vec<(Name, FieldType)>,
    arrays: Vec<ArrayRef>,
    runs: Vec<Run>,
) -> Frame {
    let labels = fields.iter().map(|(name, _)| schema_label(name));
    let labels = std::iter::once(columns::TIME.to_owned()).chain(labels);
    let schema: Vec<_> = labels
        .zip(&arrays)
        .enumerate()
        .map(|(at, (label, array))| Field::new(label, array.data_type().clone(), at > 0))
        .collect();
    let values = arrays[1..].iter().map(|array| count(array)).sum();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays)
        .expect("the schema is made of these arrays, and all have one length");
    Frame { measurement, fields, batch, runs, values }
}

/// Cells that are not null.
pub(crate) fn count(array: &dyn Array) -> u64 {
    (array.len() - array.null_count()) as u64
}

/// About how much memory the block takes, its series included.
pub(crate) fn bytes(block: &Frame) -> usize {
    let columns: usize = block.batch.columns().iter().map(column_bytes).sum();
    let mut series = 0;
    let mut last: Option<&Arc<Series>> = None;
    for run in &block.runs {
        if last.is_none_or(|last| !Arc::ptr_eq(last, &run.series)) {
            series += run.series.tags.iter().map(|(k, v)| k.len() + v.len() + 64).sum::<usize>();
        }
        last = Some(&run.series);
    }
    columns + series + block.runs.len() * size_of::<Run>()
}

fn column_bytes(array: &ArrayRef) -> usize {
    let width = match array.data_type() {
        DataType::Boolean => 1,
        DataType::Utf8 | DataType::Binary => 4,
        _ => 8,
    };
    array.len() * width + string_bytes(array)
}

/// Bytes of the strings of a column.
pub(crate) fn string_bytes(array: &ArrayRef) -> usize {
    let span = |offsets: &[i32]| {
        let ends = offsets.first().zip(offsets.last());
        ends.map_or(0, |(first, last)| usize::try_from(last - first).unwrap_or(0))
    };
    match array.data_type() {
        DataType::Utf8 => span(array.as_string::<i32>().value_offsets()),
        DataType::Binary => span(array.as_binary::<i32>().value_offsets()),
        _ => 0,
    }
}

/// The column as bytes, if it is not so yet.
pub(crate) fn as_binary(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8 => Arc::new(BinaryArray::from(array.as_string::<i32>().clone())),
        _ => Arc::clone(array),
    }
}

/// The column as text, if it is not so yet; `None` if one of its values is not UTF-8.
pub(crate) fn as_text(array: &ArrayRef) -> Option<ArrayRef> {
    if *array.data_type() != DataType::Binary {
        return Some(Arc::clone(array));
    }
    let texts = array.as_binary::<i32>().iter();
    let texts = texts.map(|text| text.map(std::str::from_utf8).transpose().ok());
    Some(Arc::new(texts.collect::<Option<StringArray>>()?))
}

/// A column without values.
pub(crate) fn nulls(kind: FieldType, binary: bool, rows: usize) -> ArrayRef {
    new_null_array(&columns::data_type(kind, binary), rows)
}

/// The order of rows: by the tags as columns in the order of their names, a missing one last.
pub(crate) fn by_tags(a: &Series, b: &Series) -> Ordering {
    let mut left = a.tags.iter();
    let mut right = b.tags.iter();
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            // The one that has a further tag stands before the one that does not have it.
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (Some((a_key, a_value)), Some((b_key, b_value))) => {
                match a_key.cmp(b_key).then_with(|| a_value.cmp(b_value)) {
                    Ordering::Equal => {}
                    // A smaller key means that the other one does not have it.
                    order => return order,
                }
            }
        }
    }
}

/// Rows of one series in one month, rising in time.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) month: Month,
    pub(crate) rows: Range<usize>,
    pub(crate) series: Arc<Series>,
}

/// The stretches of a block, in the order of its rows.
pub(crate) fn stretches(block: &Frame) -> Vec<Stretch> {
    let times = times(block);
    let mut stretches = Vec::with_capacity(block.runs.len());
    let (mut row, mut month, mut next_ns) = (0, None, None);
    for run in &block.runs {
        while row < run.end_row {
            let first = times[row];
            // Most runs lie in the month of the one before.
            let known = month.filter(|month: &(Month, i64)| {
                month.1 <= first && next_ns.is_none_or(|next| first < next)
            });
            let (of, since) =
                known.unwrap_or_else(|| (Month::of(Timestamp::from_ns(first)), first));
            if known.is_none() {
                next_ns = of.next_ns();
            }
            month = Some((of, since));
            let rows = &times[row..run.end_row];
            let inside = next_ns.map_or(rows.len(), |next| rows.partition_point(|ns| *ns < next));
            let series = Arc::clone(&run.series);
            stretches.push(Stretch { month: of, rows: row..row + inside, series });
            row += inside;
        }
    }
    stretches
}

/// Adds what the block holds to the shape of each of its months.
pub(crate) fn add_shapes(block: &Frame, shapes: &mut BTreeMap<Month, Shape>) {
    let mut last: Option<(Month, Arc<Series>)> = None;
    let mut rows: BTreeMap<Month, Vec<Range<usize>>> = BTreeMap::new();
    for Stretch { month, rows: own, series } in stretches(block) {
        let same = last.as_ref().is_some_and(|(m, s)| *m == month && Arc::ptr_eq(s, &series));
        if !same {
            shapes.entry(month).or_default().add_series(&series);
        }
        last = Some((month, series));
        rows.entry(month).or_default().push(own);
    }
    for ((name, kind), column) in block.fields.iter().zip(&block.batch.columns()[1..]) {
        let binary = *column.data_type() == DataType::Binary;
        for (month, ranges) in &rows {
            let values = if rows.len() == 1 {
                count(column)
            } else {
                ranges.iter().map(|own| count(&column.slice(own.start, own.len()))).sum()
            };
            shapes.entry(*month).or_default().add_field(name, *kind, values, binary);
        }
    }
}

/// The rows for which the mask is true.
fn retain(block: &Frame, mask: BooleanBuffer) -> Option<Frame> {
    let rows = mask.count_set_bits();
    if rows == 0 {
        return None;
    }
    if rows == mask.len() {
        return Some(block.clone());
    }
    let (mut runs, mut start, mut end_row) = (Vec::new(), 0, 0);
    for run in &block.runs {
        let kept = mask.slice(start, run.end_row - start).count_set_bits();
        if kept > 0 {
            end_row += kept;
            runs.push(Run { end_row, series: Arc::clone(&run.series) });
        }
        start = run.end_row;
    }
    let mask = BooleanArray::new(mask, None);
    let keep = |array: &ArrayRef| filter(array, &mask).expect("the mask is as long as the column");
    let arrays = block.batch.columns().iter().map(keep).collect();
    Some(of(block.measurement.clone(), block.fields.clone(), arrays, runs))
}

/// The rows inside of the range; `None` if there are none.
pub(crate) fn inside(block: &Frame, range: TimeRange) -> Option<Frame> {
    let times = times(block);
    let mask = BooleanBuffer::collect_bool(times.len(), |row| {
        range.contains(Timestamp::from_ns(times[row]))
    });
    retain(block, mask).map(|block| without_empty(&block, |_, _| true)).and_then(|kept| kept)
}

/// Some of the columns, without those that are empty, and the rows that hold a value in one of them.
pub(crate) fn without_empty(
    block: &Frame,
    keep: impl Fn(usize, &(Name, FieldType)) -> bool,
) -> Option<Frame> {
    let columns = &block.batch.columns()[1..];
    let kept: Vec<usize> = (0..columns.len())
        .filter(|at| keep(*at, &block.fields[*at]) && count(&columns[*at]) > 0)
        .collect();
    let fields: Vec<_> = kept.iter().map(|at| block.fields[*at].clone()).collect();
    let own = kept.iter().map(|at| Arc::clone(&columns[*at]));
    let arrays: Vec<_> = std::iter::once(Arc::clone(block.batch.column(0))).chain(own).collect();
    if kept.is_empty() {
        return None;
    }
    let filled = if arrays[1..].iter().any(|array| array.null_count() == 0) {
        None
    } else {
        let nulls = arrays[1..].iter().filter_map(|array| array.nulls().map(NullBuffer::inner));
        nulls.cloned().reduce(|all, one| &all | &one)
    };
    let block = if kept.len() == columns.len() {
        block.clone()
    } else {
        of(block.measurement.clone(), fields, arrays, block.runs.clone())
    };
    match filled {
        Some(filled) => retain(&block, filled),
        None => Some(block),
    }
}

/// Frames in which each field has one type: a block with a field in several types becomes several frames.
pub(crate) fn frames(block: &Frame) -> Vec<Frame> {
    // How often the name of each column stood before it; equal names are neighbours.
    let mut layers = Vec::with_capacity(block.fields.len());
    for (at, (name, _)) in block.fields.iter().enumerate() {
        let again = at > 0 && block.fields[at - 1].0 == *name;
        layers.push(if again { layers[at - 1] + 1 } else { 0usize });
    }
    let last = layers.iter().copied().max().unwrap_or(0);
    (0..=last).filter_map(|layer| without_empty(block, |at, _| layers[at] == layer)).collect()
}

/// Rows of a block for rows of this size.
pub(crate) fn block_rows(bytes_per_row: usize) -> usize {
    (SPOOL_BLOCK_BYTES_TARGET / bytes_per_row.max(1))
        .clamp(SPOOL_BLOCK_ROWS_MIN, SPOOL_BLOCK_ROWS_MAX)
}
