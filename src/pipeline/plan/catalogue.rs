//! Reading the catalogue of a measurement, and checking later that it still holds.

use std::collections::BTreeMap;

use crate::limits::CATALOGUE_SERIES_MAX;
use crate::model::catalogue::Catalogue;
use crate::model::filter::Filter;
use crate::model::frame::FieldType;
use crate::model::series::{Name, Series};
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::pipeline::source::{SourceBucket, listed, schema};
use crate::wire::csv::columns;
use crate::wire::csv::table::CsvTable;
use crate::wire::flux::{self, Selection};
use crate::wire::influxql::{query, show};

/// A catalogue, and the number of series at the time it was read.
#[derive(Debug)]
pub struct KnownSeries {
    /// All series of the measurement.
    pub catalogue: std::sync::Arc<Catalogue>,
    /// What [`cardinality`] said before and after.
    pub cardinality: u64,
}

/// Reads the series of a measurement; or why their catalogue would not pay or cannot be had. Beyond `look_series_max` it
/// may pay, but is more than the caller wants to spend now.
pub(crate) async fn look_up(
    source: &SourceBucket,
    measurement: &Name,
    series_max: u64,
    look_series_max: u64,
) -> Result<Result<KnownSeries, String>, Error> {
    let before = match cardinality(source, measurement).await? {
        Ok(count) => count,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if before > series_max.min(CATALOGUE_SERIES_MAX) {
        return Ok(Err(format!("a catalogue of {before} series would cost more than it saves")));
    }
    if before > look_series_max {
        return Ok(Err(format!("{before} series are too many for a look, a run reads them")));
    }
    let series = match series_of(source, measurement).await? {
        Ok(series) => series,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A list that reads values shows a field by the type of its first shard only: it may be short without a word.
    if series.len() as u64 != before {
        let found = series.len();
        return Ok(Err(format!("the source counts {before} series and lists {found}")));
    }
    let catalogue = Catalogue::new(series);
    if cardinality(source, measurement).await? != Ok(before) {
        return Ok(Err("its series changed while they were read".to_owned()));
    }
    // InfluxQL takes a tag of that name, in any case, for the time.
    let is_time = |key: &Name| key.eq_ignore_ascii_case(b"time") || **key == *b"_name";
    if catalogue.keys().iter().any(|key| query::nameable(key).is_none() || is_time(key)) {
        return Ok(Err("no query can name a key tag".to_owned()));
    }
    Ok(Ok(KnownSeries { catalogue: std::sync::Arc::new(catalogue), cardinality: before }))
}

/// The number of series of a measurement, from the source's index; or why it does not tell. A number that has not
/// changed says that none was added.
pub(crate) async fn cardinality(
    source: &SourceBucket,
    measurement: &Name,
) -> Result<Result<u64, String>, Error> {
    if let Some((access, name)) = source.influxql_name(measurement) {
        let statement = query::show_series_cardinality(name);
        let (client, read) = (&source.client, show::parse_series_cardinality);
        let counts = schema::ask(client, &access.database, &statement, read).await?;
        return Ok(counts.map(|counts| counts.values().sum()));
    }
    let bucket = &source.job.source_bucket;
    let told = listed::cardinality(&source.client, bucket, measurement).await?;
    Ok(told.map_err(|refusal| refusal.cause()))
}

/// All series of a measurement as they are now; or why they cannot be had.
pub(crate) async fn series_of(
    source: &SourceBucket,
    measurement: &Name,
) -> Result<Result<Vec<Series>, String>, Error> {
    if let Some((access, name)) = source.influxql_name(measurement) {
        let statement = query::show_series(name);
        let (client, read) = (&source.client, show::parse_show_series);
        return schema::ask(client, &access.database, &statement, read).await;
    }
    let what = format!("series of measurement {:?}", String::from_utf8_lossy(measurement));
    let keys = listed::tag_keys(&source.client, &source.job.source_bucket, TimeRange::ALL).await?;
    let own: [&[u8]; 6] = [b"_start", b"_stop", b"_time", b"_value", b"_field", b"_measurement"];
    let keys: Vec<Vec<u8>> =
        keys.into_iter().filter(|key| !own.contains(&key.as_slice())).collect();
    if keys.iter().any(|key| std::str::from_utf8(key).is_err()) {
        return Ok(Err("a tag key of the bucket is not UTF-8".to_owned()));
    }
    // All series, also those that the job's filter leaves out: the number of series knows no filter.
    let nothing = Filter::default();
    let selection = source.job.selection(TimeRange::ALL);
    let selection = Selection { filter: &nothing, without: &[], ..selection };
    let query = flux::series_of(selection, measurement, &keys);
    let asked = small_answer::ask(&source.client, &query, columns::TIME, &what).await;
    Ok(match small_answer::unless_refused(&what, asked)? {
        Ok(tables) => series_in(&tables, measurement),
        Err(refusal) => Err(refusal.cause()),
    })
}

fn series_in(tables: &[CsvTable], measurement: &Name) -> Result<Vec<Series>, String> {
    let mut found = Vec::new();
    for table in tables {
        let bounds: [&[u8]; 3] = [b"_time", b"_start", b"_stop"];
        if !table.suspects.is_empty()
            || table.columns.iter().any(|column| column.lost_carriage_return)
        {
            return Err("a tag holds a carriage return".to_owned());
        }
        for row in &table.rows {
            let cells = table.columns.iter().zip(row);
            let tags = cells
                .filter(|(column, _)| column.group && !bounds.contains(&&*column.label))
                .map(|(column, cell)| (column.label.clone(), cell.clone()));
            found.push(Series::new(measurement.clone(), tags));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The types of a measurement's fields as their first values show them; or why they cannot be told. Inside a shard group
/// that is right for all but a field that has several types there.
pub(crate) async fn field_types(
    source: &SourceBucket,
    measurement: &Name,
) -> Result<Result<BTreeMap<Name, FieldType>, String>, Error> {
    if let Some(fields) = source.job.routes.influxql.get(measurement) {
        return Ok(Ok((*fields.types).clone()));
    }
    let what = "types of fields";
    let measurements = std::slice::from_ref(measurement);
    let selection = Selection { measurements, ..source.job.selection(TimeRange::ALL) };
    let query = flux::fields_of(selection);
    let asked = small_answer::ask(&source.client, &query, columns::FIELDS, what).await;
    let tables = match small_answer::unless_refused(what, asked)? {
        Ok(tables) => tables,
        Err(refusal) => return Ok(Err(refusal.cause())),
    };
    let mut types = BTreeMap::new();
    for table in &tables {
        let (Some(name), Some(kind)) = (table.bytes(0, "_field"), table.value_type()) else {
            continue;
        };
        types.insert(Name::from(name), kind);
    }
    Ok(Ok(types))
}
