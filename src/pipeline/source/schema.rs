//! Measurements, their fields with all types, and their tag keys, as InfluxQL shows them.

use std::collections::BTreeMap;

use crate::influx::client::Client;
use crate::influx::influxql::Database;
use crate::model::schema::FieldTypes;
use crate::pipeline::error::Error;
use crate::wire::influxql::show::AnswerError;
use crate::wire::influxql::{query, show};

/// What InfluxQL shows of a bucket.
#[derive(Debug, Clone, Default)]
pub struct InfluxqlSchema {
    /// All fields, with every type each one has.
    pub types: FieldTypes,
    /// Tag keys by measurement; none where the server does not tell them for this bucket.
    pub tag_keys: Option<BTreeMap<String, Vec<String>>>,
}

impl InfluxqlSchema {
    /// Asks for it; or why the server does not tell. Refusals are normal: Cloud answers InfluxQL only for buckets with a
    /// DBRP mapping.
    pub async fn read(client: &Client, database: &Database) -> Result<Result<Self, String>, Error> {
        let types = match field_types(client, database).await? {
            Ok(types) => types,
            Err(refused) => return Ok(Err(refused)),
        };
        // The statement knows the default retention policy only.
        let tag_keys = match database.policy {
            None => show(client, database, query::SHOW_TAG_KEYS).await?.ok().map(|keys| {
                let flat = |(name, rows): (String, Vec<Vec<String>>)| {
                    (name, rows.into_iter().flatten().collect())
                };
                keys.into_iter().map(flat).collect()
            }),
            Some(_) => None,
        };
        Ok(Ok(Self { types, tag_keys }))
    }
}

/// Types of all fields of a bucket, or why it does not tell.
pub(crate) async fn field_types(
    client: &Client,
    database: &Database,
) -> Result<Result<FieldTypes, String>, Error> {
    let keys = match show(client, database, query::SHOW_FIELD_KEYS).await? {
        Ok(keys) => keys,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut types = FieldTypes::new();
    for (measurement, rows) in keys {
        let fields = types.entry(measurement).or_default();
        for row in rows {
            if let [field, kind] = row.as_slice() {
                fields.entry(field.clone()).or_default().insert(kind.clone());
            }
        }
    }
    Ok(Ok(types))
}

async fn show(
    client: &Client,
    database: &Database,
    statement: &str,
) -> Result<Result<BTreeMap<String, Vec<Vec<String>>>, String>, Error> {
    ask(client, database, statement, show::parse_show_keys).await
}

/// What is read of a statement's answer, or why the server refuses it.
pub(crate) async fn ask<T>(
    client: &Client,
    database: &Database,
    statement: &str,
    read: impl Fn(&[u8]) -> Result<T, AnswerError>,
) -> Result<Result<T, String>, Error> {
    let asked = client.influxql(database, statement, statement, read).await;
    Ok(match Error::unless_refused(statement, asked)? {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(refusal) => Err(refusal.to_string()),
    })
}
