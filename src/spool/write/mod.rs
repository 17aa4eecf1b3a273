//! From frames to files that are kept.

pub mod batch;
mod batch_files;
pub mod compact;
mod file_writer;
mod open;
mod parts;
pub mod size;
mod sorted;
mod weave;
pub mod writable;
