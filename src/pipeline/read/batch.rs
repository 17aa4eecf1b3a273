//! One batch: cut into slices, read, written, and held against the source's own count. A batch that comes back from
//! here is complete: everything in it is acknowledged or known to be refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::checkpoint::record::BatchDetails;
use crate::limits::{CHANGED_REREADS_MAX, HELD_SLICE_BYTES_MAX};
use crate::model::batch::BatchPlan;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::context::Context;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::plan::count;
use crate::pipeline::plan::parts;
use crate::pipeline::plan::target::Target;
use crate::pipeline::plan::slice::{Slice, slices};
use crate::pipeline::source::layer::{Window, values_in};
use crate::pipeline::progress::Progress;
use crate::pipeline::read::slice::{self, Moved};
use crate::pipeline::source::unreturned::Unreturned;
use crate::pipeline::write::clash;
use crate::pipeline::write::inlet::Inlet;
use crate::pipeline::pool::joined;
use crate::pipeline::write::refusals::Refusals;
use crate::spool::batch::FinishedBatch;

/// A batch that may be committed.
#[derive(Debug)]
pub struct Done {
    /// Its number in the plan, and the number after it: one, or a stretch of empty batches.
    pub seq: std::ops::Range<u64>,
    /// Values read.
    pub values: u64,
    /// Values that no answer carries: refused unread.
    pub left_out: u64,
    /// What is kept about it.
    pub details: BatchDetails,
    /// Refused lines.
    pub refusals: Refusals,
    /// Its files, where a spool is written.
    pub staged: Option<FinishedBatch>,
}

impl Done {
    /// Its range, or that of all batches of the stretch.
    ///
    /// # Panics
    ///
    /// If it is not of this plan.
    pub fn range(&self, plan: BatchPlan) -> TimeRange {
        let nth = |seq| plan.nth(seq).expect("a complete batch is in the plan");
        TimeRange::new(nth(self.seq.start).start, nth(self.seq.end - 1).stop)
    }

    /// A stretch of empty batches.
    pub fn empty(seq: std::ops::Range<u64>) -> Self {
        Self {
            seq,
            values: 0,
            left_out: 0,
            details: BatchDetails::default(),
            refusals: Refusals::default(),
            staged: None,
        }
    }
}

/// Moves batch `seq`. `requested` is told once every slice has been asked for: the next batch may start then.
pub async fn run(
    context: Arc<Context>,
    seq: u64,
    range: TimeRange,
    mut windows: Vec<Window>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    let mut requested = Some(requested);
    let mut details = BatchDetails::default();
    let (mut rereads, mut misread) = (0, false);
    let progress = Arc::new(Progress::new(range));
    if let Some(bucket) = context.out.bucket() {
        for (key, group) in bucket.types.prepare(bucket, range).await? {
            if let Some(kind) = clash::majority(&context, &key, group).await? {
                bucket.types.fix(&key, group, kind);
            }
        }
    }
    loop {
        let inlet = Inlet::open(&context.out, range);
        let counted = values_in(&windows);
        let predicted = parts::bytes(&context, &windows).await?;
        context.tell(Event::BatchOpened {
            batch: range,
            values: counted,
            bytes_predicted: predicted,
        });
        let reading = Reading { context: &context, progress: &progress, inlet: &inlet, misread };
        let mut moved = reading.all(&windows, requested.take()).await?;
        details.source_bytes += moved.bytes;
        details.retries += moved.retries;
        if moved.values != counted {
            let again = count::windows(&context, range).await?;
            let recounted = values_in(&again);
            if recounted == counted {
                if misread {
                    return Err(Error::Mismatch { batch: range, counted, read: moved.values });
                }
                // An answer that ends exactly between two tables looks whole, and what the choice of a transport is based
                // on may be wrong: the next one, in plain Flux, tells.
                misread = true;
                context.tell(Event::Notice(format!(
                    "batch {range}: {} of {counted} values arrived: reading it again by plain Flux",
                    moved.values
                )));
                continue;
            }
            // Whatever the reason, a difference does not tell which values are missing: it is read again until both agree.
            if rereads < CHANGED_REREADS_MAX {
                rereads += 1;
                if recounted < counted && may_expire(&context, range) {
                    details.expired += counted - recounted;
                }
                context.tell(Event::Notice(format!(
                    "batch {range} changed while it was read ({counted} values, now {recounted}): reading it again"
                )));
                windows = again;
                continue;
            }
            details.changed = true;
        }
        details.counted = counted;
        details.transport = names(&moved.transports);
        let strings = reading.carriage_returns(&windows).await?;
        details.source_bytes += strings.bytes;
        details.retries += strings.retries;
        moved.refusals.add(strings.refusals.counted_before());
        let staged = inlet.close().await?;
        if let Some(staged) = &staged
            && let Err(error) = all_staged(range, &moved, staged)
        {
            // A try that failed may have brought values that the source has no more.
            if moved.retries == 0 || rereads == CHANGED_REREADS_MAX {
                return Err(error);
            }
            rereads += 1;
            continue;
        }
        details.read = moved.values;
        details.acknowledged = moved.values.saturating_sub(moved.refusals.values());
        let mut lost = lost(&context, range).await?;
        for found in context.job.unreturned_in(range) {
            lost.add(refused_unread(&context, range, found)?);
        }
        let left_out_values = lost.values();
        moved.refusals.add(lost);
        context.out.tell_refusals(range, &moved.refusals);
        details.rejected = moved.refusals.values();
        return Ok(Done {
            seq: seq..seq + 1,
            values: moved.values,
            left_out: left_out_values,
            details,
            refusals: moved.refusals,
            staged,
        });
    }
}

