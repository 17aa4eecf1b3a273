//! Bytes to frames and back, and the texts of the queries. No IO, no clock, no async, no log.

pub(crate) mod answer;
pub(crate) mod csv;
pub(crate) mod flux;
pub(crate) mod frames;
pub(crate) mod influxql;
pub(crate) mod line;
mod number;
