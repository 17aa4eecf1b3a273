//! A digest of content that does not depend on its order.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BinaryArray, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};
use ring::digest::{Context, SHA256};

use crate::model::frame::{FieldType, Frame};
use crate::model::held_value::HeldValue;
use crate::model::series::Series;
use crate::model::time::Timestamp;

/// The digest of a set of values: the sum of 128 bits for each, so neither the order of the values nor how they were
/// cut into frames, files and batches matters. It finds accidents, not malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentDigest([u64; 2]);

impl ContentDigest {
    /// Adds all values of a frame.
    ///
    /// # Panics
    ///
    /// If the columns of the frame are not of the types that [`Frame`] promises.
    pub fn add_frame(&mut self, frame: &Frame) {
        let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let fields: Vec<_> = frame.fields.iter().map(|(name, kind)| key_of(*kind, name)).collect();
        let mut row = 0;
        for run in &frame.runs {
            let series = series_key(&run.series);
            for (field, column) in fields.iter().zip(&frame.batch.columns()[1..]) {
                let key = DigestKey::mixed(series, *field);
                self.add_column(key, times, row..run.end_row, column.as_ref());
            }
            row = run.end_row;
        }
    }

    /// Adds one value.
    pub(crate) fn add_held(
        &mut self,
        series: &Series,
        field: &[u8],
        time: Timestamp,
        value: &HeldValue,
    ) {
        let bits = match value {
            HeldValue::Float(bits) => *bits,
            HeldValue::Integer(value) => value.cast_unsigned(),
            HeldValue::Unsigned(value) => *value,
            HeldValue::String(text) => bits_of(text),
            HeldValue::Boolean(value) => u64::from(*value),
        };
        self.add_value(DigestKey::of(series, value.kind(), field), time.ns(), bits);
    }

    /// Adds strings that are written over what came of them first: the same without their carriage returns. That is taken away.
    pub(crate) fn add_restored(&mut self, frame: &Frame) {
        self.add_frame(frame);
        let mut first = Self::default();
        first.add_frame(&without_returns(frame));
        self.take_away(first);
    }

    /// Takes values away that were added before, or will be.
    pub(crate) fn take_away(&mut self, other: Self) {
        self.0[0] = self.0[0].wrapping_sub(other.0[0]);
        self.0[1] = self.0[1].wrapping_sub(other.0[1]);
    }

    fn add_column(
        &mut self,
        key: DigestKey,
        times: &[i64],
        rows: Range<usize>,
        column: &dyn Array,
    ) {
        let times = &times[rows.clone()];
        let valid = column.nulls().filter(|nulls| nulls.null_count() > 0);
        let valid = valid.map(|nulls| nulls.inner().slice(rows.start, rows.len()));
        match column.data_type() {
            DataType::Float64 => {
                let values = &column.as_primitive::<Float64Type>().values()[rows];
                self.add_values(key, times, valid, values.iter().map(|value| value.to_bits()));
            }
            DataType::Int64 => {
                let values = &column.as_primitive::<Int64Type>().values()[rows];
                self.add_values(key, times, valid, values.iter().map(|v| v.cast_unsigned()));
            }
            DataType::UInt64 => {
                let values = &column.as_primitive::<UInt64Type>().values()[rows];
                self.add_values(key, times, valid, values.iter().copied());
            }
            DataType::Boolean => {
                let values = column.as_boolean().values().slice(rows.start, rows.len());
                self.add_values(key, times, valid, values.iter().map(u64::from));
            }
            DataType::Utf8 => {
                let values = column.as_string::<i32>();
                let bits = rows.map(|row| bits_of(values.value(row).as_bytes()));
                self.add_values(key, times, valid, bits);
            }
            _ => {
                let values = column.as_binary::<i32>();
                self.add_values(key, times, valid, rows.map(|row| bits_of(values.value(row))));
            }
        }
    }

    /// Adds the bits of each value that is valid, if not all are.
    fn add_values(
        &mut self,
        key: DigestKey,
        times: &[i64],
        valid: Option<BooleanBuffer>,
        bits: impl Iterator<Item = u64>,
    ) {
        // Sums of their own stay in registers.
        let mut sum = Self::default();
        let values = times.iter().zip(bits);
        match valid {
            None => values.for_each(|(time, bits)| sum.add_value(key, *time, bits)),
            Some(valid) => {
                for ((time, bits), _) in values.zip(&valid).filter(|(_, is_valid)| *is_valid) {
                    sum.add_value(key, *time, bits);
                }
            }
        }
        self.add(sum);
    }

