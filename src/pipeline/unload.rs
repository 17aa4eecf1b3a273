//! A spool, read: a batch measurement by measurement, each file held against the manifest before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::checkpoint::record::BatchDetails;
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::batch::BatchPlan;
use crate::model::frame::{FieldType, Frame};
use crate::model::interval::Interval;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::permits::Permits;
use crate::pipeline::read::batch::Done;
use crate::pipeline::survey::route::FieldKey;
use crate::pipeline::write::inlet::Inlet;
use crate::pipeline::write::outlet::Outlet;
use crate::pipeline::write::pool::{blocking, joined};
use crate::pipeline::write::refusals::Refusals;
use crate::spool::name;
use crate::spool::state::FileEntry;
use crate::spool::stored::{Stored, StoredSelection};

/// How a spool is read, where a bucket has a transport.
pub const TRANSPORT: &str = "spool";

/// What of a spool is read.
#[derive(Debug, Clone)]
pub struct Job {
    /// The spool.
    pub stored: Stored,
    /// These measurements only.
    pub measurements: Option<BTreeSet<Name>>,
    /// The whole job, from its start to this run's stop.
    pub range: TimeRange,
    /// The batches of this run.
    pub plan: BatchPlan,
    /// Their length.
    pub interval: Interval,
    /// Measurements read at one time.
    pub slices_in_flight: usize,
}

impl Job {
    fn selection(&self, range: TimeRange) -> StoredSelection {
        StoredSelection { range, measurements: self.measurements.clone(), buckets: None }
    }
}

/// Job, permits and where the values go.
#[derive(Debug)]
pub struct Context {
    job: Job,
    out: Arc<Outlet>,
    slices: Permits,
}

impl Context {
    /// What a run shares, at its beginning.
    pub fn new(job: Job, out: Arc<Outlet>) -> Self {
        Self { slices: Permits::new("read", job.slices_in_flight), job, out }
    }
}

/// The batches of a spool, in sequence. What it keeps grows with the files, never with the batches.
#[derive(Debug)]
pub struct Batches {
    plan: BatchPlan,
    next: u64,
    /// Files that no batch has reached yet, the next one last.
    ahead: Vec<Reach>,
    /// Files of the next batch.
    here: Vec<Reach>,
}

/// A file and its batches.
#[derive(Debug)]
struct Reach {
    first: u64,
    last: u64,
    file: FileEntry,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Batches without a file.
    Empty(Range<u64>),
    /// A batch, its range and its files.
    Batch(u64, TimeRange, Vec<FileEntry>),
}

impl Batches {
    /// The batches of a job.
    pub fn new(job: &Job) -> Self {
        let plan = job.plan;
        let reach = |file: &FileEntry| {
            let inside = file.range().intersect(plan.range());
            let last = Timestamp::from_ns(inside.stop.ns() - 1);
            Some(Reach { first: plan.at(inside.start)?, last: plan.at(last)?, file: file.clone() })
        };
        let files = job.stored.files(&job.selection(plan.range()));
        let mut ahead: Vec<Reach> = files.into_iter().filter_map(reach).collect();
        ahead.sort_by_key(|reach| std::cmp::Reverse(reach.first));
        Self { plan, next: 0, ahead, here: Vec::new() }
    }
}

impl Iterator for Batches {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let seq = self.next;
        let range = self.plan.nth(seq)?;
        self.here.retain(|reach| reach.last >= seq);
        while let Some(reach) = self.ahead.pop_if(|reach| reach.first <= seq) {
            self.here.push(reach);
        }
        if self.here.is_empty() {
            self.next = self.ahead.last().map_or_else(|| self.plan.len(), |reach| reach.first);
            return Some(Found::Empty(seq..self.next));
        }
        self.next += 1;
        let files = self.here.iter().map(|reach| reach.file.clone()).collect();
        Some(Found::Batch(seq, range, files))
    }
}

