//! What the user typed, and nothing more: no environment, no file, no judgement beyond spelling. [`argv::parse`] is the
//! door: it refuses anything that looks like a token before the parser can repeat it in a message.
//!
//! Flags of a job stay text here. [`crate::config`] reads them, the `SLUICE_*` variables and the TOML file in one way,
//! so a value means the same wherever it stands.

pub mod args;
pub mod argv;
pub mod bench;
pub mod demo;
pub mod export;
mod help;
pub mod job;
pub mod load;
pub mod pages;
pub mod spool;