    /// Adds a value by its bits; the time is in nanoseconds.
    #[inline]
    pub fn add_value(&mut self, key: DigestKey, time: i64, bits: u64) {
        let time = time.cast_unsigned();
        self.0[0] = self.0[0].wrapping_add(mix(mix(key.0[0], time), bits));
        self.0[1] = self.0[1].wrapping_add(mix(mix(key.0[1], bits), time));
    }

    /// Its two halves.
    pub fn lanes(self) -> [u64; 2] {
        self.0
    }

    /// Adds all values of another set.
    pub fn add(&mut self, other: Self) {
        self.0[0] = self.0[0].wrapping_add(other.0[0]);
        self.0[1] = self.0[1].wrapping_add(other.0[1]);
    }
}

/// What all values of one series, field and type have in common.
#[derive(Debug, Clone, Copy)]
pub struct DigestKey([u64; 2]);

impl DigestKey {
    /// Of a series, and of a field of this type.
    pub fn of(series: &Series, kind: FieldType, field: &[u8]) -> Self {
        Self::mixed(series_key(series), key_of(kind, field))
    }

    fn mixed(series: [u64; 2], field: [u64; 2]) -> Self {
        Self([mix(series[0], field[0]), mix(series[1], field[1])])
    }
}

/// The frame as Flux brings it, without the carriage returns of its strings.
fn without_returns(frame: &Frame) -> Frame {
    let is_kept = |byte: &u8| *byte != b'\r';
    let stripped = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8 => {
                let texts = column.as_string::<i32>().iter();
                let texts = texts.map(|text| text.map(|text| text.replace('\r', "")));
                Arc::new(texts.collect::<StringArray>())
            }
            DataType::Binary => {
                let texts = column.as_binary::<i32>().iter();
                let strip =
                    |text: &[u8]| -> Vec<u8> { text.iter().copied().filter(is_kept).collect() };
                Arc::new(texts.map(|text| text.map(strip)).collect::<BinaryArray>())
            }
            _ => Arc::clone(column),
        }
    };
    let columns = frame.batch.columns().iter().map(stripped).collect();
    let batch = RecordBatch::try_new(frame.batch.schema(), columns);
    Frame { batch: batch.expect("columns of the same types and lengths"), ..frame.clone() }
}

/// 32 hexadecimal digits.
impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

/// A text that is no content digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no content digest")]
pub struct ParseDigestError(pub String);

impl FromStr for ContentDigest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lane = |part: Option<&str>| u64::from_str_radix(part?, 16).ok();
        match (text.len(), lane(text.get(..16)), lane(text.get(16..))) {
            (32, Some(first), Some(second)) => Ok(Self([first, second])),
            _ => Err(ParseDigestError(text.to_owned())),
        }
    }
}

fn series_key(series: &Series) -> [u64; 2] {
    let mut hash = Context::new(&SHA256);
    let mut put = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    put(&series.measurement);
    for (name, value) in &series.tags {
        put(name);
        put(value);
    }
    lanes(hash.finish().as_ref())
}

fn key_of(kind: FieldType, name: &[u8]) -> [u64; 2] {
    let mut hash = Context::new(&SHA256);
    hash.update(&[match kind {
        FieldType::Float => 0,
        FieldType::Integer => 1,
        FieldType::Unsigned => 2,
        FieldType::String => 3,
        FieldType::Boolean => 4,
    }]);
    hash.update(name);
    lanes(hash.finish().as_ref())
}

fn lanes(bytes: &[u8]) -> [u64; 2] {
    let lane = |at: usize| {
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("a SHA-256 has 32 bytes"))
    };
    [lane(0), lane(8)]
}

/// 64 bits of a string; the length goes in, so that zeros at the end count.
fn bits_of(text: &[u8]) -> u64 {
    let mut bits = mix(0x9e37_79b9_7f4a_7c15, text.len() as u64);
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        bits = mix(bits, u64::from_le_bytes(chunk.try_into().expect("chunks of 8 bytes")));
    }
    let rest = chunks.remainder().iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
    mix(bits, rest)
}

/// Both words into one; each bit of the input turns half of the output.
#[inline]
pub(crate) const fn mix(state: u64, word: u64) -> u64 {
    let mut bits = (state ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).rotate_left(29);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_back_what_they_print() {
        let digest = ContentDigest([1, u64::MAX]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in ["", "0", "0000000000000001fffffffffffffffg", "é00000000000001ffffffffffffffff"]
        {
            assert!(bad.parse::<ContentDigest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn strings_that_differ_in_zeros_differ() {
        let texts: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"\0\0\0\0\0\0\0\0", b"a", b"\0a"];
        let bits: std::collections::BTreeSet<_> = texts.iter().map(|text| bits_of(text)).collect();
        assert_eq!(bits.len(), texts.len());
    }
}
