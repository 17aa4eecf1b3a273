//! Reading the catalogue of a measurement, and checking later that it still holds.

use std::collections::BTreeMap;

use crate::limits::CATALOGUE_SERIES_MAX;
use crate::model::catalogue::Catalogue;
use crate::model::frame::FieldType;
use crate::model::series::{Name, Series};
use crate::model::time::TimeRange;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::survey::schema;
use crate::wire::csv::block::Datatype;
use crate::wire::csv::table::{self, CsvTable};
use crate::wire::flux::{self, Selection};
use crate::wire::influxql::{query, show};

/// A catalogue, and the number of series at the time it was read.
#[derive(Debug)]
pub struct Known {
    /// All series of the measurement.
    pub catalogue: std::sync::Arc<Catalogue>,
    /// What [`cardinality`] said before and after.
    pub cardinality: u64,
}

/// Reads the series of a measurement; or why their catalogue would not pay or cannot be had. Beyond `look_series_max` it
/// may pay, but is more than the caller wants to spend now.
pub async fn look_up(
    context: &Context,
    measurement: &Name,
    series_max: u64,
    look_series_max: u64,
) -> Result<Result<Known, String>, Error> {
    let before = match cardinality(context, measurement).await? {
        Ok(count) => count,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if before > series_max.min(CATALOGUE_SERIES_MAX) {
        return Ok(Err(format!("a catalogue of {before} series would cost more than it saves")));
    }
    if before > look_series_max {
        return Ok(Err(format!("{before} series are too many for a look, a run reads them")));
    }
    let series = match series_of(context, measurement).await? {
        Ok(series) => series,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A list that reads values shows a field by the type of its first shard only: it may be short without a word.
    if series.len() as u64 != before {
        let found = series.len();
        return Ok(Err(format!("the source counts {before} series and lists {found}")));
    }
    let catalogue = Catalogue::new(series);
    if cardinality(context, measurement).await? != Ok(before) {
        return Ok(Err("its series changed while they were read".to_owned()));
    }
    // InfluxQL takes a tag of that name, in any case, for the time.
    let is_time = |key: &Name| key.eq_ignore_ascii_case(b"time") || **key == *b"_name";
    if catalogue.keys().iter().any(|key| query::nameable(key).is_none() || is_time(key)) {
        return Ok(Err("no query can name a key tag".to_owned()));
    }
    Ok(Ok(Known { catalogue: std::sync::Arc::new(catalogue), cardinality: before }))
}

/// The number of series of a measurement, from the source's index; or why it does not tell. A number that has not
/// changed says that none was added.
pub async fn cardinality(
    context: &Context,
    measurement: &Name,
) -> Result<Result<u64, String>, Error> {
    if let Some((access, name)) = context.influxql_name(measurement) {
        let statement = query::show_series_cardinality(name);
        let answer = schema::ask(&context.source, &access.database, &statement).await?;
        let counts = answer.and_then(|json| {
            show::parse_series_cardinality(&json).map_err(|error| error.to_string())
        });
        return Ok(counts.map(|counts| counts.values().sum()));
    }
    let what = "number of series";
    let query = flux::series_cardinality(&context.job.source_bucket, measurement);
    let answer = match context.source.query_all(&query, what).await {
        Ok(answer) => answer,
        Err(error) if crate::pipeline::read::fetch::may_pass(&error) => {
            return Err(Error::influx(what, error));
        }
        Err(error) => return Ok(Err(error.cause())),
    };
    let count = table::single_long(&answer).map_err(|error| Error::csv(what, error))?;
    Ok(Ok(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)))
}

async fn series_of(
    context: &Context,
    measurement: &Name,
) -> Result<Result<Vec<Series>, String>, Error> {
    if let Some((access, name)) = context.influxql_name(measurement) {
        let statement = query::show_series(name);
        let answer = schema::ask(&context.source, &access.database, &statement).await?;
        return Ok(answer
            .and_then(|json| show::parse_show_series(&json).map_err(|error| error.to_string())));
    }
    let what = format!("series of measurement {:?}", String::from_utf8_lossy(measurement));
    let keys = crate::pipeline::survey::tag_keys(
        &context.source,
        &context.job.source_bucket,
        TimeRange::ALL,
    )
    .await?;
    let own: [&[u8]; 6] = [b"_start", b"_stop", b"_time", b"_value", b"_field", b"_measurement"];
    let keys: Vec<Vec<u8>> =
        keys.into_iter().filter(|key| !own.contains(&key.as_slice())).collect();
    if keys.iter().any(|key| std::str::from_utf8(key).is_err()) {
        return Ok(Err("a tag key of the bucket is not UTF-8".to_owned()));
    }
    let query = flux::series_of(unfiltered(context), measurement, &keys);
    let answer = match context.source.query_all(&query, &what).await {
        Ok(answer) => answer,
        Err(error) if crate::pipeline::read::fetch::may_pass(&error) => {
            return Err(Error::influx(what, error));
        }
        Err(error) => return Ok(Err(error.cause())),
    };
    let tables = table::read_tables(&answer).map_err(|error| Error::csv(&what, error))?;
    Ok(series_in(&tables, measurement))
}

/// All series, also those that the job's filter leaves out: the number of series knows no filter.
fn unfiltered(context: &Context) -> Selection<'_> {
    Selection {
        filter: &context.nothing_filtered,
        without: &[],
        ..context.job.selection(TimeRange::ALL)
    }
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
pub async fn field_types(
    context: &Context,
    measurement: &Name,
) -> Result<Result<BTreeMap<Name, FieldType>, String>, Error> {
    if let Some(fields) = context.job.routes.influxql.get(measurement) {
        return Ok(Ok((*fields.types).clone()));
    }
    let what = "types of fields";
    let measurements = std::slice::from_ref(measurement);
    let selection = Selection { measurements, ..context.job.selection(TimeRange::ALL) };
    let answer = match context.source.query_all(&flux::fields_of(selection), what).await {
        Ok(answer) => answer,
        Err(error) if crate::pipeline::read::fetch::may_pass(&error) => {
            return Err(Error::influx(what, error));
        }
        Err(error) => return Ok(Err(error.cause())),
    };
    let tables = table::read_tables(&answer).map_err(|error| Error::csv(what, error))?;
    let mut types = BTreeMap::new();
    for table in &tables {
        let (Some(name), Some(kind)) = (table.bytes(0, "_field"), value_type(table)) else {
            continue;
        };
        types.insert(Name::from(name), kind);
    }
    Ok(Ok(types))
}

/// The type of a table's values.
pub fn value_type(table: &CsvTable) -> Option<FieldType> {
    Some(match table.columns[table.column("_value")?].datatype {
        Datatype::Boolean => FieldType::Boolean,
        Datatype::Long => FieldType::Integer,
        Datatype::UnsignedLong => FieldType::Unsigned,
        Datatype::Double => FieldType::Float,
        Datatype::String => FieldType::String,
        Datatype::Time => return None,
    })
}
