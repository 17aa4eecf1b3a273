//! HTTP to InfluxDB: the only place of reqwest and governor.
//!
//! [`client`] sends requests and tries again; what is asked stands on it, in `query`, [`influxql`], [`bucket`], [`org`] and
//! [`api`]; [`stream`] hands out the bytes of one query; [`classify`] says what an answer means and what to do about it;
//! [`gate`] holds all requests of a side back after a 429 or 503; [`quota`] paces reading so that no 429 is provoked.
//! `docs/limits-and-retries.md` tells operators the same.
//!
//! Invariants: an answer that ended improperly is never taken for whole; a token is sent to the configured host
//! only and printed nowhere; a client of the source sends nothing that writes.

pub(crate) mod api;
pub(crate) mod backoff;
mod body;
pub(crate) mod bucket;
pub(crate) mod classify;
pub(crate) mod client;
pub(crate) mod contact;
mod credentials;
mod diagnosis;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod gate;
pub(crate) mod id;
pub(crate) mod influxql;
mod json;
pub(crate) mod org;
mod proxy;
mod query;
pub(crate) mod query_text;
pub(crate) mod quota;
pub(crate) mod secrets;
pub(crate) mod signal;
pub(crate) mod stream;
pub(crate) mod template_fault;
pub(crate) mod templates;
pub(crate) mod token;
mod transport;
pub(crate) mod trust;
mod watch;

pub use body::{Gunzip, pack};
