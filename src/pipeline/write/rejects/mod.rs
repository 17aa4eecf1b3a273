//! Refused values: counted against their limit from where they are refused, kept until their batch is committed, then in the
//! rejects file.

pub mod file;
pub mod limit;
pub mod refusals;
mod sections;
mod spill;
