//! How many values the source holds, by its own count. Empty stretches are found by halving: one count that answers zero
//! settles a whole stretch unread, however many batches or shard groups it reaches over.

use super::context::Context;
use super::error::Error;
use super::plan::TypeHistory;
use crate::influx::error::FailureKind;
use crate::model::time::{TimeRange, Timestamp};
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};

/// Counts a range: the read windows that hold something, in order, each with its number of values.
pub async fn windows(context: &Context, range: TimeRange) -> Result<Vec<(TimeRange, u64)>, Error> {
    let shape = context.job.shape;
    let mut found = Vec::new();
    // The next stretch lies last; its count is known where it follows from its sibling's.
    let mut stretches = vec![(range, None)];
    while let Some((stretch, known)) = stretches.pop() {
        if stretch.is_empty() || known == Some(0) {
            continue;
        }
        let Some((first, second)) = shape.halves(stretch) else {
            let values = match known {
                Some(values) => values,
                None => whole(context, stretch).await?,
            };
            if values > 0 {
                found.push((stretch, values));
            }
            continue;
        };
        match shape.types {
            TypeHistory::Single => {
                let all = match known {
                    Some(values) => Some(values),
                    None => one(context, stretch).await?,
                };
                let part = match all {
                    Some(0) => continue,
                    Some(_) => one(context, first).await?,
                    None => None,
                };
                let rest = all.zip(part).map(|(all, part)| all.saturating_sub(part));
                stretches.extend([(second, rest), (first, part)]);
            }
            TypeHistory::Unknown | TypeHistory::Several => {
                if !is_empty(context, stretch).await? {
                    stretches.extend([(second, None), (first, None)]);
                }
            }
        }
    }
    Ok(found)
}

/// Counts a part that one query reads whole. A count that takes too long is taken in halves, which add up.
async fn whole(context: &Context, range: TimeRange) -> Result<u64, Error> {
    let mut values = 0;
    let mut parts = vec![range];
    while let Some(part) = parts.pop() {
        match (one(context, part).await?, part.halves()) {
            (Some(counted), _) => values += counted,
            (None, Some((first, second))) => parts.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: part }),
        }
    }
    Ok(values)
}

/// One count; `None` if the source runs out of time or memory over it.
async fn one(context: &Context, range: TimeRange) -> Result<Option<u64>, Error> {
    ask(context, context.job.selection(range), &format!("count of {range}")).await
}

async fn ask(
    context: &Context,
    selection: Selection<'_>,
    what: &str,
) -> Result<Option<u64>, Error> {
    answer(context, &flux::count(selection), what).await
}

async fn answer(context: &Context, query: &str, what: &str) -> Result<Option<u64>, Error> {
    let answer = match context.source.query_all(query, what).await {
        Ok(answer) => answer,
        Err(error) if matches!(error.kind(), FailureKind::Timeout | FailureKind::MemoryLimit) => {
            return Ok(None);
        }
        Err(error) => return Err(Error::influx(what, error)),
    };
    let count = table::single_long(&answer).map_err(|error| Error::decode(what, error))?;
    Ok(Some(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)))
}

/// String values of a read window that hold a carriage return.
pub async fn carriage_returns(context: &Context, window: TimeRange) -> Result<u64, Error> {
    let what = format!("search for carriage returns in {window}");
    let mut values = 0;
    let mut parts = vec![window];
    while let Some(part) = parts.pop() {
        let query = flux::count_carriage_returns(context.job.selection(part));
        match (answer(context, &query, &what).await?, part.halves()) {
            (Some(counted), _) => values += counted,
            (None, Some((first, second))) => parts.extend([second, first]),
            (None, None) => return Err(Error::TooSlow { range: part }),
        }
    }
    Ok(values)
}

/// Values of the range that the job leaves out: all, less those that it reads.
pub async fn left_out(context: &Context, range: TimeRange) -> Result<u64, Error> {
    let reaches_end = range.contains(Timestamp::MAX);
    let mut values = if reaches_end { context.job.at_largest_time } else { 0 };
    if context.job.without.is_empty() {
        return Ok(values);
    }
    let what = format!("count of what is left out of {range}");
    for window in context.job.shape.count_windows(range) {
        let kept = context.job.selection(window);
        let all = ask(context, Selection { without: &[], ..kept }, &what).await?;
        let read = ask(context, kept, &what).await?;
        let (Some(all), Some(read)) = (all, read) else {
            return Err(Error::TooSlow { range: window });
        };
        values += all.saturating_sub(read);
    }
    Ok(values)
}

/// True if the range certainly holds nothing; false if it may hold something.
async fn is_empty(context: &Context, range: TimeRange) -> Result<bool, Error> {
    if one(context, range).await? != Some(0) {
        return Ok(false);
    }
    if context.job.shape.types == TypeHistory::Single || context.job.shape.halves(range).is_none() {
        return Ok(true);
    }
    // A field of several types hides behind the type of its first shard: one zero proves nothing.
    for query in
        [flux::earliest(context.job.selection(range)), flux::latest(context.job.selection(range))]
    {
        let what = format!("emptiness of {range}");
        let answer = context
            .source
            .query_all(&query, &what)
            .await
            .map_err(|error| Error::influx(&what, error))?;
        let tables = table::read_tables(&answer).map_err(|error| Error::decode(&what, error))?;
        if tables.iter().any(|table| !table.rows.is_empty()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What the counter found next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Batches `first..end` hold nothing.
    Empty {
        /// Number of the first.
        first: u64,
        /// Number after the last.
        end: u64,
    },
    /// One batch that holds something.
    Batch {
        /// Its number.
        seq: u64,
        /// Its range.
        range: TimeRange,
        /// Counts of its windows, in order.
        windows: Vec<(TimeRange, u64)>,
    },
}

/// Walks over the plan.
#[derive(Debug)]
pub struct Counter {
    /// Stretches still to be looked at, the next one last: first batch, batch after the last.
    stretches: Vec<(u64, u64)>,
    next: u64,
    /// Batches looked at with one count; doubles while they are empty.
    reach: u64,
}

/// One count reaches over this many batches at the most.
const REACH_BATCHES_MAX: u64 = 1 << 20;

impl Counter {
    /// From the first batch on.
    pub fn new() -> Self {
        Self { stretches: Vec::new(), next: 0, reach: 1 }
    }

    /// The next batch or empty stretch, in sequence; `None` at the end of the plan.
    ///
    /// # Panics
    /// Never: the numbers it keeps are inside the plan.
    pub async fn next(&mut self, context: &Context) -> Result<Option<Found>, Error> {
        let plan = &context.job.plan;
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
                let windows = windows(context, first_range).await?;
                if windows.is_empty() && left_out(context, first_range).await? == 0 {
                    self.reach = (self.reach * 2).min(REACH_BATCHES_MAX);
                    return Ok(Some(Found::Empty { first, end }));
                }
                self.reach = 1;
                return Ok(Some(Found::Batch { seq: first, range: first_range, windows }));
            }
            let stretch = TimeRange::new(first_range.start, last_range.stop);
            if is_empty(context, stretch).await? && left_out(context, stretch).await? == 0 {
                self.reach = (self.reach * 2).min(REACH_BATCHES_MAX);
                return Ok(Some(Found::Empty { first, end }));
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
