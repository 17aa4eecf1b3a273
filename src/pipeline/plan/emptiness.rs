//! Whether a stretch holds nothing: the source's to say, of exactly that stretch.

use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::at_least::at_least;
use crate::pipeline::source::layer::Layer;
use crate::pipeline::source::shape::{SourceShape, TypeHistory};
use crate::wire::flux::{self, Selection};

/// True if a layer of the range certainly holds nothing; false if it may hold something.
pub(crate) async fn is_empty_of(
    source: &SourceBucket,
    layer: Layer,
    shape: SourceShape,
    range: TimeRange,
) -> Result<bool, Error> {
    let filter = source.job.filter_of(layer);
    let selection = Selection { filter: &filter, ..source.job.selection_of(layer, range) };
    let mixed = [source.job.routes.is_mixed()];
    let conditions = if layer == Layer::Mixed { &mixed } else { selection.without };
    is_empty_in(source, shape, selection, conditions).await
}

/// True if the selection certainly holds nothing; the conditions are those of it that an index can be asked for.
pub(super) async fn is_empty_in(
    source: &SourceBucket,
    shape: SourceShape,
    selection: Selection<'_>,
    conditions: &[String],
) -> Result<bool, Error> {
    let range = selection.range;
    if at_least(&source.client, selection, &format!("count of {range}")).await? != Some(0) {
        return Ok(false);
    }
    let Some((first, second)) = shape.halves(range).filter(|_| shape.types != TypeHistory::Single)
    else {
        return Ok(true);
    };
    // A field of several types hides behind the type of its first shard, and from the other side behind that of its last
    // one: one zero proves nothing.
    for query in [flux::earliest(selection), flux::latest(selection)] {
        let what = format!("emptiness of {range}");
        let tables = match small_answer::tables(&source.client, &query, &what).await {
            // It stumbles over something.
            Err(error) if error.is_panic_of_server() => return Ok(false),
            tables => tables?,
        };
        if tables.iter().any(|table| !table.rows.is_empty()) {
            return Ok(false);
        }
    }
    // What lies between shards that hide it only the index knows, which has no types.
    let has_no_middle = shape.halves(first).is_none() && shape.halves(second).is_none();
    Ok(has_no_middle || is_unknown_to_the_index(source, range, conditions).await?)
}

/// False also where the index does not tell.
async fn is_unknown_to_the_index(
    source: &SourceBucket,
    range: TimeRange,
    conditions: &[String],
) -> Result<bool, Error> {
    let what = format!("series in {range}");
    let query = flux::series_in_range(&source.job.source_bucket, range, conditions);
    let asked = source.client.query_all(&query, &what).await;
    let Ok(answer) = Error::unless_refused(&what, asked)? else { return Ok(false) };
    Ok(small_answer::number_in(&answer, &what)? == 0)
}
