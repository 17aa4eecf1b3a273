//! What the source lists without reading a value: names of measurements, keys of tags, numbers of series.

use crate::influx;
use crate::influx::client::Client;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns;
use crate::wire::flux;

/// Names of all measurements.
pub(crate) async fn measurements(source: &Client, bucket: &str) -> Result<Vec<Name>, Error> {
    let names =
        names(source, &flux::index::measurements(bucket, TimeRange::ALL), "measurements").await?;
    Ok(names.into_iter().map(Name::from).collect())
}

/// Keys of all tags, with those of Flux's own columns among them.
pub(crate) async fn tag_keys(
    source: &Client,
    bucket: &str,
    range: TimeRange,
) -> Result<Vec<Vec<u8>>, Error> {
    names(source, &flux::index::tag_keys(bucket, range), "tag keys").await
}

/// Names of all fields.
pub(crate) async fn field_keys(source: &Client, bucket: &str) -> Result<Vec<Vec<u8>>, Error> {
    names(source, &flux::index::field_keys(bucket, TimeRange::ALL), "field keys").await
}

/// Values of a tag: `only` this one if it is there, or so many of all.
pub(crate) async fn tag_values(
    source: &Client,
    bucket: &str,
    tag: &str,
    only: Option<&str>,
    max: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let query = flux::index::tag_values(bucket, TimeRange::ALL, tag, only, max);
    names(source, &query, "values of a tag").await
}

/// The number of series of a measurement, or why the index does not tell.
pub(crate) async fn cardinality(
    source: &Client,
    bucket: &str,
    measurement: &[u8],
) -> Result<Result<u64, influx::error::Error>, Error> {
    let what = "number of series";
    let query = flux::index::series_cardinality(bucket, measurement);
    small_answer::unless_refused(what, small_answer::ask_number(source, &query, what).await)
}

async fn names(source: &Client, query: &str, what: &str) -> Result<Vec<Vec<u8>>, Error> {
    let tables = small_answer::tables(source, query, columns::NAMES, what).await?;
    let mut names = Vec::new();
    for table in &tables {
        let Some(column) = table.column("_value") else { continue };
        names.extend(table.rows.iter().map(|row| row[column].to_vec()));
    }
    Ok(names)
}
