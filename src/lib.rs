//! sluice moves a bucket from InfluxDB Cloud to InfluxDB OSS 2.x: all of it, exactly, restartable at any
//! instant, within the source's read quota.
//!
//! ```text
//!              tokio                          rayon                tokio, bodies in flight     ordered committer
//! plan -> survey -> fetch + decode --frames--> merge + encode --bodies--> write --acks--> batch complete -> checkpoint
//!           |        ^ governor, 90 s deadline                              |
//!           +--------+------------------ events -> report (bars, plain lines, JSON lines)
//! ```
//!
//! Modules have ranks, and a module uses only modules of lower rank (a test reads this table and the `use` lines):
//!
//! | rank | modules | what |
//! |---|---|---|
//! | 8 | [`program`], [`testing`], `main`, the crate root | parse, run, print the error chain; the one door for tests and benches |
//! | 7 | [`commands`] | one file per command |
//! | 6 | [`cli`], [`job`] | the command line: what the user typed; from a checked config to a running pipeline |
//! | 5 | [`config`] | every flag; what was typed, the environment and the files, checked once |
//! | 4 | [`report`], [`bench`](mod@bench), [`estimate`] | listens to events and prints; trials of settings and what follows from them; what a run will take |
//! | 3 | [`pipeline`], [`sim`] | the stages; the simulated Cloud and OSS servers |
//! | 2 | [`influx`], [`spool`] | HTTP: the only place of reqwest and governor; Parquet: the only place of parquet and object_store |
//! | 1 | [`wire`], [`checkpoint`], [`lock_file`], [`new_files`] | bytes to frames and back, query texts; records, identity, watermark; locks of the system; folders that are only looked at |
//! | 0 | [`model`], [`limits`], [`exit`] | plain data; every bound; the exit codes |
//!
//! To read the program: [`pipeline`], then `wire::csv::decoder` and `wire::influxql::decoder`, then [`checkpoint`].

// They panic where a stream does not take the line: `report::stream` prints.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod checkpoint;
mod cli;
mod commands;
mod config;
mod estimate;
mod exit;
mod influx;
mod job;
mod limits;
mod lock_file;
mod model;
mod new_files;
mod pipeline;
pub mod program;
mod report;
mod sim;
mod spool;
pub mod testing;
mod wire;
