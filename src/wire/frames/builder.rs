//! Rows of many series to frames.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, TimeUnit};

use super::column::{Texts, Values};
use crate::limits;
use crate::model::frame::{FieldType, Frame, Run};
use crate::model::series::{Name, Series, schema_label};

/// A field on its way into a frame.
#[derive(Debug, Clone, Copy)]
pub(in crate::wire) struct Member<'a> {
    pub(in crate::wire) name: &'a Name,
    pub(in crate::wire) values: &'a Values,
    /// Times of its values, or `None` if it has a value in every row.
    pub(in crate::wire) times: Option<&'a [i64]>,
}

/// True if so few of the cells hold values that they should not stand in one frame.
pub(in crate::wire) fn is_too_sparse(cells: usize, values: usize) -> bool {
    cells > limits::FRAME_CELLS_SPARSE_MAX
        && cells > values.saturating_mul(limits::FRAME_CELLS_PER_VALUE_MAX)
}

/// A field column that is being filled. It may be shorter than the frame: the rest is null.
struct Column {
    name: Name,
    values: Values,
    valid: NullBufferBuilder,
}

impl Column {
    fn new(name: &Name, kind: FieldType) -> Self {
        Self { name: name.clone(), values: Values::new(kind), valid: NullBufferBuilder::new(0) }
    }

    fn pad_to(&mut self, rows: usize) {
        let missing = rows - self.values.len();
        if missing > 0 {
            self.values.pad(missing);
            self.valid.append_n_nulls(missing);
        }
    }

    /// Appends values for some of the rows at these times; gives how many.
    fn take_sparse(&mut self, values: &Values, own: &[i64], times: &[i64]) -> usize {
        let Some(first) = times.first() else { return 0 };
        let at = own.partition_point(|time| time < first);
        self.values.extend_at(values, own, at, times, &mut self.valid)
    }
}

/// Collects rows of one measurement and one type set; gives a frame when there are enough.
#[derive(Default)]
pub(in crate::wire) struct FrameBuilder {
    measurement: Name,
    times: Vec<i64>,
    columns: Vec<Column>,
    runs: Vec<Run>,
    values: usize,
    /// Column of each member, while a part is appended.
    targets: Vec<usize>,
}

