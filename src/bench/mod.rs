//! Which batch interval, transport, concurrency and size of bodies suit a source: trials, and what follows from them.
//!
//! ```text
//! sample (where) + setting (what) -> schedule (which trial next, within the budget) -> a trial -> record (raw, kept)
//!          extrapolate (the whole migration) <- statistics (median, spread) <----------------------+
//!          recommend (the setting, its margin, what limits it) -> verdict (kept)   compare (two recorded benches)
//! ```
//!
//! Everything here is plain data and arithmetic: the same numbers and the same seed give the same answer. The trials
//! themselves are run by the command, with the stages of a migration; [`simulate`] is a source that is only computed.
//! [`html`] is the page that shows all of it.

pub(crate) mod compare;
mod cost;
pub(crate) mod csv;
pub(crate) mod extrapolate;
pub(crate) mod html;
pub(crate) mod recommend;
pub(crate) mod record;
pub(crate) mod sample;
pub(crate) mod schedule;
pub(crate) mod setting;
pub(crate) mod simulate;
pub(crate) mod statistics;
mod text;
pub(crate) mod verdict;
