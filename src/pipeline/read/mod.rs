//! What is planned, read: a batch in slices, a slice in requests, an answer in frames.

pub mod batch;
pub mod fetch;
pub mod slice;
pub mod witness;
