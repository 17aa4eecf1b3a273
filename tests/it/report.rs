//! What a run prints: every screen is a golden file, and no name or number makes a screen break its bounds.

mod fixture;
mod golden;
mod live;
mod states;
mod widths;
