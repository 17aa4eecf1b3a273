//! From frames to files that are kept.

pub(crate) mod batch;
mod batch_files;
pub(crate) mod compact;
mod file_writer;
mod open;
mod parts;
pub(crate) mod size;
mod sorted;
mod weave;
pub(crate) mod writable;
