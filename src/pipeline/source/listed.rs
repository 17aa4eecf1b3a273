//! What the source lists without reading a value: names of measurements and keys of tags.

use crate::influx::client::Client;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::flux;

/// Names of all measurements.
pub(super) async fn measurements(source: &Client, bucket: &str) -> Result<Vec<Name>, Error> {
    let names = names(source, &flux::measurements(bucket, TimeRange::ALL), "measurements").await?;
    Ok(names.into_iter().map(Name::from).collect())
}

/// Keys of all tags, with those of Flux's own columns among them.
pub(crate) async fn tag_keys(
    source: &Client,
    bucket: &str,
    range: TimeRange,
) -> Result<Vec<Vec<u8>>, Error> {
    names(source, &flux::tag_keys(bucket, range), "tag keys").await
}

async fn names(source: &Client, query: &str, what: &str) -> Result<Vec<Vec<u8>>, Error> {
    let tables = small_answer::tables(source, query, what).await?;
    let mut names = Vec::new();
    for table in &tables {
        let Some(column) = table.column("_value") else { continue };
        names.extend(table.rows.iter().map(|row| row[column].to_vec()));
    }
    Ok(names)
}
