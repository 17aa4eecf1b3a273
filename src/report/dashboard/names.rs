//! What the dashboard of a batch bucket is called.

/// What the dashboard is called.
pub(crate) fn title(batch_bucket: &str) -> String {
    format!("sluice: {batch_bucket}")
}

/// What it is about.
pub(super) fn about(batch_bucket: &str) -> String {
    format!(
        "Progress of the jobs in the bucket {batch_bucket}, from the records that sluice keeps there"
    )
}

/// The name of the stack at the server: what was installed, and is found again by it.
pub(crate) fn stack_name(batch_bucket: &str) -> String {
    format!("sluice dashboard of {batch_bucket}")
}
