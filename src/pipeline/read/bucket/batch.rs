//! One batch of a bucket: cut into slices, read, written, and held against the source's own count. A batch that comes back
//! from here is complete: everything in it is acknowledged or known to be refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::reader::BucketReader;
use super::restored::Relist;
use super::{relist, slice};
use crate::checkpoint::record::BatchDetails;
use crate::limits::{CHANGED_REREADS_MAX, HELD_SLICE_BYTES_MAX};
use crate::model::series::{Name, Readable};
use crate::model::time::TimeRange;
use crate::model::transport::Transport;
use crate::pipeline::commit::complete::Done;
use crate::pipeline::error::Error;
use crate::pipeline::event::Event;
use crate::pipeline::plan::request::SliceRequest;
use crate::pipeline::plan::slice::{Slice, slices};
use crate::pipeline::plan::{count, parts};
use crate::pipeline::read::batch::{Moved, SlicesInFlight, untyped};
use crate::pipeline::read::measurement_counts::{MeasurementCounts, MeasurementDifference};
use crate::pipeline::read::progress::BatchProgress;
use crate::pipeline::source::layer::{Window, values_in};
use crate::pipeline::source::types_at;
use crate::pipeline::write::BatchSink;
use crate::pipeline::write::rejects::refusals::RefusedValues;
use crate::spool::batch::FinishedBatch;

/// Moves batch `seq`. `requested` is told once every slice has been asked for: the next batch may start then.
pub(crate) async fn run(
    reader: Arc<BucketReader>,
    seq: u64,
    range: TimeRange,
    mut windows: Vec<Window>,
    requested: oneshot::Sender<()>,
) -> Result<Done, Error> {
    let mut requested = Some(requested);
    let mut tries = Tries::default();
    let progress = Arc::new(reader.progress(range));
    fix_types(&reader, range).await?;
    loop {
        reader.restored.open(range);
        let sink = reader.out.open(range);
        let counted = values_in(&windows);
        let predicted = parts::bytes(&reader.source, &reader.choices, &windows).await?;
        reader.tell(Event::BatchOpened {
            batch: range,
            values: counted,
            bytes_predicted: predicted,
        });
        let misread = tries.misread;
        let reading = Reading { reader: &reader, progress: &progress, sink: &sink, misread };
        let mut moved = reading.all(&windows, requested.take()).await?;
        tries.details.source_bytes += moved.bytes;
        tries.details.retries += moved.retries;
        let difference = MeasurementCounts::counted(&windows).difference(&moved.counts);
        let is_as_counted = moved.values == counted && difference.is_none();
        if is_as_counted && tries.call_for_mixed(&reader, range, &mut windows).await? {
            continue;
        }
        if !is_as_counted
            && tries.call_for_another(&reader, range, &mut windows, &moved, difference).await?
        {
            continue;
        }
        if !restored_rightly(&reader, seq, range, &mut tries).await? {
            continue;
        }
        tries.details.counted = counted;
        tries.details.transport = names(&moved.transports);
        let strings = reading.carriage_returns(&windows, &moved.strings_by_flux).await?;
        // What came or went meanwhile may have been written before. What strings were first is known where Flux alone has read,
        // and all of them were taken.
        let is_known = strings.digests.iter().all(|(name, _)| !moved.by_influxql.contains(name));
        let is_known = is_known && strings.refusals.is_empty();
        let is_once = !tries.details.changed && tries.details.expired == 0 && is_known;
        moved.digests.add(strings.digests);
        moved.frames.extend(strings.frames);
        tries.details.digests = moved.digests_held(&reader.out).filter(|_| is_once);
        tries.details.source_bytes += strings.bytes;
        tries.details.retries += strings.retries;
        moved.refusals.add(strings.refusals.counted_before());
        let staged = sink.close().await?;
        if let Some(staged) = &staged
            && let Err(error) = all_staged(range, &moved, staged)
        {
            // A try that failed may have brought values that the source has no more.
            if moved.retries == 0 || tries.rereads == CHANGED_REREADS_MAX {
                return Err(error);
            }
            tries.rereads += 1;
            continue;
        }
        return done(&reader, seq, range, moved, tries.details, staged).await;
    }
}

/// Holds the series that values were restored from against those of now, where it is time for that. False for a batch that is
/// to be read again, by plain Flux.
async fn restored_rightly(
    reader: &BucketReader,
    seq: u64,
    range: TimeRange,
    tries: &mut Tries,
) -> Result<bool, Error> {
    let is_last = seq + 1 == reader.source.job.plan.len();
    let when = if is_last { Relist::All } else { Relist::WhereItPays };
    relist::prove(reader, when).await?;
    let is_wrong = reader.restored.close(range) && !tries.misread;
    if is_wrong {
        tries.misread = true;
        reader.tell(Event::Notice(format!(
            "batch {range}: series changed while it was read: reading it again by plain Flux"
        )));
    }
    Ok(!is_wrong)
}

