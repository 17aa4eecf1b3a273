//! What is known of the source before anything is read: how its time is cut, the types of its fields, and what Flux
//! cannot read of it. All from cheap pushed-down queries.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::plan::{SourceShape, TypeHistory, assumed_shard_group_ns};
use crate::influx::classify::{RequestKind, is_temporary};
use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::model::series::Name;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::wire::csv::error::Error as DecodeError;
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};
use crate::wire::influxql;

/// Tag keys that Flux takes for columns of its own. Reads of such series fail, or lose the tag without a word.
const COLUMNS_OF_FLUX: [&str; 4] = ["_start", "_stop", "_time", "_value"];

/// Types of a bucket's fields: measurement, field, the names of its types.
pub type FieldTypes = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A measurement that Flux cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub measurement: Name,
    /// Why, in words.
    pub why: String,
}

/// What the survey found.
#[derive(Debug, Clone)]
pub struct Survey {
    /// How time is cut.
    pub shape: SourceShape,
    /// Types of all fields; none where the source refuses InfluxQL, with its words.
    pub field_types: Result<FieldTypes, String>,
    /// The column for field names in reads.
    pub field_label: String,
    /// Measurements to leave out.
    pub unreadable: Vec<Unreadable>,
    /// True if strings may exist.
    pub strings: bool,
}

/// Bucket settings that the survey starts from.
#[derive(Debug, Clone, Copy)]
pub struct BucketTimes {
    /// Retention, if finite.
    pub retention_ns: Option<i64>,
    /// Shard group duration, if the server tells it.
    pub shard_group_ns: Option<i64>,
}

/// Asks the source.
pub async fn run(
    source: &Client,
    bucket: &str,
    times: BucketTimes,
    filter: &Filter,
    range: TimeRange,
) -> Result<Survey, Error> {
    let field_types = field_types(source, bucket).await?;
    let types = match &field_types {
        Ok(types) if has_several_types(types) => TypeHistory::Several,
        Ok(_) => TypeHistory::Single,
        Err(_) => TypeHistory::Unknown,
    };
    let strings = field_types.as_ref().map_or(true, |types| {
        types.values().flat_map(BTreeMap::values).any(|types| types.contains("string"))
    });
    let tag_keys = tag_keys(source, bucket, range).await?;
    let unreadable = match tag_keys_by_measurement(source, bucket, field_types.is_ok()).await? {
        Some(keys) => unreadable_by_keys(&keys),
        None => unreadable_by_first(source, bucket, filter, range).await?,
    };
    let wanted = |name: &Name| {
        filter.measurements.is_empty()
            || filter.measurements.iter().any(|m| m.as_bytes() == &**name)
    };
    Ok(Survey {
        shape: SourceShape {
            shard_group_ns: times
                .shard_group_ns
                .unwrap_or_else(|| assumed_shard_group_ns(times.retention_ns)),
            types,
        },
        field_types,
        field_label: flux::field_label(tag_keys.iter().map(Vec::as_slice)),
        unreadable: unreadable.into_iter().filter(|found| wanted(&found.measurement)).collect(),
        strings,
    })
}

/// Time of the oldest value. A query over all of time is blind to values behind a change of a field's type, but never to
/// the first ones.
pub async fn earliest(
    source: &Client,
    selection: Selection<'_>,
) -> Result<Option<Timestamp>, Error> {
    edge(source, &flux::earliest(selection), "oldest value").await
}

/// Time of the newest value in `range`.
pub async fn latest(source: &Client, selection: Selection<'_>) -> Result<Option<Timestamp>, Error> {
    edge(source, &flux::latest(selection), "newest value").await
}

async fn edge(source: &Client, query: &str, what: &str) -> Result<Option<Timestamp>, Error> {
    let answer = source.query_all(query, what).await.map_err(|error| Error::influx(what, error))?;
    let tables = table::read_tables(&answer).map_err(|error| Error::decode(what, error))?;
    let cell = tables.iter().find_map(|table| table.time(0, "_time"));
    Ok(cell)
}

