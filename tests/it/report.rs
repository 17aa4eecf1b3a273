//! What a run prints: every screen is a golden file that a real run has drawn, and no name or number makes a screen break
//! its bounds.

#![expect(clippy::unwrap_used, reason = "what the helpers of the tests unwrap is theirs")]

mod fixture;
mod golden;
mod live;
mod looks;
mod masks;
mod runs;
mod states;
mod widths;
