//! What values take in a spool, found out without writing one.

use std::collections::BTreeMap;

use super::file_writer::{FileWriter, Purpose};
use super::sorted::HeldPart;
use crate::model::frame::Frame;
use crate::model::scale::scaled;
use crate::model::time::{TimeRange, Timestamp};
use crate::spool::error::Error;
use crate::spool::format::block;
use crate::spool::format::columns::Shape;

/// The end of a Parquet file: the length of its footer, and four letters.
const TAIL_BYTES: usize = 8;

/// Values in the form of a spool's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EncodedSize {
    /// Values.
    pub values: u64,
    /// Bytes that grow with them.
    pub bytes: u64,
    /// Bytes that each file has besides, however much it holds.
    pub file_bytes: u64,
}

impl EncodedSize {
    /// Encodes frames of one measurement as one file would hold them, once all of their time and once the first half of
    /// it: the difference is what more values cost. All of it is kept in memory meanwhile.
    pub(crate) fn of(frames: Vec<Frame>) -> Result<Self, Error> {
        let times = || frames.iter().flat_map(block::times);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return Ok(Self::default());
        };
        let middle = first.midpoint(*last).saturating_add(1);
        let half = TimeRange::new(Timestamp::from_ns(*first), Timestamp::from_ns(middle));
        let half: Vec<_> = frames.iter().filter_map(|frame| block::inside(frame, half)).collect();
        let (half_values, values) = (held(&half), held(&frames));
        let (half, whole) = (encode(half)?, encode(frames)?);
        let more = values - half_values;
        let bytes = match more {
            0 => whole.bytes - whole.footer_bytes,
            more => scaled(whole.bytes.saturating_sub(half.bytes), values, more),
        };
        let bytes = bytes.min(whole.bytes - whole.footer_bytes);
        Ok(Self { values, bytes, file_bytes: whole.bytes - bytes })
    }

    /// Both together; the larger file counts.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            bytes: self.bytes + other.bytes,
            file_bytes: self.file_bytes.max(other.file_bytes),
        }
    }
}

fn held(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| frame.values).sum()
}

/// A file of frames.
#[derive(Debug, Clone, Copy)]
struct Length {
    bytes: u64,
    footer_bytes: u64,
}

fn encode(frames: Vec<Frame>) -> Result<Length, Error> {
    let Some(first) = frames.first() else { return Ok(Length { bytes: 0, footer_bytes: 0 }) };
    let measurement = first.measurement.clone();
    let mut shapes = BTreeMap::new();
    for frame in &frames {
        block::add_shapes(frame, &mut shapes);
    }
    let columns = Shape::of_all(&shapes).columns(&measurement, |_, _| true);
    let mut writer = FileWriter::new("a sample".to_owned(), columns, Purpose::Keep, Vec::new());
    for block in HeldPart::new(frames) {
        writer.push(&block?)?;
    }
    let (file, _) = writer.finish(&[])?;
    Ok(Length { bytes: file.len() as u64, footer_bytes: footer_bytes(&file) })
}

fn footer_bytes(file: &[u8]) -> u64 {
    let tail = file.last_chunk::<TAIL_BYTES>().expect("a Parquet file ends so");
    let [a, b, c, d, ..] = *tail;
    u64::from(u32::from_le_bytes([a, b, c, d])) + TAIL_BYTES as u64
}
