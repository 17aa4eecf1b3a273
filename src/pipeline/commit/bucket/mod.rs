//! A checkpoint in the batch bucket: records of the official form, under a lease.

pub(crate) mod batch_bucket;
pub(crate) mod records;
pub(crate) mod seen_jobs;
