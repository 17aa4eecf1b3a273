//! HTTP to InfluxDB: the only place of reqwest and governor.

pub mod signal;
