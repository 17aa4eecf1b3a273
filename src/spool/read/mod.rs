//! From files to frames, and to what can be told of them.

pub(super) mod checked_file;
pub(crate) mod describe;
pub(super) mod file_reader;
pub(crate) mod frames;
pub(crate) mod proof;
pub(crate) mod stored;
pub(crate) mod tables;
