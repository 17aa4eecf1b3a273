//! From files to frames, and to what can be told of them.

pub(super) mod checked_file;
pub mod describe;
pub(super) mod file_reader;
pub mod proof;
pub mod stored;
pub mod tables;
