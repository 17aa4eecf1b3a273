//! How many values a selection holds at the least, where the server may stumble over the count.
//!
//! A tag called `_value` takes the place of the column of the counts, if the last series of a group has it: the query fails.
//! Seen on InfluxDB OSS 2.9.1. The index still tells the series.

use crate::influx::client::Client;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::wire::flux::{self, Selection};

/// Its values, or its series where they cannot be counted; `None` if the source runs out of time or memory over it.
pub(crate) async fn at_least(
    client: &Client,
    selection: Selection<'_>,
    what: &str,
) -> Result<Option<u64>, Error> {
    match small_answer::number_unless_too_slow(client, &flux::count(selection), what).await {
        Err(error) if error.is_panic_of_server() => {
            let series = flux::index::series_of_selection(selection);
            small_answer::number(client, &series, what).await.map(Some)
        }
        counted => counted,
    }
}
