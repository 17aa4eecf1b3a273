//! What was written, recorded: strictly in sequence.

pub mod committer;
pub mod complete;
pub mod keeper;
pub mod records;
pub mod store;
