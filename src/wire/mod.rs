//! Bytes to frames and back, and the texts of the queries. No IO, no clock, no async, no log.

pub mod answer;
pub mod csv;
pub mod flux;
pub mod frames;
pub mod influxql;
pub mod line;
mod number;