/// Fixes one type for each field that may clash in a batch: the destination's own, else that of most values.
async fn fix_types(reader: &BucketReader, batch: TimeRange) -> Result<(), Error> {
    let Some(bucket) = reader.out.bucket() else { return Ok(()) };
    for (key, group) in untyped(bucket, batch).await? {
        if let Some(kind) = types_at::majority(&reader.source, &key, group).await? {
            bucket.types.fix(&key, group, kind);
        }
    }
    Ok(())
}

/// The readings of one batch so far.
#[derive(Debug, Default)]
struct Tries {
    details: BatchDetails,
    rereads: u32,
    /// What the choice of transports is based on may be wrong.
    misread: bool,
}

impl Tries {
    /// Whether a reading that brought another number of values than were counted, of all or of one measurement, is to be
    /// repeated, of these windows.
    async fn call_for_another(
        &mut self,
        reader: &BucketReader,
        range: TimeRange,
        windows: &mut Vec<Window>,
        moved: &Moved,
        difference: Option<MeasurementDifference>,
    ) -> Result<bool, Error> {
        let counted = values_in(windows);
        let again = count::windows(&reader.source, range).await?;
        if MeasurementCounts::counted(&again) == MeasurementCounts::counted(windows) {
            let (measurement, counted, read) = match difference {
                Some(MeasurementDifference { measurement, counted, read }) => {
                    (Some(Readable(&measurement).to_string()), counted, read)
                }
                None => (None, counted, moved.values),
            };
            if self.misread {
                return Err(Error::Mismatch { batch: range, measurement, counted, read });
            }
            // An answer that ends exactly between two tables looks whole, and what the choice of a transport is based on
            // may be wrong: the next one, in plain Flux, tells.
            self.misread = true;
            reader.tell(Event::Notice(format!(
                "batch {range}: {read} of {counted} values{} arrived: reading it again by plain Flux",
                measurement.map(|name| format!(" of {name}")).unwrap_or_default()
            )));
            return Ok(true);
        }
        Ok(self.call_for_changed(reader, range, windows, again))
    }

    /// Whether a reading that brought what was counted is to be repeated, because fields of several types have changed since: it
    /// ends in silence where one has got another type.
    async fn call_for_mixed(
        &mut self,
        reader: &BucketReader,
        range: TimeRange,
        windows: &mut Vec<Window>,
    ) -> Result<bool, Error> {
        if count::is_mixed_as_counted(&reader.source, range, windows).await? {
            return Ok(false);
        }
        let again = count::windows(&reader.source, range).await?;
        // Where both languages count otherwise all the time, that is known: by the closing check at the latest.
        Ok(again != *windows && self.call_for_changed(reader, range, windows, again))
    }

    /// Whatever the reason, a difference does not tell which values are missing: it is read again until both agree, or until it
    /// has changed too often.
    fn call_for_changed(
        &mut self,
        reader: &BucketReader,
        range: TimeRange,
        windows: &mut Vec<Window>,
        again: Vec<Window>,
    ) -> bool {
        let (counted, recounted) = (values_in(windows), values_in(&again));
        if self.rereads == CHANGED_REREADS_MAX {
            self.details.changed = true;
            return false;
        }
        self.rereads += 1;
        if recounted < counted && reader.source.may_expire(range) {
            self.details.expired += counted - recounted;
        }
        reader.tell(Event::Notice(format!(
            "batch {range} changed while it was read ({counted} values, now {recounted}{}): reading it again",
            if recounted == counted { " of other measurements" } else { "" }
        )));
        *windows = again;
        true
    }
}

/// A batch that was read and written.
async fn done(
    reader: &BucketReader,
    seq: u64,
    range: TimeRange,
    mut moved: Moved,
    mut details: BatchDetails,
    staged: Option<FinishedBatch>,
) -> Result<Done, Error> {
    details.read = moved.values;
    details.acknowledged = moved.values.saturating_sub(moved.refusals.values());
    let mut lost = lost(reader, range).await?;
    for found in reader.source.job.unreturned_in(range) {
        lost.add(refused_unread(reader, range, found)?);
    }
    let left_out = lost.values();
    moved.refusals.add(lost);
    reader.out.tell_refusals(range, &moved.refusals);
    details.rejected = moved.refusals.values();
    let (values, refusals) = (moved.values, moved.refusals);
    let (counts, frames) = (moved.counts, moved.frames);
    Ok(Done { seq: seq..seq + 1, values, counts, left_out, details, refusals, staged, frames })
}

