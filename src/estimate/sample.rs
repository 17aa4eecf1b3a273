//! What a value costs in a transport, measured on a small part of a slice: some of its series over all of its time where
//! that is little enough, so that what is written once for each series weighs as much as in a run; else less time too, and
//! half of that again, which tells what is written once from what is written for each value.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::influx::error::FailureKind;
use crate::limits::{
    FRAMES_QUEUED_MAX, HELD_INSTANT_BYTES_MAX, PLAN_SAMPLE_EXCESS_MAX, SPLIT_DEPTH_MAX,
};
use crate::model::scale::scaled;
use crate::model::side::Side;
use crate::model::time::{TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::error::Error;
use crate::pipeline::plan::choice::{Choice, Choices};
use crate::pipeline::plan::parts;
use crate::pipeline::plan::request::{FluxScope, SliceRequest};
use crate::pipeline::plan::series_group::SeriesGroup;
use crate::pipeline::plan::slice::slices;
use crate::pipeline::pool::blocking;
use crate::pipeline::read::bucket::answer::ReadAttempt;
use crate::pipeline::read::bucket::reader::BucketReader;
use crate::pipeline::read::bucket::{failure, fetch};
use crate::pipeline::small_answer;
use crate::pipeline::source::SourceBucket;
use crate::pipeline::source::layer::Layer;
use crate::spool::size::EncodedSize;
use crate::wire::flux::{self, Selection};

/// Answers that were read, and their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sample {
    /// Values.
    pub values: u64,
    /// Decoded bytes.
    pub bytes: u64,
}

impl Sample {
    /// What `values` values cost, if the first half of this part costs `half`: what is written once for each series is in
    /// both. Without a half the cost is that of the values alone.
    #[must_use]
    pub(crate) fn carried_over(self, half: Option<Self>, values: u64) -> Self {
        let half = half.filter(|half| half.values < self.values && half.bytes < self.bytes);
        let bytes = match half {
            Some(half) => {
                let (values_more, bytes_more) =
                    (self.values - half.values, self.bytes - half.bytes);
                let further = values.saturating_sub(self.values);
                self.bytes.saturating_add(scaled(bytes_more, further, values_more))
            }
            None => scaled(self.bytes, values, self.values),
        };
        Self { values, bytes }
    }

    /// Thousandths of a byte for each value; 0 without one.
    pub(crate) fn milli_bytes_per_value(self) -> u64 {
        let milli = (u128::from(self.bytes) * 1_000).checked_div(u128::from(self.values));
        milli.map_or(0, |milli| u64::try_from(milli).unwrap_or(u64::MAX))
    }
}

/// A sample, and what its values would take in a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Read {
    /// As it was read.
    pub sample: Sample,
    /// As it would be staged.
    pub encoded: EncodedSize,
}

/// A part of a slice that is small enough to be read for a look.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    range: TimeRange,
    among: Option<SeriesGroup>,
    values: u64,
    /// What the same series hold in all of the slice.
    pub slice_values: u64,
}

impl Place {
    /// The first half of a part that is cut in time already.
    pub(crate) fn half(&self) -> Option<Self> {
        let (range, _) = self.range.halves().filter(|_| self.values < self.slice_values)?;
        Some(Self { range, values: self.values / 2, ..self.clone() })
    }
}

/// Slices that a run makes of so many values of a measurement in one window.
pub(crate) fn slice_count(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    window: TimeRange,
    values: u64,
) -> u64 {
    let targets = parts::alone(choice, values);
    let count = |(target, values): &(SliceRequest, u64)| {
        let values_max = target.values_max(&context.job, &Choices::new());
        slices(window, Layer::Plain, target, *values, values_max).len() as u64
    };
    targets.iter().map(count).sum()
}

