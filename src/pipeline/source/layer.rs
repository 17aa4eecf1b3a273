//! Windows: parts of a batch that one query reads whole, with the source's own count of what is in them.

use std::collections::BTreeMap;

use crate::model::series::Name;
use crate::model::time::TimeRange;

/// Which values of a range are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// What Flux reads, but for fields of several types.
    Plain,
    /// Fields of several types: read by Flux inside windows that hold one type.
    Mixed,
    /// Measurements that only InfluxQL reads.
    InfluxqlOnly,
    /// What Flux reads at the largest time, in a form of its own.
    LargestTime,
}

/// A counted part of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// The part.
    pub range: TimeRange,
    /// Which of its values.
    pub layer: Layer,
    /// Values by measurement. The layer of mixed fields is not divided: it has one entry, with an empty name.
    pub counts: BTreeMap<Name, u64>,
}

impl Window {
    /// Values of all measurements.
    pub(crate) fn values(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// Values of several windows.
pub(crate) fn values_in(windows: &[Window]) -> u64 {
    windows.iter().map(Window::values).sum()
}
