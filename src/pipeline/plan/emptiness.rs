//! Whether a stretch holds nothing: the source's to say, of exactly that stretch.

use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::small_answer;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::at_least::at_least;
use crate::pipeline::source::layer::Layer;
use crate::pipeline::source::shape::{SourceShape, TypeHistory};
use crate::wire::csv::columns;
use crate::wire::flux::{self, Selection};

/// True if a layer of the range certainly holds nothing; false if it may hold something.
pub(crate) async fn is_empty_of(
    source: &SourceBucket,
    layer: Layer,
    shape: SourceShape,
    range: TimeRange,
) -> Result<bool, Error> {
    Ok(one_sure(source, layer, shape, range).await? == Some(0))
}

/// How many values a layer holds, at least; `None` if the source runs out of time or memory over it, or if its zero proves
/// nothing.
pub(super) async fn one_sure(
    source: &SourceBucket,
    layer: Layer,
    shape: SourceShape,
    range: TimeRange,
) -> Result<Option<u64>, Error> {
    let filter = source.job.filter_of(layer);
    let selection = Selection { filter: &filter, ..source.job.selection_of(layer, range) };
    let counted = at_least(&source.client, selection, &format!("count of {range}")).await?;
    if counted != Some(0) {
        return Ok(counted);
    }
    let mixed = [source.job.routes.is_mixed()];
    let conditions = if layer == Layer::Mixed { &mixed } else { selection.without };
    Ok(is_zero_true(source, shape, selection, conditions).await?.then_some(0))
}

/// True if the selection certainly holds nothing; the conditions are those of it that an index can be asked for.
pub(super) async fn is_empty_in(
    source: &SourceBucket,
    shape: SourceShape,
    selection: Selection<'_>,
    conditions: &[String],
) -> Result<bool, Error> {
    let what = format!("count of {}", selection.range);
    let counted = at_least(&source.client, selection, &what).await?;
    Ok(counted == Some(0) && is_zero_true(source, shape, selection, conditions).await?)
}

/// Whether a selection whose count is zero holds nothing. A field of several types hides behind the type of its first shard,
/// and from the other side behind that of its last one: over shard groups one zero proves nothing. That each field had one
/// type when the run began does not help: a value of another type may have come since, and hide what was there before.
async fn is_zero_true(
    source: &SourceBucket,
    shape: SourceShape,
    selection: Selection<'_>,
    conditions: &[String],
) -> Result<bool, Error> {
    let range = selection.range;
    let Some((first, second)) = shape.halves(range) else { return Ok(true) };
    for query in [flux::earliest(selection), flux::latest(selection)] {
        let what = format!("emptiness of {range}");
        let tables = match small_answer::tables(&source.client, &query, columns::TIME, &what).await
        {
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
    let is_sure = has_no_middle || shape.types == TypeHistory::Single;
    Ok(is_sure || is_unknown_to_the_index(source, range, conditions).await?)
}

/// False also where the index does not tell.
async fn is_unknown_to_the_index(
    source: &SourceBucket,
    range: TimeRange,
    conditions: &[String],
) -> Result<bool, Error> {
    let what = format!("series in {range}");
    let query = flux::index::series_in_range(&source.job.source_bucket, range, conditions);
    let asked = small_answer::ask_number(&source.client, &query, &what).await;
    Ok(small_answer::unless_refused(&what, asked)?.ok() == Some(0))
}
