//! The checked configuration. What was typed, the `SLUICE_*` variables, the TOML file, the record of an official task
//! and the influx CLI profiles come in; one [`job::MigrateConfig`] comes out, which the commands take apart.
//!
//! ```text
//! cli::JobArgs + Env --inputs::Inputs::load--> texts --layers::Settings--> layers --job::MigrateConfig--> checked
//!                     (the only file access)             flag > task > env > file
//! ```
//!
//! Every value stays text with its [`origin::Origin`] until [`job`] reads it, so each error names the flag,
//! variable or key that is to be changed. A token is never part of an error.

pub mod bench;
pub mod demo;
pub mod ends;
pub mod env;
pub mod error;
pub mod export;
pub mod file;
pub mod given;
pub mod grammar;
pub mod inputs;
pub mod job;
pub mod layers;
pub mod origin;
pub mod profile;
mod range;
mod suggest;
pub mod table;
pub mod task_record;
