//! One batch: cut into slices, read, written, and held against the source's own count. A batch that comes back from
//! here is complete: everything in it is acknowledged or known to be refused.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::context::Context;
use super::count;
use super::error::Error;
use super::event::Event;
use super::plan::{self, Slice};
use super::pool::Panicked;
use super::progress::Progress;
use super::rejects::Refusal;
use super::slice::{self, Form, Moved};
use crate::checkpoint::record::BatchDetails;
use crate::limits::CHANGED_REREADS_MAX;
use crate::model::time::{TimeRange, Timestamp};

/// A batch that may be committed.
#[derive(Debug)]
pub struct Done {
    /// Its number in the plan, and the number after it: one, or a stretch of empty batches.
    pub seq: std::ops::Range<u64>,
    /// Values read.
    pub values: u64,
    /// Values that Flux cannot carry: refused unread.
    pub left_out: u64,
    /// What is kept about it.
    pub details: BatchDetails,
    /// Refused lines.
    pub refusals: Vec<Refusal>,
}

impl Done {
    /// A stretch of empty batches.
    pub fn empty(seq: std::ops::Range<u64>) -> Self {
        Self {
            seq,
            values: 0,
            left_out: 0,
            details: BatchDetails { transport: TRANSPORT, ..BatchDetails::default() },
            refusals: Vec::new(),
        }
    }
}

/// How this version reads.
pub const TRANSPORT: &str = "flux";

/// Moves batch `seq`. `requested` is told once every slice has been asked for: the next batch may start then.
pub async fn run(
    context: Arc<Context>,
    seq: u64,
    range: TimeRange,
    mut windows: Vec<(TimeRange, u64)>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    let mut requested = Some(requested);
    let mut details = BatchDetails { transport: TRANSPORT, ..BatchDetails::default() };
    let (mut rereads, mut misread) = (0, false);
    let progress = Arc::new(Progress::new(range));
    context.types.prepare(&context, range).await?;
    loop {
        let counted: u64 = windows.iter().map(|(_, values)| values).sum();
        let predicted = context.cost.bytes(counted);
        context.tell(Event::BatchOpened {
            batch: range,
            values: counted,
            bytes_predicted: predicted,
        });
        let mut moved = read_all(&context, &progress, &windows, requested.take()).await?;
        details.source_bytes += moved.bytes;
        details.retries += moved.retries;
        if moved.values != counted {
            let again = count::windows(&context, range).await?;
            let recounted: u64 = again.iter().map(|(_, values)| values).sum();
            if recounted == counted {
                if misread {
                    return Err(Error::Mismatch { batch: range, counted, read: moved.values });
                }
                // An answer that ends exactly between two tables looks whole: the next one tells.
                misread = true;
                context.tell(Event::Notice(format!(
                    "batch {range}: {} of {counted} values arrived: reading it again",
                    moved.values
                )));
                continue;
            }
            if recounted < counted && may_expire(&context, range) {
                details.expired += counted.saturating_sub(moved.values);
            } else if rereads < CHANGED_REREADS_MAX {
                rereads += 1;
                context.tell(Event::Notice(format!(
                    "batch {range} changed while it was read ({counted} values, now {recounted}): reading it again"
                )));
                windows = again;
                continue;
            } else {
                details.changed = true;
            }
        }
        details.counted = counted;
        moved.add(carriage_returns(&context, &progress, &windows).await?);
        let left_out = left_out(&context, range).await?;
        let left_out_values = left_out.iter().map(|refusal| refusal.values).sum();
        moved.refusals.extend(left_out);
        tell_refusals(&context, range, &moved.refusals);
        details.rejected = moved.refusals.iter().map(|refusal| refusal.values).sum();
        return Ok(Done {
            seq: seq..seq + 1,
            values: moved.values,
            left_out: left_out_values,
            details,
            refusals: moved.refusals,
        });
    }
}

/// One event for all refusals of the batch, with the first of their reasons.
fn tell_refusals(context: &Context, batch: TimeRange, refusals: &[Refusal]) {
    if let Some(first) = refusals.first() {
        let values = refusals.iter().map(|refusal| refusal.values).sum();
        context.tell(Event::Rejected { batch, values, reason: first.reason.clone() });
    }
}

