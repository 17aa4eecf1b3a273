//! What is read, decided: how time is cut, what the source counts, how each measurement is read, and the slices.
//!
//! Reading order: [`time`] (windows and slices), [`window`] and [`count`] (the source's own counts), [`counter`] (the walk over
//! the plan), [`choice`] and [`catalogue`] (a transport for each measurement), [`parts`] and [`target`] (who is asked what). A plan without a run
//! adds [`tally`] (exact sums over the whole range), [`sample`] (what a value costs), [`look`] (both for
//! each measurement) and [`forecast`] (their arithmetic).

pub mod catalogue;
pub mod choice;
pub mod count;
pub mod counter;
pub mod forecast;
pub mod look;
pub mod parts;
pub mod sample;
pub mod slice;
pub mod tally;
pub mod target;
