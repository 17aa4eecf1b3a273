//! What a job has committed, in pieces that follow each other, and how each is held against a count.
//!
//! Pieces are counted one by one, or a few neighbours together where there are very many: one count of all of them would not
//! tell values that are missing in one piece from as many that are too many in another.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::checkpoint::record::CommittedBatch;
use crate::limits::{CLOSING_COUNTS_MAX, CLOSING_DIFFERENCES_MAX};
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::plan::count;
use crate::pipeline::source::SourceBucket;

/// A range in which two numbers of values differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discrepancy {
    /// The range: a batch, or a stretch between two.
    pub range: TimeRange,
    /// Values that were read, or acknowledged.
    pub expected: u64,
    /// Values that are there.
    pub found: u64,
}

/// The range without a gap: batches that hold something, and what lies between them.
pub(super) fn of(range: TimeRange, mut batches: Vec<CommittedBatch>) -> Vec<CommittedBatch> {
    batches.retain(|batch| range.contains(batch.range.start));
    batches.sort_by_key(|batch| batch.range.start);
    let (mut pieces, mut at) = (Vec::with_capacity(batches.len() * 2 + 1), range.start);
    for batch in batches {
        pieces.extend(gap(at, batch.range.start));
        at = batch.range.stop;
        pieces.push(batch);
    }
    pieces.extend(gap(at, range.stop));
    pieces
}

fn gap(start: Timestamp, stop: Timestamp) -> Option<CommittedBatch> {
    (start < stop).then(|| CommittedBatch::empty(TimeRange { start, stop }))
}

/// All of them.
pub(super) fn whole(pieces: &[CommittedBatch]) -> Option<TimeRange> {
    Some(TimeRange { start: pieces.first()?.range.start, stop: pieces.last()?.range.stop })
}

/// Of all of them.
pub(super) fn sum(pieces: &[CommittedBatch], of: impl Fn(&CommittedBatch) -> u64) -> u64 {
    pieces.iter().map(of).sum()
}

/// Neighbours whose counts are not fine. Under a quota many small answers at one time wait for what they are predicted to cost.
pub(super) async fn suspects<'a>(
    counter: &SourceBucket,
    counts_at_once: usize,
    pieces: &'a [CommittedBatch],
    is_fine: impl Fn(&[CommittedBatch], u64) -> bool,
) -> Result<Vec<&'a [CommittedBatch]>, Error> {
    let together = pieces.len().div_ceil(CLOSING_COUNTS_MAX).max(1);
    let parts = || pieces.chunks(together).filter_map(|part| Some((part, whole(part)?)));
    let counts = stream::iter(parts().map(|(_, range)| count::total(counter, range)));
    let counts: Vec<_> = counts.buffered(counts_at_once).try_collect().await?;
    let counted = parts().map(|(part, _)| part).zip(counts);
    Ok(counted.filter(|(part, counted)| !is_fine(part, *counted)).map(|(part, _)| part).collect())
}

/// The pieces whose count is not fine.
pub(super) async fn differing(
    counter: &SourceBucket,
    counts_at_once: usize,
    pieces: &[CommittedBatch],
    is_fine: impl Fn(&[CommittedBatch], u64) -> bool,
    expected: impl Fn(&CommittedBatch) -> u64,
) -> Result<Vec<Discrepancy>, Error> {
    let mut differing = Vec::new();
    let mut stack = suspects(counter, counts_at_once, pieces, &is_fine).await?;
    stack.reverse();
    while differing.len() < CLOSING_DIFFERENCES_MAX
        && let Some(pieces) = stack.pop()
    {
        if pieces.len() > 1 {
            stack.extend(pieces.chunks(pieces.len().div_ceil(2)).rev());
            continue;
        }
        let Some(range) = whole(pieces) else { continue };
        let found = count::total(counter, range).await?;
        if !is_fine(pieces, found) {
            differing.push(Discrepancy { range, expected: sum(pieces, &expected), found });
        }
    }
    Ok(differing)
}