/// Types of all fields of a bucket, or why it does not tell.
pub async fn field_types(
    source: &Client,
    bucket: &str,
) -> Result<Result<FieldTypes, String>, Error> {
    let keys = match show(source, bucket, influxql::SHOW_FIELD_KEYS).await? {
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

/// A statement's keys, or why the source does not answer it. Refusals are normal: Cloud answers InfluxQL only for
/// buckets with a DBRP mapping.
async fn show(
    source: &Client,
    bucket: &str,
    statement: &str,
) -> Result<Result<BTreeMap<String, Vec<Vec<String>>>, String>, Error> {
    let answer = match source.influxql(bucket, statement, statement).await {
        Ok(answer) => answer,
        Err(error) if is_temporary(RequestKind::Query, &error.kind()) => {
            return Err(Error::influx(statement, error));
        }
        Err(error) => return Ok(Err(error.to_string())),
    };
    Ok(influxql::parse_show_keys(&answer).map_err(|error| error.to_string()))
}

/// True if some field has more than one type.
fn has_several_types(types: &FieldTypes) -> bool {
    types.values().flat_map(BTreeMap::values).any(|types| types.len() > 1)
}

async fn tag_keys(source: &Client, bucket: &str, range: TimeRange) -> Result<Vec<Vec<u8>>, Error> {
    let what = "tag keys";
    let query = flux::tag_keys(bucket, range);
    let answer =
        source.query_all(&query, what).await.map_err(|error| Error::influx(what, error))?;
    let tables = table::read_tables(&answer).map_err(|error| Error::decode(what, error))?;
    Ok(column_of_names(&tables))
}

fn column_of_names(tables: &[table::Table]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for table in tables {
        let Some(column) = table.column("_value") else { continue };
        names.extend(table.rows.iter().map(|row| row[column].to_vec()));
    }
    names
}

async fn tag_keys_by_measurement(
    source: &Client,
    bucket: &str,
    influxql_answers: bool,
) -> Result<Option<BTreeMap<String, Vec<String>>>, Error> {
    if !influxql_answers {
        return Ok(None);
    }
    let Ok(keys) = show(source, bucket, influxql::SHOW_TAG_KEYS).await? else { return Ok(None) };
    Ok(Some(
        keys.into_iter().map(|(name, rows)| (name, rows.into_iter().flatten().collect())).collect(),
    ))
}

fn unreadable_by_keys(keys: &BTreeMap<String, Vec<String>>) -> Vec<Unreadable> {
    let mut found = Vec::new();
    for (measurement, keys) in keys {
        if let Some(key) = keys.iter().find(|key| COLUMNS_OF_FLUX.contains(&key.as_str())) {
            found.push(Unreadable {
                measurement: measurement.as_bytes().into(),
                why: reserved(key),
            });
        } else if let Some(key) = keys.iter().find(|key| key.contains('\r')) {
            let why = format!("tag key {key:?} holds a carriage return, which Flux drops");
            found.push(Unreadable { measurement: measurement.as_bytes().into(), why });
        }
    }
    found
}

fn reserved(key: &str) -> String {
    format!("tag {key} has the name of a column of Flux")
}

/// Without InfluxQL: one undropped `first()` per measurement shows a label twice, or fails on the server.
async fn unreadable_by_first(
    source: &Client,
    bucket: &str,
    filter: &Filter,
    range: TimeRange,
) -> Result<Vec<Unreadable>, Error> {
    let what = "measurements";
    let query = flux::measurements(bucket, range);
    let answer =
        source.query_all(&query, what).await.map_err(|error| Error::influx(what, error))?;
    let tables = table::read_tables(&answer).map_err(|error| Error::decode(what, error))?;
    let mut found = Vec::new();
    for measurement in column_of_names(&tables) {
        let what = format!("columns of measurement {:?}", String::from_utf8_lossy(&measurement));
        let selection = Selection { bucket, range, filter, without: &[] };
        let query = flux::first_of_measurement(selection, &measurement);
        let answer = match source.query_all(&query, &what).await {
            Ok(answer) => answer,
            Err(error) if error.message.contains("panic") => {
                found.push(Unreadable {
                    measurement: measurement.into(),
                    why: "the server fails to read it: a tag has the name of a column of Flux"
                        .to_owned(),
                });
                continue;
            }
            Err(error) => return Err(Error::influx(&what, error)),
        };
        match table::read_tables(&answer) {
            Ok(tables) => {
                if let Some(label) = tables.iter().find_map(label_twice) {
                    let why = reserved(&String::from_utf8_lossy(label));
                    found.push(Unreadable { measurement: measurement.into(), why });
                }
            }
            Err(DecodeError::Query { .. } | DecodeError::GluedError { .. }) => {
                let why = "the server fails to read it: a tag has the name of a column of Flux"
                    .to_owned();
                found.push(Unreadable { measurement: measurement.into(), why });
            }
            Err(error) => return Err(Error::decode(&what, error)),
        }
    }
    Ok(found)
}

/// A label that two columns of a table have: one is Flux's own, the other a tag whose values are lost.
fn label_twice(table: &table::Table) -> Option<&[u8]> {
    let labels = || table.columns.iter().map(|column| &*column.label);
    let twice = |(at, label): &(usize, &[u8])| labels().take(*at).any(|before| before == *label);
    labels().enumerate().find(twice).map(|(_, label)| label)
}

/// Seconds as nanoseconds, none for "for ever".
pub fn retention_ns(every_seconds: u64) -> Option<i64> {
    (every_seconds > 0).then(|| {
        i64::try_from(every_seconds).unwrap_or(i64::MAX / NS_PER_S).saturating_mul(NS_PER_S)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_that_flux_cannot_read_are_named() {
        let keys = BTreeMap::from([
            ("fine".to_owned(), vec!["host".to_owned(), "result".to_owned()]),
            ("bad".to_owned(), vec!["_value".to_owned()]),
            ("worse".to_owned(), vec!["a\rb".to_owned()]),
        ]);
        let found: Vec<_> =
            unreadable_by_keys(&keys).into_iter().map(|found| found.measurement).collect();
        assert_eq!(found, [Name::from(b"bad".as_slice()), Name::from(b"worse".as_slice())]);
    }

    #[test]
    fn several_types_are_seen() {
        let types = |names: &[&str]| {
            let set = names.iter().map(|name| (*name).to_owned()).collect();
            FieldTypes::from([("m".to_owned(), BTreeMap::from([("f".to_owned(), set)]))])
        };
        assert!(!has_several_types(&types(&["float"])));
        assert!(has_several_types(&types(&["float", "string"])));
        assert_eq!(retention_ns(0), None);
        assert_eq!(retention_ns(2), Some(2_000_000_000));
    }
}
