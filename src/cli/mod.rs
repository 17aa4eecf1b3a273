//! What the user typed, and nothing more: no environment, no file, no judgement beyond spelling. [`argv::parse_argv`] is the
//! door: it refuses anything that looks like a token before the parser can repeat it in a message.
//!
//! Flags are those of [`crate::config::table`], and stay text here: [`crate::config`] reads them, the `SLUICE_*` variables
//! and the TOML file in one way, so a value means the same wherever it stands. Only what names the files of one run, or
//! says what is done, is a flag of its own here.

pub(crate) mod args;
pub(crate) mod argv;
pub(crate) mod bench;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod flags;
pub(crate) mod forms;
mod help;
pub(crate) mod job;
pub(crate) mod load;
pub(crate) mod pages;
mod place;
pub(crate) mod spool;
pub(crate) mod status;
pub(crate) mod verify;
