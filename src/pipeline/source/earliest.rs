//! Where the job begins: the oldest value.

use super::at_least::at_least;
use crate::influx::client::Client;
use crate::influx::error::FailureKind;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::csv::columns;
use crate::wire::flux::{self, Selection};

/// Time of the oldest value that Flux reads. One query over all of time sees a field's first type only, which is the type
/// of its oldest value.
pub(crate) async fn earliest(
    source: &Client,
    selection: Selection<'_>,
) -> Result<Option<Timestamp>, Error> {
    let texts = [flux::earliest_by_field(selection), flux::earliest(selection)];
    end(source, texts, "oldest value").await
}

/// Time of the newest value of the types that the first shards have.
pub(crate) async fn latest(
    source: &Client,
    selection: Selection<'_>,
) -> Result<Option<Timestamp>, Error> {
    let texts = [flux::latest_by_field(selection), flux::latest(selection)];
    end(source, texts, "newest value").await
}

async fn end(
    source: &Client,
    [by_field, by_series]: [String; 2],
    what: &str,
) -> Result<Option<Timestamp>, Error> {
    let asked = match small_answer::ask(source, &by_field, columns::TIME, what).await {
        // A field has values of two types: only series by series they do not meet.
        Err(error) if error.kind() == FailureKind::BadRequest => {
            small_answer::ask(source, &by_series, columns::TIME, what).await
        }
        asked => asked,
    };
    let tables = small_answer::read(what, asked)?;
    Ok(tables.iter().find_map(|table| table.time(0, "_time")))
}

/// A time before which nothing of the selection lies, found by halving; `None` if nothing of it lies before `before`. To the
/// second: it only decides where the job begins. For what Flux counts, but does not read.
pub(crate) async fn earliest_counted(
    source: &Client,
    selection: Selection<'_>,
    before: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let mut range = TimeRange::new(selection.range.start, before);
    // Nothing lies before the first of all times, and an empty range is an error.
    if range.is_empty() || is_empty(source, selection, range).await? {
        return Ok(None);
    }
    while range.duration_ns() > i128::from(NS_PER_S) {
        let Some((first, second)) = range.halves() else { break };
        range = if is_empty(source, selection, first).await? { second } else { first };
    }
    Ok(Some(range.start))
}

async fn is_empty(
    source: &Client,
    selection: Selection<'_>,
    range: TimeRange,
) -> Result<bool, Error> {
    let what = "count of what is left out";
    Ok(at_least(source, Selection { range, ..selection }, what).await? == Some(0))
}
