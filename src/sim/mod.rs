//! Simulated InfluxDB Cloud and OSS servers, shared by `sluice demo` and the tests.
//!
//! A [`Server`] listens on loopback and answers with the bytes that InfluxDB OSS 2.9.1 answers, quirks included: it is
//! held against recorded exchanges byte for byte. It reads line protocol with a parser of its own, answers the Flux
//! that sluice sends and its InfluxQL, meters a read quota in fixed windows, and misbehaves on
//! command ([`FaultScript`]). Answers are streamed, so that a large bucket needs no large answer in memory.
//!
//! Nothing here knows how sluice works: the module uses plain data only, so that a mistake of the product cannot
//! hide in its own mirror.

mod alias;
mod api;
mod chunk;
mod clock;
mod connection;
mod damage;
mod dbrp;
mod digest;
mod faults;
mod flux;
mod forget;
mod http;
mod influxql;
mod line;
mod points;
mod query;
mod quota;
mod regex;
mod respond;
mod rows;
mod send;
mod server;
mod settings;
mod store;
mod text;
pub mod tsbs;
mod write;

pub use chunk::{Column, FieldType, Value};
pub use clock::Clock;
pub use dbrp::Dbrp;
pub use faults::{Change, DamageEnd, Fault, FaultScript, Forgotten, Matcher, Place, Rule, When};
pub use quota::{Quota, QuotaSettings};
pub use server::{RequestRecord, Server};
pub use settings::{Kind, Permission, ServerSettings, Task, TimeoutForm, Token};
pub use store::{BucketInfo, Store, StoredValue};
