//! How many values the source holds, by its own count. Empty stretches are found by halving: one count that answers zero
//! settles a whole stretch unread.

use super::context::Context;
use super::error::Error;
use super::event::Counters;
use super::plan::TypeHistory;
use crate::influx::classify::{self, Action};
use crate::limits::SPLIT_DEPTH_MAX;
use crate::model::filter::Filter;
use crate::model::time::TimeRange;
use crate::wire::csv::table;
use crate::wire::flux::{self, Selection};

/// Counts in the windows of a range, in order.
pub async fn windows(context: &Context, range: TimeRange) -> Result<Vec<(TimeRange, u64)>, Error> {
    let mut counts = Vec::new();
    for window in context.job.shape.count_windows(range) {
        counts.push((window, one(context, window).await?));
    }
    Ok(counts)
}

async fn one(context: &Context, range: TimeRange) -> Result<u64, Error> {
    sum(context, range, |range| flux::count(context.job.selection(range))).await
}

/// Strings with a carriage return, where [`windows`] counted something.
pub async fn carriage_returns(context: &Context, range: TimeRange) -> Result<u64, Error> {
    sum(context, range, |range| flux::count_carriage_returns(context.job.selection(range))).await
}

/// The count that `query` asks for over `range`; in halves where the whole is too much for the source.
async fn sum(
    context: &Context,
    range: TimeRange,
    query: impl Fn(TimeRange) -> String,
) -> Result<u64, Error> {
    let mut values = 0;
    let mut parts = vec![(range, 0)];
    while let Some((part, depth)) = parts.pop() {
        let what = format!("count of {part}");
        let error = match context.source.query_all(&query(part), &what).await {
            Ok(answer) => {
                let count =
                    table::single_long(&answer).map_err(|error| Error::decode(&what, error))?;
                values += count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
                continue;
            }
            Err(error) => error,
        };
        match part.halves().filter(|_| depth < SPLIT_DEPTH_MAX) {
            Some((first, second)) if classify::action(&error.kind()) == Action::Split => {
                Counters::add(&context.counters.splits, 1);
                parts.extend([(second, depth + 1), (first, depth + 1)]);
            }
            _ => return Err(Error::influx(what, error)),
        }
    }
    Ok(values)
}

/// Counts one measurement that the job leaves out.
pub async fn of_measurement(
    context: &Context,
    measurement: &[u8],
    range: TimeRange,
) -> Result<u64, Error> {
    let own = format!("r[\"_measurement\"] == {}", flux::quote(measurement));
    let job = &context.job.filter;
    let predicate =
        job.predicate.as_ref().map_or(own.clone(), |predicate| format!("{own} and ({predicate})"));
    let filter = Filter { predicate: Some(predicate), ..job.clone() };
    let mut values = 0;
    for window in context.job.shape.count_windows(range) {
        let selection =
            |range| Selection { filter: &filter, without: &[], ..context.job.selection(range) };
        values += sum(context, window, |range| flux::count(selection(range))).await?;
    }
    Ok(values)
}

/// True if the range certainly holds nothing; false if it may hold something. What Flux cannot read it still counts.
async fn is_empty(context: &Context, range: TimeRange) -> Result<bool, Error> {
    let all = |range| Selection { without: &[], ..context.job.selection(range) };
    if sum(context, range, |range| flux::count(all(range))).await? > 0 {
        return Ok(false);
    }
    let windows = context.job.shape.count_windows(range).len();
    match context.job.shape.types {
        _ if windows <= 1 => Ok(true),
        TypeHistory::Single => Ok(true),
        // A field of several types hides behind the type of its first shard: one zero proves nothing.
        TypeHistory::Several => Ok(false),
        TypeHistory::Unknown => {
            for query in [
                flux::earliest(context.job.selection(range)),
                flux::latest(context.job.selection(range)),
            ] {
                let what = format!("emptiness of {range}");
                let answer = context
                    .source
                    .query_all(&query, &what)
                    .await
                    .map_err(|error| Error::influx(&what, error))?;
                let tables =
                    table::read_tables(&answer).map_err(|error| Error::decode(&what, error))?;
                if tables.iter().any(|table| !table.rows.is_empty()) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

/// True if the range holds values of measurements that the job leaves out: they are to be named.
async fn holds_left_out(context: &Context, range: TimeRange) -> Result<bool, Error> {
    for measurement in &context.job.without {
        if of_measurement(context, measurement, range).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
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
                let counted = windows.iter().any(|(_, values)| *values > 0);
                if counted || holds_left_out(context, first_range).await? {
                    self.reach = 1;
                    return Ok(Some(Found::Batch { seq: first, range: first_range, windows }));
                }
                self.reach = (self.reach * 2).min(REACH_BATCHES_MAX);
                return Ok(Some(Found::Empty { first, end }));
            }
            if is_empty(context, TimeRange::new(first_range.start, last_range.stop)).await? {
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
