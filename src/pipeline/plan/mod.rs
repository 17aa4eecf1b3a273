//! What is read, decided: what the source counts, how each measurement is read, and the slices. Nothing is read here.
//!
//! Of a bucket: [`counter`] walks over the plan by the source's own counts ([`count`]); [`choice`] and [`catalogue`] find a
//! transport for each measurement, and [`cost`] what its values cost; [`parts`], [`request`] and
//! [`slice`](mod@slice) say who is asked what. A [`spool`] knows its own counts.

use std::ops::Range;

use crate::model::time::TimeRange;

mod by_kind;
pub(crate) mod catalogue;
pub(crate) mod choice;
pub(crate) mod cost;
pub(crate) mod count;
pub(crate) mod counter;
pub(crate) mod emptiness;
pub(crate) mod measurement_part;
pub(crate) mod one_count;
pub(crate) mod parts;
pub(crate) mod request;
pub(crate) mod request_text;
pub(crate) mod series_group;
pub(crate) mod slice;
pub(crate) mod spool;

/// What comes next in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextBatch<T> {
    /// Batches without a value.
    Empty(Range<u64>),
    /// One that holds something.
    Batch {
        /// Its number.
        seq: u64,
        /// Its range.
        range: TimeRange,
        /// What it holds: counted windows of a bucket, or files of a spool.
        holds: T,
    },
}
