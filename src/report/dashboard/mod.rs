//! A dashboard over the records of a batch bucket: one table of cells, and its two forms, for InfluxDB and for Grafana.

pub(crate) mod cells;
mod grafana;
mod names;
mod query;
mod template;

pub use grafana::grafana;
pub(crate) use names::{stack_name, title};
pub use template::template;