/// Finds a part with about `values_max` values at the most in the middle slice of a window that holds `values` values of
/// the measurement; or why there is none.
pub(crate) async fn place(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    window: TimeRange,
    values: u64,
    values_max: u64,
) -> Result<Result<Place, String>, Error> {
    let (slice, values) = middle_slice(context, choice, window, values);
    if values <= values_max {
        return Ok(Ok(Place { range: slice, among: None, values, slice_values: values }));
    }
    if let Some((among, ..)) = SeriesGroup::some(choice, values_max, values) {
        let held = count(context, choice, Some(&among), slice).await?;
        if held > 0 {
            return less_time(context, choice, Some(among), (slice, held), values_max).await;
        }
    }
    less_time(context, choice, None, (slice, values), values_max).await
}

fn middle_slice(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    window: TimeRange,
    values: u64,
) -> (TimeRange, u64) {
    let Some((target, _)) = parts::alone(choice, values).pop() else { return (window, values) };
    let cut = slices(
        window,
        Layer::Plain,
        &target,
        values,
        target.values_max(&context.job, &Choices::new()),
    );
    let ranges: std::collections::BTreeSet<_> =
        cut.iter().map(|slice| (slice.range.start, slice.range.stop)).collect();
    let parts = ranges.len() as u64;
    match ranges.into_iter().nth(usize::try_from(parts / 2).unwrap_or(0)) {
        Some((start, stop)) => (TimeRange { start, stop }, values.div_ceil(parts.max(1))),
        None => (window, values),
    }
}

/// A first guess by length, then halves.
async fn less_time(
    context: &SourceBucket,
    choice: &Choice,
    among: Option<SeriesGroup>,
    (range, values): (TimeRange, u64),
    values_max: u64,
) -> Result<Result<Place, String>, Error> {
    let (mut range, mut held) = (range, values);
    let mut guess = true;
    for _ in 0..SPLIT_DEPTH_MAX * 2 {
        if held <= values_max {
            break;
        }
        let first = if guess {
            let ns = range.duration_ns() * i128::from(values_max) / i128::from(held.max(1));
            let stop = range.start.saturating_add_ns(i64::try_from(ns.max(1)).unwrap_or(i64::MAX));
            Some(TimeRange { stop: stop.min(range.stop), ..range })
        } else {
            range.halves().map(|(first, _)| first)
        };
        guess = false;
        let Some(first) = first else { break };
        match count(context, choice, among.as_ref(), first).await? {
            0 => range = TimeRange { start: first.stop, ..range },
            values => (range, held) = (first, values),
        }
    }
    if held > values_max.saturating_mul(PLAN_SAMPLE_EXCESS_MAX) {
        let at = range.start;
        return Ok(Err(format!("{held} values at {at} are too many for a sample")));
    }
    Ok(Ok(Place { range, among, values: held, slice_values: values }))
}

async fn count(
    context: &SourceBucket,
    choice: &Choice,
    among: Option<&SeriesGroup>,
    range: TimeRange,
) -> Result<u64, Error> {
    let what = "count of a sample";
    let range = TimeRange { stop: range.stop.min(Timestamp::MAX), ..range };
    if range.start >= range.stop {
        return Ok(0);
    }
    let query = selected(context, choice, among, range, flux::count);
    small_answer::number(&context.client, &query, what).await
}