/// A spool must hold what was decoded, less what could not be named.
fn all_staged(batch: TimeRange, moved: &Moved, staged: &FinishedBatch) -> Result<(), Error> {
    let nameless = moved.refusals.values();
    let (read, staged) = (moved.values.saturating_sub(nameless), staged.totals().values);
    if read == staged { Ok(()) } else { Err(Error::NotStaged { batch, read, staged }) }
}

/// Values before the retention line of the source vanish while they are read.
fn may_expire(context: &Context, range: TimeRange) -> bool {
    let now = context.source.server_time().map_or(range.stop, Timestamp::from_ns);
    context.job.source_retention_ns.is_some_and(|ns| range.start < now.saturating_add_ns(-ns))
}

/// One reading of a batch.
struct Reading<'a> {
    context: &'a Arc<Context>,
    progress: &'a Arc<Progress>,
    inlet: &'a Inlet,
    /// Each slice is asked for in the form that needs to know least.
    misread: bool,
}

impl Reading<'_> {
    /// Reads and writes all slices.
    async fn all(
        &self,
        windows: &[Window],
        requested: Option<oneshot::Sender<()>>,
    ) -> Result<Moved, Error> {
        let context = self.context;
        let mut tasks: JoinSet<Result<Moved, Error>> = JoinSet::new();
        let mut moved = Moved::default();
        for window in windows {
            for part in parts::of(context, window, self.misread).await? {
                for range in cut_for_types(context, part.range) {
                    let values = part.range.share(part.values, range).max(1);
                    let values_max = part.target.values_max(context);
                    for slice in slices(range, window.layer, &part.target, values, values_max) {
                        let permit = context.slices.one().await?;
                        let moving = self.slice(slice);
                        tasks.spawn(async move {
                            let moved = moving.await;
                            drop(permit);
                            moved
                        });
                        while let Some(done) = tasks.try_join_next() {
                            moved.add(joined(done)?);
                        }
                    }
                }
            }
        }
        if let Some(requested) = requested {
            // A pipeline that is being taken down no longer listens.
            let _ = requested.send(());
        }
        while let Some(done) = tasks.join_next().await {
            moved.add(joined(done)?);
        }
        Ok(moved)
    }

    fn slice(&self, slice: Slice) -> impl Future<Output = Result<Moved, Error>> + use<> {
        let Self { context, progress, inlet, .. } = *self;
        slice::run(Arc::clone(context), Arc::clone(progress), inlet.clone(), slice)
    }

    /// Strings with a carriage return arrive by Flux without it: they are found by the server, read again in escaped form,
    /// and written over what the slices wrote. All slices are acknowledged by now, so the right value comes last.
    async fn carriage_returns(&self, windows: &[Window]) -> Result<Moved, Error> {
        let mut moved = Moved::default();
        if !self.context.job.strings {
            return Ok(moved);
        }
        for window in windows {
            for scope in parts::read_by_flux(self.context, window, self.misread).await? {
                let values = count::carriage_returns(self.context, &scope, window.range).await?;
                if values == 0 {
                    continue;
                }
                let slice = Slice {
                    range: window.range,
                    layer: window.layer,
                    target: Target::CarriageReturns(scope),
                    values_predicted: values,
                    depth: 0,
                    held_bytes_max: HELD_SLICE_BYTES_MAX,
                };
                let permit = self.context.slices.one().await?;
                let part = self.slice(slice).await?;
                drop(permit);
                if part.values != values {
                    let batch = window.range;
                    return Err(Error::Mismatch { batch, counted: values, read: part.values });
                }
                moved.add(Moved { values: 0, ..part });
            }
        }
        Ok(moved)
    }
}

/// Where types can clash, a slice must not reach over two shard groups of the destination: each has a type of its own.
fn cut_for_types(context: &Context, range: TimeRange) -> Vec<TimeRange> {
    match context.out.bucket() {
        Some(bucket) if !bucket.types.is_empty() => range.shard_group_parts(bucket.shard_group_ns),
        _ => vec![range],
    }
}

/// The values that neither language carries: counted, and refused without their text.
async fn lost(context: &Context, batch: TimeRange) -> Result<Refusals, Error> {
    let values = count::lost(context, batch).await?;
    if values == 0 {
        return Ok(Refusals::default());
    }
    let found: Vec<_> = context.job.routes.lost.iter().map(|found| found.why.as_str()).collect();
    let reason =
        format!("left out, because the source's answers cannot carry it: {}", found.join("; "));
    context.out.rejects.uncarried(batch, &reason, values, b"")
}

/// Each of its series holds some value: how many, no query tells.
fn refused_unread(
    context: &Context,
    batch: TimeRange,
    found: &Unreturned,
) -> Result<Refusals, Error> {
    let reason = format!(
        "{found}: the source lists it and returns its values to no query; `influxd inspect export-lp` has them"
    );
    context.out.rejects.uncarried(batch, &reason, found.series.max(1), b"")
}

/// The names of transports, joined.
fn names(transports: &BTreeSet<Transport>) -> String {
    transports.iter().map(|transport| transport.name()).collect::<Vec<_>>().join(",")
}
