//! A bucket, read: a batch in slices, a slice in requests, an answer in frames. A batch counts as read only once it is held
//! against the source's own count, and what was not read in plain Flux against samples of that.

mod against_flux;
pub(crate) mod answer;
mod asked_for;
pub(crate) mod batch;
pub(crate) mod failure;
pub(crate) mod fetch;
pub(crate) mod reader;
pub(crate) mod relist;
pub(crate) mod restored;
pub(crate) mod slice;
pub(crate) mod witness;