/// Values before the retention line of the source vanish while they are read.
fn may_expire(context: &Context, range: TimeRange) -> bool {
    let now = context.source.server_time().map_or(range.stop, Timestamp::from_ns);
    context.job.source_retention_ns.is_some_and(|ns| range.start < now.saturating_add_ns(-ns))
}

async fn read_all(
    context: &Arc<Context>,
    progress: &Arc<Progress>,
    windows: &[(TimeRange, u64)],
    requested: Option<oneshot::Sender<()>>,
) -> Result<Moved, Error> {
    let values_max = context.cost.values_in(context.job.slice_bytes_max);
    let mut tasks: JoinSet<Result<Moved, Error>> = JoinSet::new();
    let mut moved = Moved::default();
    for slice in plan::slices(&read_windows(context, windows), values_max) {
        let permit = context.slices.one().await?;
        let moving = slice::run(Arc::clone(context), Arc::clone(progress), slice, Form::Values);
        tasks.spawn(async move {
            let moved = moving.await;
            drop(permit);
            moved
        });
        while let Some(done) = tasks.try_join_next() {
            moved.add(done.map_err(|error| Panicked(error.to_string()))??);
        }
    }
    if let Some(requested) = requested {
        // A pipeline that is being taken down no longer listens.
        let _ = requested.send(());
    }
    while let Some(done) = tasks.join_next().await {
        moved.add(done.map_err(|error| Panicked(error.to_string()))??);
    }
    Ok(moved)
}

/// Counted windows may reach over several windows that are read apart; their values are spread by time.
fn read_windows(context: &Context, windows: &[(TimeRange, u64)]) -> Vec<(TimeRange, u64)> {
    let mut parts = Vec::new();
    for &(window, values) in windows {
        if values == 0 {
            continue;
        }
        for part in cut_for_types(context, context.job.shape.read_windows(window)) {
            let share = i128::from(values) * part.duration_ns() / window.duration_ns().max(1);
            parts.push((part, u64::try_from(share).unwrap_or(0).max(1)));
        }
    }
    parts
}

/// Where types can clash, a slice must not reach over two shard groups of the destination: each has a type of its own.
fn cut_for_types(context: &Context, windows: Vec<TimeRange>) -> Vec<TimeRange> {
    if context.types.is_empty() {
        return windows;
    }
    let duration_ns = context.job.destination_shard_group_ns;
    windows.into_iter().flat_map(|window| window.shard_group_parts(duration_ns)).collect()
}

/// Strings with a carriage return arrive without it: they are found by the server, read again in escaped form, and
/// written over what the slices wrote. All slices are acknowledged by now, so the right value comes last.
async fn carriage_returns(
    context: &Arc<Context>,
    progress: &Arc<Progress>,
    windows: &[(TimeRange, u64)],
) -> Result<Moved, Error> {
    let mut moved = Moved::default();
    if !context.job.strings {
        return Ok(moved);
    }
    for (window, _) in read_windows(context, windows) {
        let values = count::carriage_returns(context, window).await?;
        if values == 0 {
            continue;
        }
        let slice = Slice { range: window, values_predicted: values, depth: 0 };
        let part =
            slice::run(Arc::clone(context), Arc::clone(progress), slice, Form::CarriageReturns)
                .await?;
        if part.values != values {
            return Err(Error::Mismatch { batch: window, counted: values, read: part.values });
        }
        moved.bytes += part.bytes;
        moved.retries += part.retries;
        moved.refusals.extend(part.refusals);
    }
    Ok(moved)
}

/// The values that Flux cannot carry: counted, and refused without their text.
async fn left_out(context: &Context, batch: TimeRange) -> Result<Vec<Refusal>, Error> {
    let values = count::left_out(context, batch).await?;
    if values == 0 {
        return Ok(Vec::new());
    }
    let mut found: Vec<_> = context.job.without.iter().map(|found| found.why.as_str()).collect();
    if batch.contains(Timestamp::MAX) && context.job.at_largest_time > 0 {
        found.push("values at the largest time");
    }
    let reason = format!("left out, because Flux cannot carry it: {}", found.join("; "));
    Ok(vec![Refusal { values, reason, line: Vec::new(), carried: false }])
}
