//! A spool, read: a batch measurement by measurement, each file held against the manifest before anything is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::batch::{Moved, SlicesInFlight, untyped};
use super::progress::BatchProgress;
use crate::checkpoint::record::BatchDetails;
use crate::limits::FRAMES_QUEUED_MAX;
use crate::model::frame::{FieldType, Frame};
use crate::model::schema::FieldKey;
use crate::model::series::Name;
use crate::model::time::TimeRange;
use crate::pipeline::commit::complete::Done;
use crate::pipeline::error::Error;
use crate::pipeline::event::{Counters, Event};
use crate::pipeline::permits::Permits;
use crate::pipeline::plan::spool::{SpoolJob, StoredSlice, measurements, next_part};
use crate::pipeline::pool::blocking;
use crate::pipeline::write::BatchSink;
use crate::pipeline::write::DestinationWriter;
use crate::pipeline::write::written::Written;
use crate::spool::state::FileEntry;
use crate::spool::stored::StoredSelection;

/// How a spool is read, where a bucket has a transport.
pub(crate) const TRANSPORT: &str = "spool";

/// What all readers of a spool share in one run.
#[derive(Debug)]
pub(crate) struct SpoolReader {
    /// What is read.
    pub job: SpoolJob,
    /// Where the values go.
    pub out: Arc<DestinationWriter>,
    slices: Permits,
}

impl SpoolReader {
    /// At the beginning of a run.
    pub(crate) fn new(job: SpoolJob, out: Arc<DestinationWriter>) -> Self {
        Self { slices: Permits::new("read", job.slices_in_flight), job, out }
    }
}

/// Moves batch `seq`. `requested` is told once the reading of its last measurement has begun.
pub(crate) async fn run(
    reader: Arc<SpoolReader>,
    seq: u64,
    batch: TimeRange,
    files: Vec<FileEntry>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    fix_types(&reader, batch).await?;
    let measurements = measurements(files, batch);
    reader.out.tell(Event::BatchOpened {
        batch,
        values: measurements.iter().map(|slice| slice.values).sum(),
        bytes_predicted: measurements.iter().map(|slice| slice.bytes).sum(),
    });
    let sink = reader.out.open(batch);
    let progress = Arc::new(BatchProgress::new(batch, Arc::clone(&reader.out.events)));
    let mut in_flight = SlicesInFlight::new(&reader.slices);
    for slice in measurements {
        let (reader, progress) = (Arc::clone(&reader), Arc::clone(&progress));
        in_flight.begin(move_slice(reader, progress, sink.clone(), slice)).await?;
    }
    // A pipeline that is being taken down no longer listens.
    let _ = requested.send(());
    let moved = in_flight.end().await?;
    reader.out.tell_refusals(batch, &moved.refusals);
    let details = BatchDetails {
        source_bytes: moved.bytes,
        counted: moved.values,
        read: moved.values,
        acknowledged: moved.values.saturating_sub(moved.refusals.values()),
        rejected: moved.refusals.values(),
        transport: TRANSPORT.to_owned(),
        digests: moved.digests_held(&reader.out),
        ..BatchDetails::default()
    };
    Ok(Done {
        seq: seq..seq + 1,
        values: moved.values,
        counts: moved.counts,
        left_out: 0,
        details,
        refusals: moved.refusals,
        staged: sink.close().await?,
        frames: moved.frames,
    })
}

/// Fixes one type for each field that may clash in a batch: the destination's own, else that of most values.
async fn fix_types(reader: &Arc<SpoolReader>, batch: TimeRange) -> Result<(), Error> {
    let Some(bucket) = reader.out.bucket() else { return Ok(()) };
    for (key, group) in untyped(bucket, batch).await? {
        if let Some(kind) = majority(reader, &key, group).await? {
            bucket.types.fix(&key, group, kind);
        }
    }
    Ok(())
}

/// Moves one measurement of a batch.
async fn move_slice(
    reader: Arc<SpoolReader>,
    progress: Arc<BatchProgress>,
    sink: BatchSink,
    slice: StoredSlice,
) -> Result<Moved, Error> {
    let batch = progress.batch();
    let (sender, receiver) = mpsc::channel(FRAMES_QUEUED_MAX);
    let StoredSlice { measurement, files, values: expected, bytes, reaches_further } = slice;
    let read = blocking({
        let reader = Arc::clone(&reader);
        move || read(&reader, batch, &measurement, &files, &sender)
    });
    let (read, written) = tokio::join!(read, sink.take(receiver, false));
    // The writer's failure is the cause if both failed: the reader then only found nobody to hand frames to.
    let written = written?;
    let values = read?;
    if !reaches_further && values != expected {
        return Err(Error::Mismatch { batch, measurement: None, counted: expected, read: values });
    }
    let counters = &reader.out.counters;
    Counters::add(&counters.slice_bytes_wire, bytes);
    Counters::add(&counters.slice_bytes_decoded, bytes);
    Counters::add(&counters.slice_requests, 1);
    Counters::add(&counters.values_read, values);
    progress.bytes(bytes);
    progress.values(values, written.values);
    let Written { digests, frames, refusals, .. } = written;
    Ok(Moved { values, digests, frames, bytes, refusals, ..Moved::default() })
}

/// Hands on the frames of one measurement; where types can clash, shard group by shard group of the destination.
fn read(
    reader: &SpoolReader,
    batch: TimeRange,
    measurement: &Name,
    files: &[FileEntry],
    frames: &mpsc::Sender<Frame>,
) -> Result<u64, Error> {
    let shard_group_ns = match reader.out.bucket() {
        Some(bucket) if bucket.types.watches(measurement) => Some(bucket.shard_group_ns),
        _ => None,
    };
    let (mut values, mut start) = (0, batch.start);
    while let Some(range) = next_part(TimeRange::new(start, batch.stop), files, shard_group_ns) {
        for frame in reader.job.stored.frames_of(files, range)? {
            let frame = frame?;
            values += frame.values;
            frames.blocking_send(frame).map_err(|_| Error::StageGone("encode"))?;
        }
        start = range.stop;
    }
    Ok(values)
}

/// The type of most values of a field in a stretch of the spool.
async fn majority(
    reader: &Arc<SpoolReader>,
    (measurement, field): &FieldKey,
    group: TimeRange,
) -> Result<Option<FieldType>, Error> {
    let (stored, field) = (reader.job.stored.clone(), field.clone());
    let range = group.intersect(reader.job.range);
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
