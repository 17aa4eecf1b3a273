//! Whole migrations between simulated servers, through the library.

mod believed;
mod clash;
mod contact;
mod faults;
mod first_group;
mod foretold;
mod golden;
mod lookups;
mod misspelt;
mod orgs;
mod partly_staged;
mod plan;
mod preflight;
mod refusals;
mod rejects;
mod rejects_file;
mod requests;
mod resume;
mod retagged;
mod scale;
mod staged;
mod transports;
mod uncountable;
mod whole;