fn selected(
    context: &SourceBucket,
    choice: &Choice,
    among: Option<&SeriesGroup>,
    range: TimeRange,
    text: impl FnOnce(Selection<'_>) -> String,
) -> String {
    let selection = context.job.selection(range);
    let mut conditions = selection.without.to_vec();
    conditions.extend(among.map(SeriesGroup::condition));
    let measurements = std::slice::from_ref(&choice.measurement);
    text(Selection { measurements, without: &conditions, ..selection })
}

/// Reads a part as a run would; or why the source does not give it in this way.
pub(crate) async fn read(
    context: &SourceBucket,
    choice: &Arc<Choice>,
    place: &Place,
) -> Result<Result<Read, String>, Error> {
    // Plain Flux has no word for a group of series, but the job's filter has.
    let narrowed = place.among.as_ref().filter(|_| choice.transport == Transport::Flux);
    let narrowed = narrowed.map(|among| {
        let mut job = context.job.clone();
        job.routes.plain.push(among.condition());
        context.for_job(job)
    });
    let context = narrowed.as_ref().unwrap_or(context);
    let mut read = Read::default();
    for (target, values) in parts::alone(choice, place.values) {
        let target = match &place.among {
            Some(among) => target.only_among(among),
            None => target,
        };
        match read_one(context, &target, place.range, values).await {
            Ok(one) => {
                read.sample.values += one.sample.values;
                read.sample.bytes += one.sample.bytes;
                read.encoded = read.encoded.plus(one.encoded);
            }
            Err(error) if is_of_the_transport(&error) => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(read))
}

fn is_of_the_transport(error: &Error) -> bool {
    let kind = failure::source_failure(error, Side::Source, u32::MAX);
    failure::is_misfit(error)
        || matches!(
            kind,
            Some(FailureKind::Timeout | FailureKind::MemoryLimit | FailureKind::BadRequest)
        )
}

async fn read_one(
    context: &SourceBucket,
    request: &SliceRequest,
    range: TimeRange,
    values_predicted: u64,
) -> Result<Read, Error> {
    let what = format!("sample {range} {request}");
    let reader = BucketReader::to_look(context.for_job(context.job.clone()));
    let progress = reader.progress(range);
    let (sender, mut frames) = mpsc::channel(FRAMES_QUEUED_MAX);
    let held_bytes_max = HELD_INSTANT_BYTES_MAX;
    let attempt = ReadAttempt { request, range, what: &what, values_predicted, held_bytes_max };
    let read = fetch::read(&reader, &progress, attempt, sender);
    let keep = async {
        let mut kept = Vec::new();
        while let Some(frame) = frames.recv().await {
            kept.push(frame);
        }
        kept
    };
    let (fetched, kept) = tokio::join!(read, keep);
    let fetched = fetched?;
    let sample = Sample { values: fetched.totals.values, bytes: fetched.bytes };
    let encoded = blocking(move || Ok(EncodedSize::of(kept)?)).await?;
    Ok(Read { sample, encoded })
}

/// A window of fields of several types.
pub(crate) async fn read_mixed(
    context: &SourceBucket,
    window: TimeRange,
    values: u64,
) -> Result<Result<Sample, String>, Error> {
    match read_one(context, &SliceRequest::Flux(FluxScope::Mixed), window, values).await {
        Ok(read) => Ok(Ok(read.sample)),
        Err(error) if is_of_the_transport(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The same part as the vendor's guide reads it: with all columns.
pub(crate) async fn read_unchanged(
    context: &SourceBucket,
    choice: &Choice,
    place: &Place,
) -> Result<Sample, Error> {
    let what = "sample in the form of the guide";
    let query = selected(context, choice, place.among.as_ref(), place.range, flux::read_unchanged);
    let answer = context.client.query_all(&query, what).await;
    let answer = answer.map_err(|error| Error::influx(what, error))?;
    Ok(Sample { values: place.values, bytes: answer.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_once_is_not_carried_over() {
        let sample = |values, bytes| Sample { values, bytes };
        // 25 kB once, 2 bytes each.
        let (part, half) = (sample(3_000, 31_000), sample(1_500, 28_000));
        assert_eq!(part.carried_over(Some(half), 12_000), sample(12_000, 49_000));
        assert_eq!(part.carried_over(None, 12_000), sample(12_000, 124_000));
        // A half that says nothing: as large as the part, or empty where all lies behind it.
        assert_eq!(part.carried_over(Some(part), 12_000), sample(12_000, 124_000));
        assert_eq!(part.carried_over(Some(sample(0, 1_000)), 6_000), sample(6_000, 61_000));
        assert_eq!(part.carried_over(Some(half), 3_000), part, "nothing is cut");
        assert_eq!(sample(0, 0).carried_over(None, 5).bytes, 0);
    }
}
