//! What a run prints: every screen is a golden file, and no name or number makes a screen break its bounds.

#![expect(clippy::unwrap_used, reason = "what the helpers of the tests unwrap is theirs")]

mod fixture;
mod golden;
mod live;
mod states;
mod widths;
