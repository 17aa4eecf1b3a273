//! From a checked config to a running pipeline, for every command that moves values or looks at what would be moved.
//!
//! ```text
//! load_config -> Ends -> source_facts, destination_facts -> judge -> quota -> prepare -> run
//!                                                                              |
//!                                       begin or begin_spool, then plan_run ---+
//! ```
//!
//! [`load_spool`] goes the same way with a spool as the source. [`signals`] hears SIGINT and SIGTERM meanwhile, [`shown`] is
//! what a person sees and is asked, [`error`](mod@error) and [`exit_code`] are what can go wrong.

pub mod begin;
pub mod begin_spool;
pub mod buckets;
pub mod destination_facts;
pub mod ends;
pub mod error;
pub mod exit_code;
pub mod judge;
mod known_jobs;
pub mod load_config;
pub mod load_spool;
pub mod names;
mod orgs;
pub mod plan_run;
pub mod prepare;
pub mod quota;
pub mod run;
pub mod shown;
pub mod signals;
pub mod source_facts;
pub mod spool_part;
