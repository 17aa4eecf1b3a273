//! A bucket, read: a batch in slices, a slice in requests, an answer in frames. A batch counts as read only once it is held
//! against the source's own count, and what was not read in plain Flux against samples of that.

mod against_flux;
pub mod answer;
pub mod batch;
pub mod failure;
pub mod fetch;
pub mod reader;
pub mod slice;
pub mod witness;
