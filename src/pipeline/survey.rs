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
use crate::wire::influxql::{query, show};

/// Tag keys that Flux takes for columns of its own. Reads of such series fail, or lose the tag without a word.
const COLUMNS_OF_FLUX: [&str; 4] = ["_start", "_stop", "_time", "_value"];

/// What else Flux shows among the tag keys: measurement and field names have searches of their own.
const NAMES_OF_FLUX: [&str; 2] = ["_measurement", "_field"];

/// Tags that one probe looks at.
const TAGS_PER_PROBE_MAX: usize = 40;

/// Types of a bucket's fields: measurement, field, the names of its types.
pub type FieldTypes = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Something that Flux cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The measurement, if it is of one.
    pub measurement: Option<Name>,
    /// What and why, in words.
    pub why: String,
    /// The condition that keeps it out of a query.
    pub condition: String,
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
    /// What to leave out.
    pub unreadable: Vec<Unreadable>,
    /// True if strings may exist.
    pub strings: bool,
    /// Tag keys that are not UTF-8. No query can name them to search their values for carriage returns.
    pub nameless_tags: usize,
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
    let mut unreadable = match tag_keys_by_measurement(source, bucket, field_types.is_ok()).await? {
        Some(keys) => unreadable_by_keys(&keys),
        None => unreadable_by_first(source, bucket, filter, range).await?,
    };
    unreadable.extend(field_types.iter().flat_map(unreadable_names));
    let wanted = |found: &Unreadable| {
        let named = |name: &Name| filter.measurements.iter().any(|m| m.as_bytes() == &**name);
        filter.measurements.is_empty() || found.measurement.as_ref().is_none_or(named)
    };
    unreadable.retain(wanted);
    let conditions: Vec<String> = unreadable.iter().map(|found| found.condition.clone()).collect();
    let selection = Selection { bucket, range, filter, without: &conditions };
    unreadable.extend(unreadable_tag_values(source, selection, &tag_keys).await?);
    Ok(Survey {
        shape: SourceShape {
            shard_group_ns: times
                .shard_group_ns
                .unwrap_or_else(|| assumed_shard_group_ns(times.retention_ns)),
            types,
        },
        field_types,
        field_label: flux::field_label(tag_keys.iter().map(Vec::as_slice)),
        unreadable,
        strings,
        nameless_tags: tag_keys.iter().filter(|key| std::str::from_utf8(key).is_err()).count(),
    })
}

/// Time of the oldest value that Flux reads. One query over all of time sees a field's first type only, which is the type
/// of its oldest value.
pub async fn earliest(
    source: &Client,
    selection: Selection<'_>,
) -> Result<Option<Timestamp>, Error> {
    let what = "oldest value";
    let query = flux::earliest(selection);
    let answer =
        source.query_all(&query, what).await.map_err(|error| Error::influx(what, error))?;
    let tables = table::read_tables(&answer).map_err(|error| Error::decode(what, error))?;
    Ok(tables.iter().find_map(|table| table.time(0, "_time")))
}

/// A time before which nothing lies that the selection leaves out, found by halving; `None` if it leaves nothing out
/// before `before`. To the second: it only decides where the job begins.
pub async fn earliest_left_out(
    source: &Client,
    selection: Selection<'_>,
    before: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut range = TimeRange::new(selection.range.start, before);
    if left_out(source, selection, range).await? == 0 {
        return Ok(None);
    }
    while range.duration_ns() > i128::from(NS_PER_S) {
        let Some((first, second)) = range.halves() else { break };
        range = if left_out(source, selection, first).await? > 0 { first } else { second };
    }
    Ok(Some(range.start))
}

async fn left_out(
    source: &Client,
    selection: Selection<'_>,
    range: TimeRange,
) -> Result<i64, Error> {
    let what = "count of what is left out";
    let mut counts = [0; 2];
    for (count, without) in counts.iter_mut().zip([&[], selection.without]) {
        let query = flux::count(Selection { range, without, ..selection });
        let answer =
            source.query_all(&query, what).await.map_err(|error| Error::influx(what, error))?;
        *count =
            table::single_long(&answer).map_err(|error| Error::decode(what, error))?.unwrap_or(0);
    }
    Ok(counts[0] - counts[1])
}

/// Types of all fields of a bucket, or why it does not tell.
pub async fn field_types(
    source: &Client,
    bucket: &str,
) -> Result<Result<FieldTypes, String>, Error> {
    let keys = match show(source, bucket, query::SHOW_FIELD_KEYS).await? {
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
    let answer = ask(source, bucket, statement).await?;
    Ok(answer.and_then(|answer| show::parse_show_keys(&answer).map_err(|error| error.to_string())))
}

/// A statement's answer, or why the source refuses it.
pub(super) async fn ask(
    source: &Client,
    bucket: &str,
    statement: &str,
) -> Result<Result<Vec<u8>, String>, Error> {
    match source.influxql(bucket, statement, statement).await {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) if is_temporary(RequestKind::Query, &error.kind()) => {
            Err(Error::influx(statement, error))
        }
        Err(error) => Ok(Err(error.to_string())),
    }
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
    let Ok(keys) = show(source, bucket, query::SHOW_TAG_KEYS).await? else { return Ok(None) };
    Ok(Some(
        keys.into_iter().map(|(name, rows)| (name, rows.into_iter().flatten().collect())).collect(),
    ))
}

