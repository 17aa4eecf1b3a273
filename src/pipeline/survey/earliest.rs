//! Where the job begins: the oldest value.

use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};

/// Time of the oldest value that Flux reads. One query over all of time sees a field's first type only, which is the type
/// of its oldest value.
pub async fn earliest(
    source: &Client,
    selection: Selection<'_>,
) -> Result<Option<Timestamp>, Error> {
    let what = "oldest value";
    let answer = match source.query_all(&flux::earliest_by_field(selection), what).await {
        // A field has values of two types: only series by series they do not meet.
        Err(error) if error.kind() == FailureKind::BadRequest => {
            source.query_all(&flux::earliest(selection), what).await
        }
        answer => answer,
    };
    let answer = answer.map_err(|error| Error::influx(what, error))?;
    let tables = table::read_tables(&answer).map_err(|error| Error::csv(what, error))?;
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
        *count = table::single_long(&answer).map_err(|error| Error::csv(what, error))?.unwrap_or(0);
    }
    Ok(counts[0] - counts[1])
}
