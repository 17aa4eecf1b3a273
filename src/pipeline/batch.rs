//! One batch: cut into slices, read, written, and held against the source's own count. A batch that comes back from
//! here is complete: everything in it is acknowledged or known to be refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Duration;

use super::context::Context;
use super::error::Error;
use super::event::{Counters, Event};
use super::fetch::{self, Request};
use super::plan::{self, Slice};
use super::pool::Panicked;
use super::rejects::Refusal;
use super::{count, encode};
use crate::checkpoint::record::BatchDetails;
use crate::influx::backoff::{Backoff, Jitter};
use crate::influx::classify::Action;
use crate::influx::signal::{Signal, WaitCause};
use crate::limits::{
    BACKOFF_MS_MAX, BACKOFF_MS_MIN, CHANGED_REREADS_MAX, FRAMES_QUEUED_MAX, RETRIES_MAX,
};
use crate::model::side::Side;
use crate::model::time::{TimeRange, Timestamp};
use crate::wire::csv::suspect::{Place, Suspect, Suspects};
use crate::wire::csv::table;
use crate::wire::flux;

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

#[derive(Debug, Default)]
struct Moved {
    values: u64,
    bytes: u64,
    retries: u64,
    refusals: Vec<Refusal>,
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.bytes += other.bytes;
        self.retries += other.retries;
        self.refusals.extend(other.refusals);
    }
}

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
    let mut rereads = 0;
    context.types.prepare(&context, range).await?;
    loop {
        let counted: u64 = windows.iter().map(|(_, values)| values).sum();
        let predicted = context.bytes_per_value.predict(counted);
        context.tell(Event::BatchOpened {
            batch: range,
            values: counted,
            bytes_predicted: predicted,
        });
        let mut moved = read_all(&context, range, &windows, requested.take()).await?;
        details.source_bytes += moved.bytes;
        details.retries += moved.retries;
        if moved.values != counted {
            let again = count::windows(&context, range).await?;
            let recounted: u64 = again.iter().map(|(_, values)| values).sum();
            if recounted == counted {
                return Err(Error::Mismatch { batch: range, counted, read: moved.values });
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
        moved.add(carriage_returns(&context, range).await?);
        let left_out = left_out(&context, range).await?;
        let left_out_values = left_out.iter().map(|refusal| refusal.values).sum();
        moved.refusals.extend(left_out);
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

/// Values before the retention line of the source vanish while they are read.
fn may_expire(context: &Context, range: TimeRange) -> bool {
    let now = context.source.server_time().map_or(range.stop, Timestamp::from_ns);
    context.job.source_retention_ns.is_some_and(|ns| range.start < now.saturating_add_ns(-ns))
}

async fn read_all(
    context: &Arc<Context>,
    batch: TimeRange,
    windows: &[(TimeRange, u64)],
    requested: Option<oneshot::Sender<()>>,
) -> Result<Moved, Error> {
    let values_max = context.bytes_per_value.values_in(context.job.slice_bytes_max);
    let mut tasks: JoinSet<Result<Moved, Error>> = JoinSet::new();
    let mut moved = Moved::default();
    for slice in plan::slices(&read_windows(context, windows), values_max) {
        let permits = Arc::clone(&context.slices);
        let permit = permits.acquire_owned().await.map_err(|_| Error::StageGone("fetch"))?;
        tasks.spawn(move_slice(Arc::clone(context), batch, slice, permit));
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

/// Reads and writes one slice, split and retried as its failures ask for; its parts keep its permit.
async fn move_slice(
    context: Arc<Context>,
    batch: TimeRange,
    slice: Slice,
    permit: OwnedSemaphorePermit,
) -> Result<Moved, Error> {
    let mut moved = Moved::default();
    let mut parts = vec![slice];
    let mut pauses = backoff();
    let mut tries = 0;
    while let Some(part) = parts.pop() {
        let request = Request {
            query: flux::read(context.job.selection(part.range), &context.job.field_label),
            what: format!("slice {} of batch {batch}", part.range),
            bytes_predicted: context.bytes_per_value.predict(part.values_predicted),
            unescape_strings: false,
        };
        let error = match attempt(&context, batch, &request).await {
            Ok(done) => {
                context.bytes_per_value.learn(done.values, done.bytes);
                moved.add(done);
                tries = 0;
                pauses = backoff();
                continue;
            }
            Err(error) => error,
        };
        tries += 1;
        moved.retries += 1;
        Counters::add(&context.counters.retries, 1);
        let Some(kind) = fetch::failure(&error) else { return Err(error) };
        context.source.back_off(&kind);
        match (fetch::action(kind, tries), part.halves()) {
            _ if tries > RETRIES_MAX => return Err(error),
            (Action::Split, Some(halves)) => {
                Counters::add(&context.counters.splits, 1);
                context.tell(Event::Split { batch, slice: part.range, cause: error_text(&error) });
                parts.extend(halves.into_iter().rev());
                tries = 0;
            }
            (Action::Split | Action::Retry, _) => {
                pause(&context, &request.what, tries, &error, pauses.next_ms()).await;
                parts.push(part);
            }
            // The gate of the source is shut: the next request waits there.
            (Action::BackOff, _) => parts.push(part),
            (Action::Reject | Action::Stop, _) => return Err(error),
        }
    }
    drop(permit);
    Ok(moved)
}

async fn attempt(
    context: &Arc<Context>,
    batch: TimeRange,
    request: &Request,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let read = fetch::read(context, request, sender);
    let write = encode::encode_and_write(context, batch, receiver);
    let (fetched, written) = tokio::join!(read, write);
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let fetched = fetched?;
    Counters::add(&context.counters.values_read, fetched.totals.values);
    context.tell(Event::BatchProgress {
        batch,
        values_read: fetched.totals.values,
        values_written: written.values,
        bytes_read: fetched.bytes,
    });
    let mut refusals = written.refusals;
    refusals.extend(lost_names(&fetched.totals.suspects));
    Ok(Moved { values: fetched.totals.values, bytes: fetched.bytes, retries: 0, refusals })
}

/// Strings with a carriage return arrive without it: they are found by the server, read again in escaped form, and
/// written over what the slices wrote. All slices are acknowledged by now, so the right value comes last.
async fn carriage_returns(context: &Arc<Context>, batch: TimeRange) -> Result<Moved, Error> {
    let mut moved = Moved::default();
    if !context.job.strings {
        return Ok(moved);
    }
    for window in cut_for_types(context, context.job.shape.read_windows(batch)) {
        let what = format!("search for carriage returns in {window}");
        let query = flux::count_carriage_returns(context.job.selection(window));
        let answer = context
            .source
            .query_all(&query, &what)
            .await
            .map_err(|error| Error::influx(&what, error))?;
        let count =
            table::single_long(&answer).map_err(|error| Error::decode(&what, error))?.unwrap_or(0);
        if count == 0 {
            continue;
        }
        let request = Request {
            query: flux::read_carriage_returns(
                context.job.selection(window),
                &context.job.field_label,
            ),
            what: format!("{count} strings with carriage returns in {window}"),
            bytes_predicted: context.bytes_per_value.predict(count.unsigned_abs()),
            unescape_strings: true,
        };
        let part = attempt(context, batch, &request).await?;
        if part.values != count.unsigned_abs() {
            return Err(Error::Mismatch {
                batch: window,
                counted: count.unsigned_abs(),
                read: part.values,
            });
        }
        moved.bytes += part.bytes;
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
    let found: Vec<_> = context.job.without.iter().map(|found| found.why.as_str()).collect();
    let reason = format!("left out, because Flux cannot carry it: {}", found.join("; "));
    context.tell(Event::Rejected { batch, values, reason: reason.clone() });
    Ok(vec![Refusal { values, reason, line: Vec::new(), carried: false }])
}

fn backoff() -> Backoff {
    Backoff::new(BACKOFF_MS_MIN, BACKOFF_MS_MAX, Jitter::new(None))
}

async fn pause(context: &Context, what: &str, attempt: u32, error: &Error, wait_ms: u64) {
    let (side, cause) = (Side::Source, WaitCause::Backoff);
    context.tell(Event::Client(Signal::Retried {
        side,
        what: what.to_owned(),
        attempt,
        error: error_text(error),
    }));
    context.tell(Event::Client(Signal::WaitBegan { side, cause, wait_ms }));
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    context.tell(Event::Client(Signal::WaitEnded { side, cause, waited_ms: wait_ms }));
}

/// Names that lost a carriage return on their way. Values that did are found by the source and read again.
fn lost_names(suspects: &Suspects) -> Vec<Refusal> {
    let refusal = |suspect: &Suspect| Refusal {
        values: suspect.count,
        reason: format!("Flux dropped a carriage return from {:?}", suspect.place),
        line: suspect.measurement.to_vec(),
        carried: false,
    };
    let names =
        suspects.listed.iter().filter(|suspect| !matches!(suspect.place, Place::FieldValue(_)));
    names.map(refusal).collect()
}

fn error_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}
