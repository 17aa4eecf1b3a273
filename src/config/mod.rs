//! The checked configuration. What was typed, the `SLUICE_*` variables, the TOML file, the record of an official task
//! and the influx CLI profiles come in; one [`job::JobConfig`] comes out, in the parts that their users take.
//!
//! ```text
//! typed + Env --inputs::load_layers--> layers::Layers --inputs::Inputs--> job::JobConfig
//!     (the only file access)  flag > task > env > file    (checked)
//! ```
//!
//! [`table`] has every flag: how it is spelt, told and read. A flag is added by a line there and a field of the part that
//! takes it. A value stays text with its [`origin::ValueOrigin`] until its flag reads it, so each error names the flag,
//! variable or key that is to be changed. A token is never part of an error.

pub mod bench;
pub mod demo;
pub mod ends;
pub mod env;
pub mod error;
pub mod export;
pub mod file;
pub mod flag;
pub mod given;
pub mod grammar;
pub mod inputs;
pub mod job;
pub mod layers;
pub mod origin;
pub mod profile;
pub mod range;
pub mod scope;
pub mod shown;
mod suggest;
pub mod table;
pub mod task_record;
pub mod values;
