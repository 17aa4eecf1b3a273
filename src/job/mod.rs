//! From a checked config to a running pipeline, for every command that moves values or looks at what would be moved.
//!
//! ```text
//! load_config -> Ends -> source_facts, destination_facts -> judge -> quota -> prepare -> run
//!                                                                              |
//!                                       begin or begin_spool, then plan_run ---+
//! ```
//!
//! [`heart`] beats beside the run. [`load_spool`] goes the same way with a spool as the source. [`signals`] hears SIGINT and SIGTERM meanwhile, [`shown`] is
//! what a person sees and is asked, [`error`](mod@error) and [`exit_code`] are what can go wrong.

pub(crate) mod begin;
pub(crate) mod begin_spool;
pub(crate) mod buckets;
pub(crate) mod contact;
pub(crate) mod dashboard;
mod dashboard_error;
pub(crate) mod destination_facts;
pub(crate) mod ends;
pub(crate) mod error;
pub(crate) mod exit_code;
mod fields;
mod foreign;
pub(crate) mod heart;
pub(crate) mod judge;
mod known_jobs;
pub(crate) mod load_config;
pub(crate) mod load_spool;
pub(crate) mod matched;
pub(crate) mod names;
pub(crate) mod opened_spool;
mod orgs;
pub(crate) mod place;
pub(crate) mod plan_run;
pub(crate) mod prepare;
mod proof;
pub(crate) mod quota;
pub(crate) mod read_back;
pub(crate) mod receipt_check;
mod receipt_error;
pub(crate) mod receipt_file;
pub(crate) mod refusals;
pub(crate) mod run;
pub(crate) mod shown;
pub(crate) mod signals;
pub(crate) mod source_facts;
pub(crate) mod spool_part;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod whole_file;