/// Moves batch `seq`. `requested` is told once the reading of its last measurement has begun.
pub async fn run(
    context: Arc<Context>,
    seq: u64,
    batch: TimeRange,
    files: Vec<FileEntry>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    if let Some(bucket) = context.out.bucket() {
        for (key, group) in bucket.types.prepare(bucket, batch).await? {
            if let Some(kind) = majority(&context, &key, group).await? {
                bucket.types.fix(&key, group, kind);
            }
        }
    }
    let measurements = measurements(files, batch);
    context.out.tell(Event::BatchOpened {
        batch,
        values: measurements.iter().map(|slice| slice.values).sum(),
        bytes_predicted: measurements.iter().map(|slice| slice.bytes).sum(),
    });
    let inlet = Inlet::open(&context.out, batch);
    let mut tasks: JoinSet<Result<Moved, Error>> = JoinSet::new();
    let mut moved = Moved::default();
    for slice in measurements {
        let permit = context.slices.one().await?;
        let (context, inlet) = (Arc::clone(&context), inlet.clone());
        tasks.spawn(async move {
            let moved = move_slice(&context, &inlet, batch, slice).await;
            drop(permit);
            moved
        });
        while let Some(done) = tasks.try_join_next() {
            moved.add(joined(done)?);
        }
    }
    // A pipeline that is being taken down no longer listens.
    let _ = requested.send(());
    while let Some(done) = tasks.join_next().await {
        moved.add(joined(done)?);
        context.out.tell(Event::BatchProgress {
            batch,
            values_read: moved.values,
            values_written: moved.written,
            bytes_read: moved.bytes,
        });
    }
    context.out.tell_refusals(batch, &moved.refusals);
    let details = BatchDetails {
        source_bytes: moved.bytes,
        counted: moved.values,
        read: moved.values,
        acknowledged: moved.values.saturating_sub(moved.refusals.values()),
        rejected: moved.refusals.values(),
        transport: TRANSPORT.to_owned(),
        ..BatchDetails::default()
    };
    Ok(Done {
        seq: seq..seq + 1,
        values: moved.values,
        left_out: 0,
        details,
        refusals: moved.refusals,
        staged: inlet.close().await?,
    })
}

#[derive(Debug, Default)]
struct Moved {
    values: u64,
    written: u64,
    bytes: u64,
    refusals: Refusals,
}

impl Moved {
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.written += other.written;
        self.bytes += other.bytes;
        self.refusals.add(other.refusals);
    }
}

/// One measurement of a batch, as the manifest tells of it.
#[derive(Debug, Default)]
struct Slice {
    measurement: Name,
    files: Vec<FileEntry>,
    /// Values, if they are spread evenly over files that reach further than the batch.
    values: u64,
    /// The same of the bytes.
    bytes: u64,
    /// True if a file reaches further: then the values are a guess.
    reaches_further: bool,
}

fn measurements(files: Vec<FileEntry>, batch: TimeRange) -> Vec<Slice> {
    let mut all: BTreeMap<Name, Slice> = BTreeMap::new();
    for file in files {
        let Some(measurement) = name::decode(&file.measurement) else { continue };
        let own = all.entry(measurement.clone()).or_default();
        let whole = file.range();
        let inside = whole.intersect(batch);
        own.measurement = measurement;
        own.reaches_further |= inside != whole;
        own.values += whole.share(file.values, inside);
        own.bytes += whole.share(file.bytes, inside);
        own.files.push(file);
    }
    all.into_values().collect()
}

/// Moves one measurement of a batch.
async fn move_slice(
    context: &Arc<Context>,
    inlet: &Inlet,
    batch: TimeRange,
    slice: Slice,
) -> Result<Moved, Error> {
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let reader = Arc::clone(context);
    let Slice { measurement, files, values: expected, bytes, reaches_further } = slice;
    let read = blocking(move || read(&reader, batch, &measurement, &files, &sender));
    let (read, written) = tokio::join!(read, inlet.take(receiver));
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let values = read?;
    if !reaches_further && values != expected {
        return Err(Error::Mismatch { batch, counted: expected, read: values });
    }
    let counters = &context.out.counters;
    Counters::add(&counters.slice_bytes_wire, bytes);
    Counters::add(&counters.slice_bytes_decoded, bytes);
    Counters::add(&counters.slice_requests, 1);
    Counters::add(&counters.values_read, values);
    Ok(Moved { values, written: written.values, bytes, refusals: written.refusals })
}

/// Hands on the frames of one measurement; where types can clash, shard group by shard group of the destination.
fn read(
    context: &Context,
    batch: TimeRange,
    measurement: &Name,
    files: &[FileEntry],
    frames: &mpsc::Sender<Frame>,
) -> Result<u64, Error> {
    let shard_group_ns = match context.out.bucket() {
        Some(bucket) if bucket.types.watches(measurement) => Some(bucket.shard_group_ns),
        _ => None,
    };
    let (mut values, mut start) = (0, batch.start);
    while let Some(range) = next_part(TimeRange::new(start, batch.stop), files, shard_group_ns) {
        for frame in context.job.stored.frames_of(files, range)? {
            let frame = frame?;
            values += frame.values;
            frames.blocking_send(frame).map_err(|_| Error::StageGone("encode"))?;
        }
        start = range.stop;
    }
    Ok(values)
}

