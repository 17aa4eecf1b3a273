//! One question for a number of values.

use crate::influx::client::Client;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer::number_unless_too_slow;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::layer::Layer;
use crate::wire::flux::{self, Selection};

/// One count; `None` if the source runs out of time or memory over it.
pub(crate) async fn one(
    source: &SourceBucket,
    layer: Layer,
    range: TimeRange,
) -> Result<Option<u64>, Error> {
    let what = format!("count of {range}");
    let filter = source.job.filter_of(layer);
    let selection = Selection { filter: &filter, ..source.job.selection_of(layer, range) };
    ask(&source.client, selection, &what).await
}

/// The same of a selection.
pub(crate) async fn ask(
    client: &Client,
    selection: Selection<'_>,
    what: &str,
) -> Result<Option<u64>, Error> {
    number_unless_too_slow(client, &flux::count(selection), what).await
}
