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

pub(crate) mod bench;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod ends;
pub(crate) mod env;
pub(crate) mod error;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod flag;
pub(crate) mod given;
pub(crate) mod grammar;
pub(crate) mod inputs;
pub(crate) mod job;
pub(crate) mod layers;
pub(crate) mod origin;
pub(crate) mod profile;
pub(crate) mod range;
pub(crate) mod scope;
pub(crate) mod shown;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod task_record;
pub(crate) mod values;
pub(crate) mod verify;
