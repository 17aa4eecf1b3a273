//! The type that a field has in a stretch of time, and the votes of its values where it has several.

use std::collections::BTreeMap;

use super::SourceBucket;
use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::model::frame::FieldType;
use crate::model::schema::FieldKey;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns::{AskedColumns, NUMBERS_OF_SERIES, VALUES};
use crate::wire::csv::table::CsvTable;
use crate::wire::flux::{self, Selection};

/// The type that a bucket holds of a field in a stretch, if it holds any of it.
pub(crate) async fn own_type(
    client: &Client,
    bucket: &str,
    key: &FieldKey,
    range: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let filter = field_filter(key, None);
    let selection = Selection { bucket, range, filter: &filter, measurements: &[], without: &[] };
    let tables = ask(client, &flux::first(selection), VALUES, key, range).await?;
    Ok(tables.iter().filter(|table| !table.rows.is_empty()).find_map(CsvTable::value_type))
}

/// The type of most values of the field at the source. Counts come by series, and so do types.
pub(crate) async fn majority(
    source: &SourceBucket,
    key: &FieldKey,
    group: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let group = group.intersect(source.job.range);
    let filter = field_filter(key, Some(&source.job.filter));
    let mut votes: BTreeMap<FieldType, i64> = BTreeMap::new();
    for range in source.job.shape.read_windows(group) {
        let selection = Selection {
            bucket: &source.job.source_bucket,
            range,
            filter: &filter,
            measurements: &[],
            without: &[],
        };
        let firsts = ask(&source.client, &flux::first(selection), VALUES, key, range).await?;
        let types: BTreeMap<Vec<(Name, Name)>, FieldType> = firsts
            .iter()
            .flat_map(|table| {
                (0..table.rows.len())
                    .filter_map(move |row| Some((series_of(table, row), table.value_type()?)))
            })
            .collect();
        let counts = flux::count_by_series(selection);
        for table in ask(&source.client, &counts, NUMBERS_OF_SERIES, key, range).await? {
            for row in 0..table.rows.len() {
                if let (Some(kind), Some(count)) =
                    (types.get(&series_of(&table, row)), table.long(row, "_value"))
                {
                    *votes.entry(*kind).or_default() += count;
                }
            }
        }
    }
    Ok(votes.into_iter().max_by_key(|(_, count)| *count).map(|(kind, _)| kind))
}

async fn ask(
    client: &Client,
    query: &str,
    columns: AskedColumns,
    key: &FieldKey,
    range: TimeRange,
) -> Result<Vec<CsvTable>, Error> {
    let what = format!("types of field {} in {range}", String::from_utf8_lossy(&key.1));
    let mut tables = small_answer::tables(client, query, columns, &what).await?;
    // A name that no query can spell finds others that look like it.
    let is_key = |table: &CsvTable| {
        table.bytes(0, "_measurement") == Some(&key.0) && table.bytes(0, "_field") == Some(&key.1)
    };
    tables.retain(is_key);
    Ok(tables)
}

fn field_filter((measurement, field): &FieldKey, job: Option<&Filter>) -> Filter {
    let own = format!(
        "{} and {}",
        flux::literal::is_measurement(measurement),
        flux::literal::is_field(field)
    );
    let base = job.cloned().unwrap_or_default();
    let predicate = match &base.predicate {
        Some(predicate) => format!("{own} and ({predicate})"),
        None => own,
    };
    Filter { predicate: Some(predicate), ..base }
}

fn series_of(table: &CsvTable, row: usize) -> Vec<(Name, Name)> {
    let bounds: [&[u8]; 2] = [b"_start", b"_stop"];
    let mut cells: Vec<_> = table
        .columns
        .iter()
        .zip(&table.rows[row])
        .filter(|(column, _)| column.group && !bounds.contains(&&*column.label))
        .map(|(column, cell)| (column.label.clone(), cell.clone()))
        .collect();
    cells.sort();
    cells
}
