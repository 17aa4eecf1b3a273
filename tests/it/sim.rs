//! The simulated servers: against recorded answers of InfluxDB OSS 2.9.1, and as a client sees them misbehave.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod behaviour;
mod changes;
mod damage;
mod influxql;
mod mappings;
pub(crate) mod msgpack;
mod recorded;
mod refusals;
mod store;
mod unreadable;
