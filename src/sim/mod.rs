//! Simulated InfluxDB Cloud and OSS servers, shared by `sluice demo` and the tests.
//!
//! A [`Server`] listens on loopback and answers with the bytes that InfluxDB OSS 2.9.1 answers, quirks included: it is
//! held against recorded exchanges byte for byte. It reads line protocol with a parser of its own, answers the Flux
//! that sluice sends and its InfluxQL, meters a read quota in fixed windows, and misbehaves on
//! command ([`FaultScript`]). Answers are streamed, so that a large bucket needs no large answer in memory.
//!
//! Nothing here knows how sluice works: the module uses plain data only, so that a mistake of the product cannot
//! hide in its own mirror.

mod api;
mod clock;
mod data;
mod faults;
mod flux;
mod go;
mod http;
mod influxql;
mod serve;
mod settings;
pub mod tsbs;
mod view;

pub use clock::Clock;
pub use data::bucket::BucketInfo;
pub use data::chunk::{Value, Values};
pub use data::store::{Store, StoredValue};
pub use faults::fault::{Change, DamageEnd, Fault, Forgotten, Place, When};
pub use faults::script::{FaultScript, Matcher, Rule};
pub use serve::quota::Quota;
pub use serve::server::Server;
pub use serve::state::RequestRecord;
pub use settings::{
    Dbrp, Kind, Permission, QuotaSettings, ServerSettings, Task, TimeoutForm, Token,
};
