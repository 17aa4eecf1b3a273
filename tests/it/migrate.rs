//! Whole migrations between simulated servers, through the library.

mod believed;
mod clash;
mod faults;
mod foretold;
mod golden;
mod orgs;
mod plan;
mod preflight;
mod rejects;
mod requests;
mod resume;
mod scale;
mod staged;
mod transports;
mod whole;
