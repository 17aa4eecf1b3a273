//! Rows of many series to frames, whatever the format they came in.
//!
//! - [`series_of`]: how an answer names its series, and how the series is restored where it names only a key.
//! - `column`: values of one field. `wide`: rows of one series with all their fields, as InfluxQL and pivot send them.
//! - `merge`: the fields of one series joined on time. `builder`: rows to frames.
//! - [`totals`], [`suspect`]: what a complete answer held, and where it was not exact.
//! - [`values`], [`each`]: values one by one, to hold two readings of the same against each other.

pub(in crate::wire) mod builder;
pub(in crate::wire) mod column;
pub(crate) mod each;
pub(in crate::wire) mod merge;
pub(crate) mod series_of;
pub mod suspect;
pub(crate) mod totals;
pub(crate) mod values;
pub(in crate::wire) mod wide;
