//! Refused values: counted against their limit from where they are refused, kept until their batch is committed, then in the
//! rejects file.

pub(crate) mod file;
pub(crate) mod limit;
pub(crate) mod missing;
pub(crate) mod refusals;
mod regular;
mod sections;
mod spill;
