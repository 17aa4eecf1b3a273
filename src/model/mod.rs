//! Plain data that every part agrees on: times and ranges, batches, series, frames; and how numbers are written. No IO, no async.

pub(crate) mod batch;
pub(crate) mod canary;
pub(crate) mod catalogue;
pub(crate) mod content_digest;
pub(crate) mod density;
pub(crate) mod filter;
pub(crate) mod foretold;
pub(crate) mod frame;
pub(crate) mod held_value;
pub(crate) mod interval;
pub(crate) mod measurement_digests;
pub(crate) mod nearest;
pub(crate) mod number;
pub(crate) mod point;
pub(crate) mod printable;
pub(crate) mod random;
pub(crate) mod scale;
pub(crate) mod schema;
pub(crate) mod series;
pub(crate) mod share;
pub(crate) mod side;
pub(crate) mod spread;
pub(crate) mod time;
pub(crate) mod time_type;
pub(crate) mod transport;
