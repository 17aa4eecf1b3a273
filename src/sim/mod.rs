//! Simulated InfluxDB Cloud and OSS servers, shared by `sluice demo` and the tests.
//!
//! A [`Server`] listens on loopback and answers with the bytes that InfluxDB OSS 2.9.1 answers, quirks included: it is
//! held against recorded exchanges byte for byte. It reads line protocol with a parser of its own, answers the Flux
//! that sluice sends and its InfluxQL, meters a read quota in fixed windows, and misbehaves on
//! command ([`FaultScript`]). Answers are streamed, so that a large bucket needs no large answer in memory.
//!
//! Nothing here knows how sluice works: the module uses plain data only, so that a mistake of the product cannot
//! hide in its own mirror.
//!
//! Lower modules know nothing of the higher ones:
//!
//! | modules | what |
//! |---|---|
//! | `serve` | the listener, the connections, and what strikes them |
//! | `api` | the endpoints |
//! | `flux`, `influxql` | the two languages, strangers to each other |
//! | `view` | a server as the one who asks sees it |
//! | `settings` | how a server is set up |
//! | `faults` | what can go wrong, and for which requests |
//! | `data`, `http` | what a server holds, and how lines get into it; requests and replies |
//! | `go`, `clock` | what Go does with numbers, texts and patterns; the wall clock |

mod api;
mod clock;
mod data;
mod dbrp;
mod faults;
mod flux;
mod go;
mod http;
mod influxql;
mod serve;
mod settings;
pub(crate) mod tsbs;
mod view;

pub use clock::ServerClock;
pub use data::chunk::{ColumnValues, Value};
pub use data::store::{BucketStore, StoredValue};
pub use dbrp::Dbrp;
pub use faults::fault::{DamageEnd, DamagePlace, Fault, Forgotten, StoreChange, When};
pub use faults::script::{FaultScript, Matcher, Rule};
pub use serve::server::Server;
pub use serve::state::RequestRecord;
pub use settings::{AccessToken, FluxTask, Permission, ReadQuota, ServerSettings, TimeoutForm};