/// A spool must hold what was decoded, less what could not be named.
fn all_staged(batch: TimeRange, moved: &Moved, staged: &FinishedBatch) -> Result<(), Error> {
    let nameless = moved.refusals.values();
    let (read, staged) = (moved.values.saturating_sub(nameless), staged.totals().values);
    if read == staged { Ok(()) } else { Err(Error::NotStaged { batch, read, staged }) }
}

/// One reading of a batch.
struct Reading<'a> {
    reader: &'a Arc<BucketReader>,
    progress: &'a Arc<BatchProgress>,
    sink: &'a BatchSink,
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
        let BucketReader { source, choices, slices: permits, .. } = &**self.reader;
        let mut in_flight = SlicesInFlight::new(permits);
        for window in windows {
            for part in parts::parts_of_window(source, choices, window, self.misread).await? {
                for range in cut_for_types(self.reader, part.range) {
                    let values = part.range.share(part.values, range).max(1);
                    let values_max = part.request.values_max(&source.job, choices);
                    for slice in slices(range, window.layer, &part.request, values, values_max) {
                        in_flight.begin(self.slice(slice)).await?;
                    }
                }
            }
        }
        if let Some(requested) = requested {
            // A pipeline that is being taken down no longer listens.
            let _ = requested.send(());
        }
        in_flight.end().await
    }

    fn slice(&self, slice: Slice) -> impl Future<Output = Result<Moved, Error>> + use<> {
        let Self { reader, progress, sink, .. } = *self;
        slice::run(Arc::clone(reader), Arc::clone(progress), sink.clone(), slice)
    }

    /// Strings with a carriage return arrive by Flux without it: they are found by the server, read again in escaped form,
    /// and written over what the slices wrote. All slices are acknowledged by now, so the right value comes last.
    async fn carriage_returns(
        &self,
        windows: &[Window],
        strings_by_flux: &BTreeSet<Name>,
    ) -> Result<Moved, Error> {
        let BucketReader { source, slices: permits, .. } = &**self.reader;
        let mut moved = Moved::default();
        for window in windows {
            for scope in parts::read_by_flux(&source.job, window, strings_by_flux) {
                let values = count::carriage_returns(source, &scope, window.range).await?;
                if values == 0 {
                    continue;
                }
                let slice = Slice {
                    range: window.range,
                    layer: window.layer,
                    request: SliceRequest::CarriageReturns(scope),
                    values_predicted: values,
                    depth: 0,
                    held_bytes_max: HELD_SLICE_BYTES_MAX,
                };
                let permit = permits.one().await?;
                let part = self.slice(slice).await?;
                drop(permit);
                if part.values != values {
                    let batch = window.range;
                    let (counted, read) = (values, part.values);
                    return Err(Error::Mismatch { batch, measurement: None, counted, read });
                }
                moved.add(Moved { values: 0, counts: MeasurementCounts::default(), ..part });
            }
        }
        Ok(moved)
    }
}

/// Where types can clash, a slice must not reach over two shard groups of the destination: each has a type of its own.
fn cut_for_types(reader: &BucketReader, range: TimeRange) -> Vec<TimeRange> {
    match reader.out.bucket() {
        Some(bucket) if !bucket.types.is_empty() => range.shard_group_parts(bucket.shard_group_ns),
        _ => vec![range],
    }
}

/// The values that neither language carries: counted, and refused without their text.
async fn lost(reader: &BucketReader, batch: TimeRange) -> Result<RefusedValues, Error> {
    let values = count::lost(&reader.source, batch).await?;
    if values == 0 {
        return Ok(RefusedValues::default());
    }
    let found: Vec<_> =
        reader.source.job.routes.lost.iter().map(|found| found.why.as_str()).collect();
    let reason =
        format!("left out, because the source's answers cannot carry it: {}", found.join("; "));
    reader.out.rejects.uncarried(batch, &reason, values, b"")
}

/// Of what is listed each series holds some value: how many, no query tells.
fn refused_unread(
    reader: &BucketReader,
    batch: TimeRange,
    (found, values): (String, u64),
) -> Result<RefusedValues, Error> {
    let reason = format!(
        "{found}: the source returns this to no query of a run; `influxd inspect export-lp` has it"
    );
    reader.out.rejects.uncarried(batch, &reason, values, b"")
}

/// The names of transports, joined.
fn names(transports: &BTreeSet<Transport>) -> String {
    transports.iter().map(|transport| transport.name()).collect::<Vec<_>>().join(",")
}
