//! What a complete answer held.

use super::suspect::Suspects;
use crate::model::frame::Frame;
use crate::model::time::Timestamp;

/// What a complete answer held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// Field values: cells that are not null.
    pub values: u64,
    /// Values of each statement of the request, in their order; a Flux query counts as one.
    pub values_by_statement: Vec<u64>,
    /// Rows of frames, which become lines.
    pub rows: u64,
    /// Tables: stretches of one series, in narrow answers of one series and field.
    pub tables: u64,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Earliest time of a value.
    pub time_min: Option<Timestamp>,
    /// Latest time of a value.
    pub time_max: Option<Timestamp>,
    /// Names and values that lost a carriage return; Flux only.
    pub suspects: Suspects,
}

impl Totals {
    /// Takes note of the time of a value.
    pub(in crate::wire) fn see(&mut self, time: i64) {
        let time = Timestamp::from_ns(time);
        self.time_min = Some(self.time_min.map_or(time, |min| min.min(time)));
        self.time_max = self.time_max.max(Some(time));
    }
}

/// Rows of some frames together.
pub(in crate::wire) fn rows_of(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| frame.rows() as u64).sum()
}