/// What is read next of a range: all of it, or one shard group. Where no file has anything, none is looked for.
fn next_part(
    range: TimeRange,
    files: &[FileEntry],
    shard_group_ns: Option<i64>,
) -> Option<TimeRange> {
    let ahead = files.iter().map(FileEntry::range).map(|own| own.intersect(range));
    let start = ahead.filter(|own| !own.is_empty()).map(|own| own.start).min()?;
    let stop = shard_group_ns.map_or(range.stop, |ns| start.shard_group(ns).stop);
    Some(TimeRange::new(start, stop.min(range.stop)))
}

/// The type of most values of a field in a stretch of the spool.
async fn majority(
    context: &Arc<Context>,
    (measurement, field): &FieldKey,
    group: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let (stored, field) = (context.job.stored.clone(), field.clone());
    let range = group.intersect(context.job.range);
    let measurements = Some(BTreeSet::from([measurement.clone()]));
    let selection = StoredSelection { range, measurements, buckets: None };
    blocking(move || {
        let mut votes: BTreeMap<FieldType, usize> = BTreeMap::new();
        for frame in stored.frames(&selection)? {
            let frame = frame?;
            for (index, (name, kind)) in frame.fields.iter().enumerate() {
                if *name == field {
                    let column = frame.batch.column(index + 1);
                    *votes.entry(*kind).or_default() += column.len() - column.null_count();
                }
            }
        }
        Ok(votes.into_iter().max_by_key(|(_, count)| *count).map(|(kind, _)| kind))
    })
    .await
}

/// The batch interval that nobody has to choose: so long that no file reaches over two of its batches, if they begin
/// together, and that a batch is worth its record.
pub fn interval(files: &[&FileEntry], range: TimeRange, values_min: u64) -> Interval {
    let span = |file: &&FileEntry| file.batch_range().duration_ns();
    let whole = range.duration_ns().max(1);
    let longest = files.iter().map(span).max().unwrap_or(whole).clamp(1, whole);
    let values: u64 = files.iter().map(|file| file.values).sum();
    let batches = whole / longest + 1;
    let per_batch = (i128::from(values) / batches).max(1);
    let times = (i128::from(values_min) / per_batch).clamp(1, batches);
    Interval::from_ns(i64::try_from(longest * times).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::NS_PER_S;

    fn file(time_min: i64, time_max: i64) -> FileEntry {
        FileEntry {
            path: String::new(),
            bucket: String::new(),
            measurement: String::new(),
            month: String::new(),
            batches: Vec::new(),
            time_min,
            time_max,
            bytes: 1,
            sha256: String::new(),
            rows: 1,
            values: 1,
            digest: String::new(),
        }
    }

    fn parts(
        range: TimeRange,
        files: &[FileEntry],
        shard_group_ns: Option<i64>,
    ) -> Vec<(i64, i64)> {
        let (mut parts, mut start) = (Vec::new(), range.start);
        let rest = |start| TimeRange::new(start, range.stop);
        while let Some(part) = next_part(rest(start), files, shard_group_ns) {
            parts.push((part.start.ns(), part.stop.ns()));
            start = part.stop;
        }
        parts
    }

    /// However short shard groups are said to be, only those are looked at that hold something.
    #[test]
    fn parts_are_shard_groups_with_files() {
        let range = TimeRange::new(Timestamp::from_ns(-10), Timestamp::from_ns(100 * NS_PER_S));
        let files = [file(3, 4), file(5, NS_PER_S), file(70 * NS_PER_S, 70 * NS_PER_S)];
        assert_eq!(parts(range, &files, None), [(3, 100 * NS_PER_S)]);
        let seconds = [(3, NS_PER_S), (NS_PER_S, 2 * NS_PER_S), (70 * NS_PER_S, 71 * NS_PER_S)];
        assert_eq!(parts(range, &files, Some(NS_PER_S)), seconds);
        assert_eq!(parts(TimeRange::ALL, &[file(1, 1)], Some(1)), [(1, 2)]);
        let last = i64::MAX - 1;
        assert_eq!(parts(TimeRange::ALL, &[file(last, last)], Some(NS_PER_S)), [(last, i64::MAX)]);
        assert_eq!(parts(range, &[], Some(1)), []);
    }
}
