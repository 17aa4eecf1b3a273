//! What is read, decided: what the source counts, how each measurement is read, and the slices. Nothing is read here.
//!
//! Of a bucket: [`counter`] walks over the plan by the source's own counts ([`count`]); [`choice`] and [`catalogue`] find a
//! transport for each measurement, and [`cost`] what its values cost; [`parts`], [`request`] and
//! [`slice`](mod@slice) say who is asked what. A [`spool`] knows its own counts.

use std::ops::Range;

use crate::model::time::TimeRange;

pub mod catalogue;
pub mod choice;
pub mod cost;
pub mod count;
pub mod counter;
pub mod emptiness;
pub mod one_count;
pub mod parts;
pub mod request;
pub mod request_text;
pub mod series_group;
pub mod slice;
pub mod spool;

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
