//! The values of frames one by one, so that two readings of the same can be held against each other, however each of them
//! is cut into frames and lines.

use std::collections::BTreeSet;

use arrow::array::AsArray as _;
use arrow::datatypes::TimestampNanosecondType;

use super::each::value_at;
use crate::model::frame::Frame;
use crate::model::held_value::HeldValue;
use crate::model::series::{Name, Series};
use crate::model::time::TimeRange;

/// What of some frames is compared.
pub(crate) struct WantedValues<'a> {
    /// Values of these times.
    pub range: TimeRange,
    /// Of series for which this is true.
    pub series: &'a (dyn Fn(&Series) -> bool + Sync),
    /// Of fields for which this is true, by measurement and field.
    pub field: &'a (dyn Fn(&Name, &Name) -> bool + Sync),
}

impl std::fmt::Debug for WantedValues<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("range", &self.range).finish_non_exhaustive()
    }
}

/// All values of the frames.
pub(crate) fn all(frames: &[Frame]) -> BTreeSet<Vec<u8>> {
    some(frames, &WantedValues { range: TimeRange::ALL, series: &|_| true, field: &|_, _| true })
}

/// Those that are wanted: each as bytes that are the same only for the same series, field, type, time and value. Carriage
/// returns of strings are left out, because Flux' CSV drops them.
///
/// # Panics
///
/// If the columns of a frame are not of the types that [`Frame`] promises.
pub(crate) fn some(frames: &[Frame], wanted: &WantedValues<'_>) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for frame in frames {
        let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let mut start = 0;
        for run in &frame.runs {
            let own = &times[start..run.end_row];
            let first = start + own.partition_point(|time| *time < wanted.range.start.ns());
            let end = start + own.partition_point(|time| *time < wanted.range.stop.ns());
            start = run.end_row;
            if first >= end || !(wanted.series)(&run.series) {
                continue;
            }
            for ((name, kind), column) in frame.fields.iter().zip(&frame.batch.columns()[1..]) {
                if !(wanted.field)(&frame.measurement, name) {
                    continue;
                }
                let mut key = Vec::new();
                put_series(&mut key, &run.series);
                put(&mut key, name);
                put(&mut key, kind.name().as_bytes());
                for row in (first..end).filter(|row| column.is_valid(*row)) {
                    let mut value = key.clone();
                    value.extend_from_slice(&times[row].to_be_bytes());
                    put_value(&mut value, &value_at(column.as_ref(), row));
                    found.insert(value);
                }
            }
        }
    }
    found
}

/// The measurement of a value that [`all`] or [`some`] gave.
///
/// # Panics
///
/// If the bytes come from elsewhere.
pub(crate) fn measurement_of(value: &[u8]) -> &[u8] {
    let (length, rest) = value.split_first_chunk().expect("a value begins with a length");
    &rest[..usize::try_from(u64::from_be_bytes(*length)).expect("a length of this process")]
}

fn put(key: &mut Vec<u8>, bytes: &[u8]) {
    key.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    key.extend_from_slice(bytes);
}

fn put_series(key: &mut Vec<u8>, series: &Series) {
    put(key, &series.measurement);
    key.extend_from_slice(&(series.tags.len() as u64).to_be_bytes());
    for (tag, value) in &series.tags {
        put(key, tag);
        put(key, value);
    }
}

fn put_value(key: &mut Vec<u8>, value: &HeldValue) {
    match value {
        HeldValue::Float(bits) => key.extend_from_slice(&bits.to_be_bytes()),
        HeldValue::Integer(value) => key.extend_from_slice(&value.to_be_bytes()),
        HeldValue::Unsigned(value) => key.extend_from_slice(&value.to_be_bytes()),
        HeldValue::Boolean(value) => key.push(u8::from(*value)),
        HeldValue::String(text) => key.extend(text.iter().filter(|byte| **byte != b'\r')),
    }
}
