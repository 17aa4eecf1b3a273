//! What was written, recorded: strictly in sequence.

pub mod committer;
pub mod store;
