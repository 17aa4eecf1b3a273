//! How far one batch is, for the reporter: sums over all its slices and tries.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::PROGRESS_STEP_BYTES;
use crate::model::time::TimeRange;
use crate::pipeline::event::{Event, EventSink};

/// Running sums of one batch.
pub(crate) struct BatchProgress {
    batch: TimeRange,
    events: EventSink,
    values_read: AtomicU64,
    values_written: AtomicU64,
    bytes_read: AtomicU64,
}

impl fmt::Debug for BatchProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchProgress").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl BatchProgress {
    /// Of a batch that is opened.
    pub(crate) fn new(batch: TimeRange, events: EventSink) -> Self {
        Self {
            batch,
            events,
            values_read: AtomicU64::new(0),
            values_written: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
        }
    }

    /// The batch.
    pub(crate) fn batch(&self) -> TimeRange {
        self.batch
    }

    /// So many more bytes came; told once per [`PROGRESS_STEP_BYTES`].
    pub(crate) fn bytes(&self, more: u64) {
        let before = self.bytes_read.fetch_add(more, Ordering::Relaxed);
        if before / PROGRESS_STEP_BYTES != (before + more) / PROGRESS_STEP_BYTES {
            self.tell();
        }
    }

    /// A slice is done.
    pub(crate) fn values(&self, read: u64, written: u64) {
        self.values_read.fetch_add(read, Ordering::Relaxed);
        self.values_written.fetch_add(written, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        (self.events)(Event::BatchProgress {
            batch: self.batch,
            values_read: self.values_read.load(Ordering::Relaxed),
            values_written: self.values_written.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
        });
    }
}
