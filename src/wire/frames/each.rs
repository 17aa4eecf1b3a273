//! The values of a frame one by one, and frames of single values.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};

use super::builder::{FrameBuilder, Member};
use super::column::Values;
use crate::limits::FRAME_STRING_BYTES_TARGET;
use crate::model::frame::{FieldType, Frame};
use crate::model::held_value::HeldValue;
use crate::model::series::{Name, Series};
use crate::model::time::Timestamp;

/// Gives each value with its time, and with what `key` makes of its series and field.
///
/// # Panics
///
/// If the columns of the frame are not of the types that [`Frame`] promises.
pub(crate) fn each_value<K: Copy>(
    frame: &Frame,
    mut key: impl FnMut(&Series, &Name) -> K,
    mut take: impl FnMut(K, Timestamp, HeldValue),
) {
    let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    for ((field, _), column) in frame.fields.iter().zip(&frame.batch.columns()[1..]) {
        let mut start = 0;
        for run in &frame.runs {
            let key = key(&run.series, field);
            for row in (start..run.end_row).filter(|row| column.is_valid(*row)) {
                let value = value_at(column.as_ref(), row);
                take(key, Timestamp::from_ns(times[row]), value);
            }
            start = run.end_row;
        }
    }
}

/// Frames of some values; those of one series and field rise in time.
pub(crate) fn frames_of<'a>(
    values: impl Iterator<Item = (&'a Series, &'a Name, Timestamp, &'a HeldValue)>,
) -> Vec<Frame> {
    let mut columns: BTreeMap<(&Series, &Name, FieldType), (Vec<i64>, Values)> = BTreeMap::new();
    let (mut builder, mut frames) = (FrameBuilder::default(), Vec::new());
    let mut add = |(series, field): (&Series, &Name), times: &[i64], values: &Values| {
        let members = [Member { name: field, values, times: None }];
        builder.append(&Arc::new(series.clone()), times, &members, &mut frames);
    };
    for (series, field, time, value) in values {
        let key = (series, field, value.kind());
        let (times, column) =
            columns.entry(key).or_insert_with(|| (Vec::new(), Values::new(value.kind())));
        times.push(time.ns());
        column.push(value);
        if column.text_bytes() >= FRAME_STRING_BYTES_TARGET {
            add((series, field), times, column);
            times.clear();
            column.restart(value.kind());
        }
    }
    for ((series, field, _), (times, column)) in &columns {
        add((series, field), times, column);
    }
    builder.end(&mut frames);
    frames
}

/// The value of a row that holds one.
pub(super) fn value_at(column: &dyn Array, row: usize) -> HeldValue {
    match column.data_type() {
        DataType::Float64 => {
            HeldValue::Float(column.as_primitive::<Float64Type>().value(row).to_bits())
        }
        DataType::Int64 => HeldValue::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => HeldValue::Unsigned(column.as_primitive::<UInt64Type>().value(row)),
        DataType::Boolean => HeldValue::Boolean(column.as_boolean().value(row)),
        DataType::Utf8 => HeldValue::String(column.as_string::<i32>().value(row).as_bytes().into()),
        _ => HeldValue::String(column.as_binary::<i32>().value(row).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FRAME_ROWS_TARGET;

    #[test]
    fn frames_give_back_the_values_that_they_were_made_of() {
        let series = |host: &str| {
            Series::new(*b"cpu", [(b"host".as_slice().into(), host.as_bytes().into())])
        };
        let (a, b) = (series("a"), series("b"));
        let (f, s): (Name, Name) = (b"f".as_slice().into(), b"s".as_slice().into());
        let mut values = Vec::new();
        for at in 0..i64::try_from(FRAME_ROWS_TARGET).unwrap() + 10 {
            let time = Timestamp::from_ns(at);
            values.push((&a, &f, time, HeldValue::Float((-0.0_f64).to_bits())));
            if at % 7 == 0 {
                values.push((&b, &f, time, HeldValue::Integer(at)));
                values.push((&a, &s, time, HeldValue::String(Name::from(&b"\xff\r"[..]))));
            }
        }
        values.push((&b, &s, Timestamp::MAX, HeldValue::Boolean(true)));
        values.push((&b, &f, Timestamp::MAX, HeldValue::Unsigned(u64::MAX)));
        let given =
            values.iter().map(|(series, field, time, value)| (*series, *field, *time, value));
        let mut found = Vec::new();
        for frame in frames_of(given) {
            let key = |series: &Series, field: &Name| (*series == a, *field == f);
            let take = |(is_a, is_f), time, value| {
                found.push((if is_a { &a } else { &b }, if is_f { &f } else { &s }, time, value));
            };
            each_value(&frame, key, take);
        }
        let sorted = |mut values: Vec<(&Series, &Name, Timestamp, HeldValue)>| {
            values.sort_by_key(|(series, field, time, value)| {
                (format!("{series}"), (*field).clone(), *time, format!("{value:?}"))
            });
            values.into_iter().map(|value| format!("{value:?}")).collect::<Vec<_>>()
        };
        assert_eq!(sorted(found), sorted(values));
    }
}
