//! A checkpoint in the batch bucket: records of the official form, under a lease.

pub mod batch_bucket;
pub mod records;
