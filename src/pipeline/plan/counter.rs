//! Walks over the plan in sequence: which batch comes next, and which stretches are empty.

use super::{NextBatch, count};
use crate::limits::REACH_BATCHES_MAX;
use crate::model::time::TimeRange;
use crate::pipeline::error::Error;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::layer::Window;

/// Walks over the plan.
#[derive(Debug)]
pub(crate) struct Counter {
    /// Stretches still to be looked at, the next one last: first batch, batch after the last.
    stretches: Vec<(u64, u64)>,
    next: u64,
    /// Batches looked at with one count; doubles while they are empty.
    reach: u64,
}

impl Counter {
    /// From the first batch on.
    pub(crate) fn new() -> Self {
        Self { stretches: Vec::new(), next: 0, reach: 1 }
    }

    /// The next batch or empty stretch, in sequence; `None` at the end of the plan.
    ///
    /// # Panics
    /// Never: the numbers it keeps are inside the plan.
    pub(crate) async fn next(
        &mut self,
        source: &SourceBucket,
    ) -> Result<Option<NextBatch<Vec<Window>>>, Error> {
        let plan = &source.job.plan;
        loop {
            let Some((first, end)) = self.stretches.pop() else {
                if plan.nth(self.next).is_none() {
                    return Ok(None);
                }
                let end = (self.next + self.reach).min(plan.len());
                self.stretches.push((self.next, end));
                self.next = end;
                continue;
            };
            let first_range = plan.nth(first).expect("stretches lie inside the plan");
            let last_range = plan.nth(end - 1).expect("stretches lie inside the plan");
            if end - first == 1 {
                let windows = count::windows(source, first_range).await?;
                let is_told = source.job.unreturned_in(first_range).is_empty();
                if windows.is_empty() && is_told && count::lost(source, first_range).await? == 0 {
                    self.reach = (self.reach * 2).min(REACH_BATCHES_MAX);
                    return Ok(Some(NextBatch::Empty(first..end)));
                }
                self.reach = 1;
                return Ok(Some(NextBatch::Batch {
                    seq: first,
                    range: first_range,
                    holds: windows,
                }));
            }
            let stretch = TimeRange::new(first_range.start, last_range.stop);
            if count::is_empty(source, stretch).await? {
                self.reach = (self.reach * 2).min(REACH_BATCHES_MAX);
                return Ok(Some(NextBatch::Empty(first..end)));
            }
            let middle = first + (end - first) / 2;
            self.stretches.push((middle, end));
            self.stretches.push((first, middle));
        }
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}
