//! The endpoints.

mod buckets;
mod dbrps;
mod delete;
mod flux;
mod health;
mod influxql;
mod orgs;
pub(super) mod respond;
mod tasks;
mod templates;
mod write;
