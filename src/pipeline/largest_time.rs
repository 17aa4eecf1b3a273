//! The one instant that no Flux range reaches, [`Timestamp::MAX`]: only InfluxQL shows what is there.

use super::error::Error;
use super::survey::{self, FieldTypes};
use crate::influx::client::Client;
use crate::model::filter::Filter;
use crate::wire::influxql::{query, show};

/// Values at the largest time that the filter selects; a predicate, which is Flux, is taken for true.
pub async fn count(
    source: &Client,
    bucket: &str,
    filter: &Filter,
    types: &FieldTypes,
) -> Result<u64, Error> {
    let wanted =
        |name: &&String| filter.measurements.is_empty() || filter.measurements.contains(name);
    let mut values = 0;
    for measurement in types.keys().filter(wanted) {
        let statement = query::count_at_largest_time(measurement, filter);
        // A statement that is refused, as for names with a carriage return, cannot prove anything.
        let counted = survey::ask(source, bucket, &statement).await?;
        values += counted.map_or(0, |answer| show::parse_counts(&answer).unwrap_or(0));
    }
    Ok(values)
}
