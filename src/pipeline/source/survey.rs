//! What is known of the source before anything is read: how its time is cut, its measurements and types, what Flux cannot
//! read of it, and whether InfluxQL reads it. All from cheap pushed-down queries.

use super::listed::tag_keys;
use super::probe::{Doubt, Probe};
use super::schema::InfluxqlSchema;
use super::shape::{SourceShape, TypeHistory, assumed_shard_group_ns, retention_ns};
use super::unreadable::{self, Unreadable};
use super::unreturned::{self, Unreturned};
use crate::influx::api::Bucket;
use crate::influx::client::Client;
use crate::influx::influxql::Database;
use crate::model::canary::Canary;
use crate::model::filter::Filter;
use crate::model::schema::FieldTypes;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::wire::flux::{self, Selection};
use crate::wire::influxql::decoder::Format;

/// What the survey found.
#[derive(Debug, Clone)]
pub struct Survey {
    /// How time is cut.
    pub shape: SourceShape,
    /// What InfluxQL shows and reads, or the words with which the source refuses it.
    pub influxql: Result<Influxql, String>,
    /// The column for field names in Flux reads.
    pub field_label: String,
    /// What Flux cannot read.
    pub unreadable: Vec<Unreadable>,
    /// What it lists and returns to no query.
    pub unreturned: Vec<Unreturned>,
    /// True if strings may exist.
    pub strings: bool,
    /// Tag keys that are not UTF-8. No query can name them to search their values for carriage returns.
    pub nameless_tags: usize,
}

/// A source that answers InfluxQL for this bucket.
#[derive(Debug, Clone)]
pub struct Influxql {
    /// The bucket's name there.
    pub database: Database,
    /// Measurements, fields, tags.
    pub schema: InfluxqlSchema,
    /// How series are written, if a small part read both ways was the same; else why not.
    pub reads: Result<Format, String>,
}

impl Survey {
    /// Asks the source.
    pub async fn run(source: &Client, bucket: &Bucket, filter: &Filter) -> Result<Self, Error> {
        let (name, range) = (bucket.name.as_str(), TimeRange::ALL);
        let tag_keys = tag_keys(source, name, range).await?;
        let label = flux::field_label(tag_keys.iter().map(Vec::as_slice));
        let mut named = named(source, bucket).await?;
        let schema = named.as_mut().ok().map(|(_, schema)| schema);
        let mut unreturned = unreturned::take(source, name, filter, schema).await?;
        let schema = named.as_ref().ok().map(|(_, schema)| schema);
        let about = About { source, bucket: name, filter, tag_keys: &tag_keys };
        let mut unreadable = find_unreadable(about, schema, &unreturned).await?;
        let mut reads = Err(String::new());
        if let Ok((database, schema)) = &named {
            let probed = Probe { source, database, bucket: name, filter, label: &label };
            let probed = match source.canary() {
                Canary::GuessedDatabase => Ok(Format::MessagePack),
                _ => probed.run(schema, &unreadable).await?,
            };
            match probed {
                Ok(format) => reads = Ok(format),
                Err(Doubt::NotCompared(why)) => reads = Err(why),
                Err(Doubt::Differs(why)) => {
                    // Neither are its names and types those of this bucket.
                    named = Err(why);
                    unreturned = unreturned::take(source, name, filter, None).await?;
                    unreadable = find_unreadable(about, None, &unreturned).await?;
                }
            }
        }
        let influxql = named.map(|(database, schema)| Influxql { database, schema, reads });
        let types = influxql.as_ref().ok().map(|known| &known.schema.types);
        let strings = types.is_none_or(|types| {
            types.values().flat_map(|fields| fields.values()).any(|names| names.contains("string"))
        });
        let retention = retention_ns(bucket.retention_s);
        let told_ns = bucket.shard_group_duration_s.and_then(retention_ns);
        Ok(Self {
            shape: SourceShape {
                shard_group_ns: told_ns.unwrap_or_else(|| assumed_shard_group_ns(retention)),
                types: if influxql.is_ok() { TypeHistory::Single } else { TypeHistory::Unknown },
            },
            influxql,
            field_label: label,
            unreadable,
            unreturned,
            strings,
            nameless_tags: tag_keys.iter().filter(|key| std::str::from_utf8(key).is_err()).count(),
        })
    }

    /// Types of all fields, where InfluxQL shows them.
    pub fn field_types(&self) -> Option<&FieldTypes> {
        self.influxql.as_ref().ok().map(|known| &known.schema.types)
    }
}

/// What InfluxQL calls the bucket and says of it; or why it does not.
pub(crate) async fn named(
    source: &Client,
    bucket: &Bucket,
) -> Result<Result<(Database, InfluxqlSchema), String>, Error> {
    let found = source.database_of(bucket).await;
    let found = found.map_err(|error| Error::influx("InfluxQL name of the bucket", error))?;
    match found.or_else(|why| guessed(source, bucket).ok_or(why)) {
        Ok(database) => {
            let schema = InfluxqlSchema::read(source, &database).await?;
            Ok(schema.map(|schema| (database, schema)))
        }
        Err(why) => Ok(Err(why)),
    }
}

/// The name of the bucket, put back as a guess.
fn guessed(source: &Client, bucket: &Bucket) -> Option<Database> {
    let (name, policy) = match bucket.name.split_once('/') {
        Some((name, policy)) => (name, Some(policy.to_owned())),
        None => (bucket.name.as_str(), None),
    };
    (source.canary() == Canary::GuessedDatabase).then(|| Database { name: name.to_owned(), policy })
}

/// What is surveyed.
#[derive(Clone, Copy)]
struct About<'a> {
    source: &'a Client,
    bucket: &'a str,
    filter: &'a Filter,
    tag_keys: &'a [Vec<u8>],
}

async fn find_unreadable(
    about: About<'_>,
    schema: Option<&InfluxqlSchema>,
    unreturned: &[Unreturned],
) -> Result<Vec<Unreadable>, Error> {
    let About { source, bucket, filter, tag_keys } = about;
    let mut found = match schema.and_then(|schema| schema.tag_keys.as_ref()) {
        Some(keys) => unreadable::by_keys(keys),
        None => unreadable::by_index(source, bucket, filter, tag_keys, unreturned).await?,
    };
    found.extend(schema.iter().flat_map(|schema| unreadable::by_names(&schema.types)));
    found.retain(|found| {
        let named = |name: &[u8]| filter.measurements.iter().any(|m| m.as_bytes() == name);
        filter.measurements.is_empty() || found.measurement.as_deref().is_none_or(named)
    });
    let mut conditions: Vec<String> = found.iter().map(|found| found.without.clone()).collect();
    conditions.extend(unreturned.iter().map(Unreturned::without));
    let selection = Selection {
        bucket,
        range: TimeRange::ALL,
        filter,
        measurements: &[],
        without: &conditions,
    };
    found.extend(unreadable::by_tag_values(source, selection, tag_keys).await?);
    Ok(found)
}
