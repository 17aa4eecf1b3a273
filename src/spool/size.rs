//! What values take in a spool, found out without writing one.

use std::collections::BTreeMap;

use super::block;
use super::columns::Shape;
use super::error::Error;
use super::sorted::HeldPart;
use super::write::{FileWriter, Purpose};
use crate::model::frame::Frame;

/// The end of a Parquet file: the length of its footer, and four letters.
const TAIL_BYTES: usize = 8;

/// Values in the form of a spool's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoded {
    /// Values.
    pub values: u64,
    /// Their bytes: columns and the indexes of their pages.
    pub bytes: u64,
    /// Bytes that each file has besides, however much it holds: its footer.
    pub footer_bytes: u64,
}

impl Encoded {
    /// Encodes frames of one measurement as one file would hold them. All of it is kept in memory meanwhile.
    pub fn of(frames: Vec<Frame>) -> Result<Self, Error> {
        let Some(first) = frames.first() else { return Ok(Self::default()) };
        let measurement = first.measurement.clone();
        let values = frames.iter().map(|frame| frame.values).sum();
        let mut shapes = BTreeMap::new();
        frames.iter().for_each(|frame| block::add_shapes(frame, &mut shapes));
        let columns = Shape::of_all(&shapes).columns(&measurement, |_, _| true);
        let mut writer = FileWriter::new("a sample".to_owned(), columns, Purpose::Keep, Vec::new());
        for block in HeldPart::new(frames) {
            writer.push(&block?)?;
        }
        let (file, _) = writer.finish(&[])?;
        let footer_bytes = footer_bytes(&file);
        Ok(Self { values, bytes: file.len() as u64 - footer_bytes, footer_bytes })
    }

    /// Both together; the larger footer counts.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            bytes: self.bytes + other.bytes,
            footer_bytes: self.footer_bytes.max(other.footer_bytes),
        }
    }
}

fn footer_bytes(file: &[u8]) -> u64 {
    let tail = file.last_chunk::<TAIL_BYTES>().expect("a Parquet file ends so");
    let [a, b, c, d, ..] = *tail;
    u64::from(u32::from_le_bytes([a, b, c, d])) + TAIL_BYTES as u64
}