impl FrameBuilder {
    /// Appends rows of one series: these times, with these fields.
    pub(in crate::wire) fn append(
        &mut self,
        series: &Arc<Series>,
        times: &[i64],
        members: &[Member<'_>],
        frames: &mut Vec<Frame>,
    ) {
        if !self.fits(series, times.len(), members) {
            self.end(frames);
        }
        let mut done = 0;
        while done < times.len() {
            if self.times.is_empty() {
                self.measurement.clone_from(&series.measurement);
            }
            let room = limits::FRAME_ROWS_MAX - self.times.len();
            let rows = done..times.len().min(done + room);
            self.append_rows(series, times, rows.clone(), members);
            done = rows.end;
            if self.is_full() {
                self.end(frames);
            }
        }
    }

    fn is_full(&self) -> bool {
        let text_bytes: usize = self.columns.iter().map(|column| column.values.text_bytes()).sum();
        self.times.len() >= limits::FRAME_ROWS_TARGET
            || self.values >= limits::FRAME_VALUES_TARGET
            || text_bytes >= limits::FRAME_STRING_BYTES_TARGET
    }

    fn append_rows(
        &mut self,
        series: &Arc<Series>,
        times: &[i64],
        rows: Range<usize>,
        members: &[Member<'_>],
    ) {
        self.find_targets(members);
        for (member, target) in members.iter().zip(&self.targets) {
            let column = &mut self.columns[*target];
            column.pad_to(self.times.len());
            self.values += match member.times {
                None => {
                    column.values.extend(member.values, rows.clone());
                    column.valid.append_n_non_nulls(rows.len());
                    rows.len()
                }
                Some(own) => column.take_sparse(member.values, own, &times[rows.clone()]),
            };
        }
        self.times.extend_from_slice(&times[rows]);
        let end_row = self.times.len();
        match self.runs.last_mut() {
            Some(run)
                if run.series == *series
                    && self.times[run.end_row - 1] < self.times[run.end_row] =>
            {
                run.end_row = end_row;
            }
            _ => self.runs.push(Run { end_row, series: Arc::clone(series) }),
        }
    }

    /// True if the part can join the rows that are here.
    fn fits(&mut self, series: &Series, rows: usize, members: &[Member<'_>]) -> bool {
        if self.times.is_empty() {
            return true;
        }
        if self.measurement != series.measurement {
            return false;
        }
        let mut columns = self.columns.len();
        let mut values = self.values;
        let mut expected = 0;
        for member in members {
            values += member.values.len();
            match self.find(member.name, expected) {
                Some(at) if self.columns[at].values.kind() != member.values.kind() => return false,
                Some(at) => expected = at + 1,
                None => columns += 1,
            }
        }
        !is_too_sparse(columns * (self.times.len() + rows), values)
    }

    fn find_targets(&mut self, members: &[Member<'_>]) {
        self.targets.clear();
        let mut expected = 0;
        for Member { name, values, .. } in members {
            let at = self.find(name, expected).unwrap_or_else(|| {
                self.columns.push(Column::new(name, values.kind()));
                self.columns.len() - 1
            });
            self.targets.push(at);
            expected = at + 1;
        }
    }

    /// The column of that name; most series have the same fields in the same order, so the expected place is tried first.
    fn find(&self, name: &Name, expected: usize) -> Option<usize> {
        if self.columns.get(expected).is_some_and(|column| column.name == *name) {
            return Some(expected);
        }
        self.columns.iter().position(|column| column.name == *name)
    }

    /// Gives the rows collected so far as a frame.
    pub(in crate::wire) fn end(&mut self, frames: &mut Vec<Frame>) {
        let builder = std::mem::take(self);
        if !builder.times.is_empty() {
            frames.push(builder.into_frame());
        }
    }

    fn into_frame(self) -> Frame {
        let rows = self.times.len();
        let times = TimestampNanosecondArray::from(self.times).with_timezone("UTC");
        let time_type = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        let mut arrow_fields = vec![ArrowField::new("time", time_type, false)];
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
        let mut fields = Vec::with_capacity(self.columns.len());
        for mut column in self.columns {
            column.pad_to(rows);
            let kind = column.values.kind();
            let array = into_array(column.values, column.valid.finish());
            arrow_fields.push(ArrowField::new(
                schema_label(&column.name),
                array.data_type().clone(),
                true,
            ));
            arrays.push(array);
            fields.push((column.name, kind));
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(arrow_fields)), arrays)
            .expect("the schema is made of these arrays, and all have one length");
        Frame {
            measurement: self.measurement,
            fields,
            batch,
            runs: self.runs,
            values: self.values as u64,
        }
    }
}

impl std::fmt::Debug for FrameBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameBuilder")
            .field("rows", &self.times.len())
            .field("columns", &self.columns.len())
            .finish_non_exhaustive()
    }
}

fn into_array(values: Values, nulls: Option<NullBuffer>) -> ArrayRef {
    match values {
        Values::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
        Values::Integer(values) => Arc::new(Int64Array::new(values.into(), nulls)),
        Values::Unsigned(values) => Arc::new(UInt64Array::new(values.into(), nulls)),
        Values::Boolean(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
        Values::Text(texts) => text_array(texts, nulls),
    }
}

/// Utf8, or Binary if one of the strings is not UTF-8.
fn text_array(texts: Texts, nulls: Option<NullBuffer>) -> ArrayRef {
    let (offsets, bytes) = (OffsetBuffer::new(texts.offsets.into()), Buffer::from_vec(texts.bytes));
    match StringArray::try_new(offsets.clone(), bytes.clone(), nulls.clone()) {
        Ok(array) => Arc::new(array),
        Err(_) => Arc::new(BinaryArray::new(offsets, bytes, nulls)),
    }
}
