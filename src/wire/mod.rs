//! Bytes to frames and back, and the texts of the queries. No IO, no clock, no async, no log.

pub mod csv;
pub mod flux;
pub mod influxql;
pub mod line;
