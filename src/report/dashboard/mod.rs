//! A dashboard over the records of a batch bucket: one table of cells, and its two forms, for InfluxDB and for Grafana.

pub(crate) mod cells;
mod grafana;
mod query;
mod template;

pub use grafana::grafana;
pub(crate) use template::stack_name;
pub use template::template;

/// What the dashboard is called.
pub(crate) fn title(batch_bucket: &str) -> String {
    format!("sluice: {batch_bucket}")
}

/// What it is about.
fn about(batch_bucket: &str) -> String {
    format!(
        "Progress of the jobs in the bucket {batch_bucket}, from the records that sluice keeps there"
    )
}
