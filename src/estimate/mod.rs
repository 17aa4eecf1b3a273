//! What `plan`, `--dry-run` and `bench` foretell of a run, from the source's own counts and small samples. Nothing is written.
//!
//! [`tally`] counts a whole range; [`look`] chooses for a measurement as a run would, and has each [`sample`] read;
//! [`measurements`] and [`fields`] are what was seen of all of them, [`forecast`] the arithmetic. [`outlook`] says it in
//! short. [`interval`] is the batch interval that nobody gave.

pub(crate) mod fields;
pub(crate) mod forecast;
pub(crate) mod interval;
pub(crate) mod look;
pub(crate) mod measurements;
pub(crate) mod outlook;
pub(crate) mod sample;
pub(crate) mod tally;
