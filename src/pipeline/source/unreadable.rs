//! What Flux cannot read, found before anything is read: by names where InfluxQL shows them, else by what small queries show.

use std::collections::{BTreeMap, BTreeSet};

use super::listed;
use super::unreturned::Unreturned;
use crate::influx::client::Client;
use crate::limits::TAGS_PER_PROBE_MAX;
use crate::model::filter::Filter;
use crate::model::schema::FieldTypes;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::error::Error as DecodeError;
use crate::wire::csv::{columns, table};
use crate::wire::flux::askable::{self, COLUMNS_OF_FLUX};
use crate::wire::flux::{self, Selection, literal};

/// Something that Flux cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The measurement, if it is of one.
    pub measurement: Option<Name>,
    /// What and why, in words.
    pub why: String,
    /// The condition that keeps it out of a query.
    pub without: String,
    /// The condition that is true for it alone: what it holds is counted with it, not as a difference of two counts.
    pub only: String,
}

pub(super) fn by_keys(keys: &BTreeMap<String, Vec<String>>) -> Vec<Unreadable> {
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
pub(super) fn by_names(types: &FieldTypes) -> Vec<Unreadable> {
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
                without: literal::not_field(measurement.as_bytes(), field.as_bytes()),
                only: literal::is_field_of(measurement.as_bytes(), field.as_bytes()),
            });
        }
    }
    found
}

fn whole_measurement(measurement: &[u8], why: &str) -> Unreadable {
    Unreadable {
        measurement: Some(measurement.into()),
        why: format!("measurement {:?}: {why}", String::from_utf8_lossy(measurement)),
        without: literal::not_measurement(measurement),
        only: literal::is_measurement(measurement),
    }
}

fn reserved_tag(key: &str) -> String {
    format!("tag {key} has the name of a column of Flux")
}

/// Tag values with a carriage return: one count over some tags at a time, then one for each tag of a group that has any.
pub(super) async fn by_tag_values(
    source: &Client,
    selection: Selection<'_>,
    tag_keys: &[Vec<u8>],
) -> Result<Vec<Unreadable>, Error> {
    let own: Vec<&[u8]> =
        tag_keys.iter().map(Vec::as_slice).filter(|key| askable::is_askable(key)).collect();
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
                    without: flux::carriage_returns::not_carriage_return_in(key),
                    only: flux::carriage_returns::carriage_return_in(key),
                });
            }
        }
    }
    let late: Vec<&[u8]> =
        tag_keys.iter().map(Vec::as_slice).filter(|key| askable::is_askable_late(key)).collect();
    if !late.is_empty() {
        found.extend(by_late_tag_values(source, selection, &late).await?);
    }
    Ok(found)
}

/// The same of tags that no condition of a read can keep out: then all of the measurement stays out.
async fn by_late_tag_values(
    source: &Client,
    selection: Selection<'_>,
    tags: &[&[u8]],
) -> Result<Vec<Unreadable>, Error> {
    let query = askable::count_late_carriage_returns(selection, tags);
    let what = "search for carriage returns in tags with names of the storage engine";
    let tables = small_answer::tables(source, &query, columns::NUMBERS, what).await?;
    let rows = tables.iter().flat_map(|table| (0..table.rows.len()).map(move |row| (table, row)));
    let names: BTreeSet<Name> =
        rows.filter_map(|(table, row)| table.bytes(row, "_measurement")).map(Name::from).collect();
    let tags: Vec<_> =
        tags.iter().map(|tag| format!("{:?}", String::from_utf8_lossy(tag))).collect();
    let why = format!("a value of tag {} holds a carriage return", tags.join(" or "));
    Ok(names.iter().map(|name| whole_measurement(name, &why)).collect())
}

async fn carriage_returns_in(
    source: &Client,
    selection: Selection<'_>,
    tags: &[&[u8]],
) -> Result<u64, Error> {
    let query = flux::carriage_returns::count_carriage_returns_in_tags(selection, tags);
    small_answer::number(source, &query, "search for carriage returns in tags").await
}

/// Without InfluxQL: the index tells whether there is anything to look for, and only then every measurement is looked at.
pub(crate) async fn by_index(
    source: &Client,
    bucket: &str,
    filter: &Filter,
    tag_keys: &[Vec<u8>],
    unreturned: &[Unreturned],
) -> Result<Vec<Unreadable>, Error> {
    let listed = |name: &str| tag_keys.iter().any(|key| key == name.as_bytes());
    // Flux lists its own bounds among the tags of every bucket, but neither time nor value.
    let mut any = listed("_time") || listed("_value");
    for name in ["_start", "_stop"] {
        any = any || may_have_tag(source, bucket, name).await?;
    }
    if any { by_first(source, bucket, filter, unreturned).await } else { Ok(Vec::new()) }
}

async fn may_have_tag(source: &Client, bucket: &str, name: &str) -> Result<bool, Error> {
    let what = format!("series with a tag {name}");
    let query = flux::index::series_with_tag(bucket, name);
    let asked = source.query_as(&query, &what, table::single_number).await;
    // A source that does not tell may have some.
    Ok(small_answer::unless_refused(&what, asked)?.ok().flatten() != Some(0))
}

/// One undropped `first()` per measurement shows a label twice, or fails on the server.
async fn by_first(
    source: &Client,
    bucket: &str,
    filter: &Filter,
    unreturned: &[Unreturned],
) -> Result<Vec<Unreadable>, Error> {
    let range = TimeRange::ALL;
    let mut found = Vec::new();
    let returned = |name: &Name| unreturned.iter().all(|found| *found.measurement != **name);
    for measurement in listed::measurements(source, bucket).await?.into_iter().filter(returned) {
        let what = format!("columns of measurement {:?}", String::from_utf8_lossy(&measurement));
        let selection = Selection { bucket, range, filter, measurements: &[], without: &[] };
        let query = flux::first_of_measurement(selection, &measurement);
        let fails = "the server fails to read it, because a tag has the name of a column of Flux";
        let read = match small_answer::ask(source, &query, columns::ANY, &what).await {
            Ok(read) => read,
            Err(error) if error.message.contains("panic") => {
                found.push(whole_measurement(&measurement, fails));
                continue;
            }
            Err(error) => return Err(Error::influx(&what, error)),
        };
        match read {
            Ok(tables) => {
                let twice = tables.iter().find_map(repeated_label);
                found.extend(twice.map(|label| {
                    whole_measurement(&measurement, &reserved_tag(&String::from_utf8_lossy(label)))
                }));
            }
            Err(DecodeError::Query { .. } | DecodeError::GluedError { .. }) => {
                found.push(whole_measurement(&measurement, fails));
            }
            Err(error) => return Err(Error::csv(&what, error)),
        }
    }
    Ok(found)
}

/// A label that two columns have: one is Flux's own, the other the tag, whose value is lost.
fn repeated_label(table: &table::CsvTable) -> Option<&[u8]> {
    let labels: Vec<&[u8]> = table.columns.iter().map(|column| &*column.label).collect();
    labels.iter().enumerate().find_map(|(at, label)| labels[..at].contains(label).then_some(*label))
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
            by_keys(&keys).into_iter().filter_map(|found| found.measurement).collect();
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
        let conditions: Vec<_> = by_names(&types).into_iter().map(|found| found.without).collect();
        assert_eq!(
            conditions,
            [
                "(r[\"_measurement\"] != \"m\" or r[\"_field\"] != \"a\\rb\")",
                "r[\"_measurement\"] != \"n\\r\""
            ]
        );
    }
}
