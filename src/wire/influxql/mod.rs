//! InfluxQL, the answers of `/query`: texts of the statements, small JSON answers, and series streamed to frames.

pub mod query;
pub mod show;