fn unreadable_by_keys(keys: &BTreeMap<String, Vec<String>>) -> Vec<Unreadable> {
    let mut found = Vec::new();
    for (measurement, keys) in keys {
        let reserved = keys.iter().find(|key| COLUMNS_OF_FLUX.contains(&key.as_str()));
        let damaged = keys.iter().find(|key| key.contains('\r'));
        if let Some(key) = reserved {
            found.push(whole_measurement(measurement.as_bytes(), &reserved_tag(key)));
        } else if let Some(key) = damaged {
            found.push(whole_measurement(
                measurement.as_bytes(),
                &format!("tag key {key:?} holds a carriage return"),
            ));
        }
    }
    found
}

/// Names with a carriage return, which CSV drops: written as they arrive they would be other names.
fn unreadable_names(types: &FieldTypes) -> Vec<Unreadable> {
    let mut found = Vec::new();
    for (measurement, fields) in types {
        if measurement.contains('\r') {
            found.push(whole_measurement(
                measurement.as_bytes(),
                "its name holds a carriage return",
            ));
            continue;
        }
        for field in fields.keys().filter(|field| field.contains('\r')) {
            found.push(Unreadable {
                measurement: Some(measurement.as_bytes().into()),
                why: format!("field {field:?} of measurement {measurement:?}: its name holds a carriage return"),
                condition: flux::literal::not_field(measurement.as_bytes(), field.as_bytes()),
            });
        }
    }
    found
}

fn whole_measurement(measurement: &[u8], why: &str) -> Unreadable {
    Unreadable {
        measurement: Some(measurement.into()),
        why: format!("measurement {:?}: {why}", String::from_utf8_lossy(measurement)),
        condition: flux::literal::not_measurement(measurement),
    }
}

fn reserved_tag(key: &str) -> String {
    format!("tag {key} has the name of a column of Flux")
}

/// Tag values with a carriage return: one count over some tags at a time, then one for each tag of a group that has any.
async fn unreadable_tag_values(
    source: &Client,
    selection: Selection<'_>,
    tag_keys: &[Vec<u8>],
) -> Result<Vec<Unreadable>, Error> {
    let own: Vec<&[u8]> =
        tag_keys.iter().map(Vec::as_slice).filter(|key| is_nameable(key)).collect();
    let mut found = Vec::new();
    for group in own.chunks(TAGS_PER_PROBE_MAX) {
        if carriage_returns_in(source, selection, group).await? == 0 {
            continue;
        }
        for key in group {
            if carriage_returns_in(source, selection, &[key]).await? > 0 {
                found.push(Unreadable {
                    measurement: None,
                    why: format!(
                        "values of tag {:?} that hold a carriage return",
                        String::from_utf8_lossy(key)
                    ),
                    condition: flux::not_carriage_return_in(key),
                });
            }
        }
    }
    Ok(found)
}

/// True for a tag whose column a query can name.
fn is_nameable(key: &[u8]) -> bool {
    let text = std::str::from_utf8(key);
    text.is_ok_and(|key| !COLUMNS_OF_FLUX.contains(&key) && !NAMES_OF_FLUX.contains(&key))
}

async fn carriage_returns_in(
    source: &Client,
    selection: Selection<'_>,
    tags: &[&[u8]],
) -> Result<i64, Error> {
    let what = "search for carriage returns in tags";
    let query = flux::count_carriage_returns_in_tags(selection, tags);
    let answer =
        source.query_all(&query, what).await.map_err(|error| Error::influx(what, error))?;
    Ok(table::single_long(&answer).map_err(|error| Error::decode(what, error))?.unwrap_or(0))
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
        let fails = "the server fails to read it, because a tag has the name of a column of Flux";
        let answer = match source.query_all(&query, &what).await {
            Ok(answer) => answer,
            Err(error) if error.message.contains("panic") => {
                found.push(whole_measurement(&measurement, fails));
                continue;
            }
            Err(error) => return Err(Error::influx(&what, error)),
        };
        match table::read_tables(&answer) {
            Ok(tables) => {
                let twice = tables.iter().find_map(repeated_label);
                found.extend(twice.map(|label| {
                    whole_measurement(&measurement, &reserved_tag(&String::from_utf8_lossy(label)))
                }));
            }
            Err(DecodeError::Query { .. } | DecodeError::GluedError { .. }) => {
                found.push(whole_measurement(&measurement, fails));
            }
            Err(error) => return Err(Error::decode(&what, error)),
        }
    }
    Ok(found)
}

/// A label that two columns have: one is Flux's own, the other the tag, whose value is lost.
fn repeated_label(table: &table::Table) -> Option<&[u8]> {
    let labels: Vec<&[u8]> = table.columns.iter().map(|column| &*column.label).collect();
    labels.iter().enumerate().find_map(|(at, label)| labels[..at].contains(label).then_some(*label))
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
            unreadable_by_keys(&keys).into_iter().filter_map(|found| found.measurement).collect();
        assert_eq!(found, [Name::from(b"bad".as_slice()), Name::from(b"worse".as_slice())]);
        let types = FieldTypes::from([
            (
                "m".to_owned(),
                BTreeMap::from([
                    ("a\rb".to_owned(), BTreeSet::new()),
                    ("c".to_owned(), BTreeSet::new()),
                ]),
            ),
            ("n\r".to_owned(), BTreeMap::from([("x\r".to_owned(), BTreeSet::new())])),
        ]);
        let conditions: Vec<_> =
            unreadable_names(&types).into_iter().map(|found| found.condition).collect();
        assert_eq!(
            conditions,
            [
                "(r[\"_measurement\"] != \"m\" or r[\"_field\"] != \"a\\rb\")",
                "r[\"_measurement\"] != \"n\\r\""
            ]
        );
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
