//! Whole migrations between simulated servers, through the library.

mod faults;
mod golden;
mod whole;
