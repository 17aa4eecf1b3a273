//! Plain data that every part agrees on: times and ranges, batches, series, frames; and how numbers are written. No IO, no async.

pub mod batch;
pub mod canary;
pub mod catalogue;
pub mod density;
pub mod filter;
pub mod foretold;
pub mod frame;
pub mod interval;
pub mod number;
pub mod point;
pub mod random;
pub mod scale;
pub mod schema;
pub mod series;
pub mod share;
pub mod side;
pub mod spread;
pub mod time;
pub mod time_type;
pub mod transport;
